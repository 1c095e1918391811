"""Every distribution that this project names, and that is there, is recorded with its version."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hypergrad_bench.bench.machine.distributions import versions
from hypergrad_bench.bench.machine.environment import environment


@pytest.fixture
def fresh() -> Iterator[None]:
    versions.cache_clear()
    yield
    versions.cache_clear()


def installed_version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def test_every_distribution_that_pyproject_names_is_recorded(repository: Path) -> None:
    """Those of the extras too; what the tests are run with holds optimistix, a contender, at least."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    extras = (name for names in project["optional-dependencies"].values() for name in names)
    names = {re.split(r"[\[<>=!~; ]", one)[0] for one in [*project["dependencies"], *extras]}
    there = {re.sub("[-_.]+", "-", name).lower(): installed_version(name) for name in names}
    recorded = environment()["packages"]
    assert isinstance(recorded, dict)
    expected = {name: version for name, version in there.items() if version is not None}
    assert {name: recorded.get(name) for name in expected} == expected
    assert {"optimistix", "jaxopt", "flax", "scikit-image", "pydantic-core", "hypergrad-bench"} <= set(
        recorded
    )


def test_the_names_are_those_of_the_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    """However a requirement is written; what is not installed is left out, and a wheel's metadata will do."""
    wanted = """Metadata-Version: 2.1
Name: some-bench
Version: 3.2
Requires-Dist: NumPy>=1
Requires-Dist: pydantic_core (>=2)
Requires-Dist: jax[cuda13]; extra == "cuda"
Requires-Dist: nowhere.to-be_found>=1; extra == "peers"
"""
    (tmp_path / "some_bench-3.2.dist-info").mkdir()
    (tmp_path / "some_bench-3.2.dist-info" / "METADATA").write_text(wanted)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = versions("some-bench")
    assert list(found) == ["jax", "numpy", "pydantic-core", "some-bench"]
    assert found["some-bench"] == "3.2"
    assert found["jax"] == importlib.metadata.version("jax")


def test_older_metadata_before_the_installations_hide_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: None
) -> None:
    """As those of a build that were left in a checkout from which Python is started."""
    for folder, requirement in (("new", "numpy"), ("old", "jax")):
        metadata = tmp_path / folder / "some_bench-3.2.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text(
            f"Metadata-Version: 2.1\nName: some-bench\nVersion: 3.2\nRequires-Dist: {requirement}\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path / folder))
    assert {"jax", "numpy"} <= set(versions("some-bench"))


def test_nothing_is_known_of_a_package_that_is_not_installed(fresh: None) -> None:
    """As one that is imported from its sources alone."""
    assert versions("no-such-bench") == {}
