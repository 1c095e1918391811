"""The repository root is the package: one test for each way in which that can go wrong."""

import ast
import dataclasses
import importlib
import importlib.metadata
import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from hypergrad_bench.bench import reproductions
from hypergrad_bench.bench.catalogue.kebab_case import kebab_case
from hypergrad_bench.bench.reproductions.reproduction import Reproduction
from hypergrad_bench.hypergrad import Method

ROOT = Path(__file__).resolve().parent.parent
NOT_PACKAGED = {"tests", "results", "build", "dist"}
SHIPPED = ["denoiser", "potential"]
RECORDED = ["default-cpu", "frontier-cpu", "overhead-cpu", "peers-cpu"]
REGISTRIES = ["problems", "solvers", "hypergrad", "bench/contenders", "bench/reproductions"]
ENTRIES = {"bench/contenders": Method, "bench/reproductions": Reproduction}
"""Folders in which what keeps a protocol is an entry; in the others every public dataclass is."""


def sources() -> list[Path]:
    """Every Python file that belongs into the wheel, relative to the root."""
    found = [*ROOT.glob("*.py")]
    for folder in ROOT.iterdir():
        if folder.is_dir() and folder.name not in NOT_PACKAGED and not folder.name.startswith("."):
            found += folder.rglob("*.py")
    return sorted(path.relative_to(ROOT) for path in found)


def modules() -> list[Path]:
    """Those of them that are imported: a contender's child process is a script for another environment."""
    return [source for source in sources() if not source.stem.endswith("_child")]


def module_name(source: Path) -> str:
    parts = source.with_suffix("").parts
    return ".".join(["hypergrad_bench", *(part for part in parts if part != "__init__")])


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_tests_are_no_package():
    # pytest would import the root as the tests' parent package: a second copy of every module.
    assert not (ROOT / "tests" / "__init__.py").exists()


def test_no_folder_is_named_like_the_package():
    assert not (ROOT / "hypergrad_bench").exists()


def test_declared_packages_are_the_folders_of_the_tree():
    folders = {".".join(["hypergrad_bench", *source.parent.parts]) for source in sources()}
    declared = project()["tool"]["setuptools"]["packages"]
    assert sorted(declared) == sorted(folders)
    assert all((ROOT / source.parent / "__init__.py").exists() for source in sources())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> list[str]:
    """The names in the wheel that HGB_WHEEL names, else in one built from a copy of the tree, offline."""
    given = os.environ.get("HGB_WHEEL")
    path = Path(given) if given else built(tmp_path_factory.mktemp("copy") / "checkout")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def built(copy: Path) -> Path:
    leave_out = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "local")
    shutil.copytree(ROOT, copy, ignore=leave_out)
    ran = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", copy / "dist", copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    (path,) = (copy / "dist").glob("*.whl")
    return path


def test_wheel_holds_the_sources_the_metadata_and_the_licence(wheel):
    metadata = f"hypergrad_bench-{project()['project']['version']}.dist-info"
    expected = {
        *(f"hypergrad_bench/{source.as_posix()}" for source in sources()),
        "hypergrad_bench/py.typed",
        *(f"hypergrad_bench/{path.relative_to(ROOT)}" for path in (ROOT / "bench/pages/assets").iterdir()),
        *(f"hypergrad_bench/problems/networks/weights/{name}.safetensors" for name in SHIPPED),
        *(
            f"hypergrad_bench/results/{run}/{name}"
            for run in RECORDED
            for name in ("records.jsonl", "run.json")
        ),
        *(
            f"hypergrad_bench/results/{path.parent.name}/{name}"
            for path in (ROOT / "results").glob("*/reproduction.json")
            for name in ("rows.jsonl", "reproduction.json")
        ),
        *(
            f"{metadata}/{name}"
            for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "top_level.txt")
        ),
        f"{metadata}/licenses/LICENSE",
    }
    assert set(wheel) == expected


@pytest.mark.parametrize("folder", REGISTRIES)
def test_every_entry_is_registered(folder):
    """The re-export is the registry: without its line an entry would join no grid, no list and no test."""
    package = importlib.import_module(f"hypergrad_bench.{folder.replace('/', '.')}")
    exported = vars(package).values()
    assert [one for one in defined_in(folder) if one not in exported] == []


def defined_in(folder: str) -> list[type]:
    """The entries that the modules of a registry's folder define; parts of networks are none."""
    found = []
    for source in modules():
        if not source.is_relative_to(folder) or "networks" in source.parts or source.stem == "__init__":
            continue
        module = importlib.import_module(module_name(source))
        classes = [one for one in vars(module).values() if isinstance(one, type)]
        found += [one for one in classes if one.__module__ == module.__name__ and is_entry(one, folder)]
    return found


def is_entry(cls: type, folder: str) -> bool:
    """Whether a class has to be registered."""
    if cls.__name__.startswith("_") or getattr(cls, "_is_protocol", False):
        return False
    if folder not in ENTRIES:
        return dataclasses.is_dataclass(cls)
    members = [name for name, value in vars(ENTRIES[folder]).items() if inspect.isfunction(value)]
    demanded = [name for name in members if not name.startswith("_") or name == "__call__"]
    return all(callable(getattr(cls, name, None)) for name in demanded)


def test_a_reproduction_is_named_like_its_folder():
    """`hgb reproduce NAME` runs `bench/reproductions/NAME/claim.py`; every such file is one of them."""
    entries = [one for one in vars(reproductions).values() if isinstance(one, type)]
    names = {kebab_case(one.__name__).replace("-", "_"): one.__module__ for one in entries}
    claims = (ROOT / "bench" / "reproductions").glob("*/claim.py")
    assert sorted(names) == sorted(path.parent.name for path in claims)
    assert all(module.endswith(f".{name}.claim") for name, module in names.items())


@pytest.mark.parametrize("folder", REGISTRIES)
def test_registry_is_only_re_exports(folder):
    tree = ast.parse((ROOT / folder / "__init__.py").read_text())
    for line in tree.body[1:]:
        text = ast.unparse(line)
        assert re.fullmatch(r"from \.([\w.]+) import (\w+) as \2", text), f"{folder}/__init__.py: {text}"


def test_import_has_no_side_effect():
    """Every module imports without a device, leaves JAX's configuration alone and prints nothing."""
    names = [module_name(source) for source in modules() if source.name != "__main__.py"]
    program = f"""
import importlib, warnings
import jax
warnings.filterwarnings("ignore", "JAXopt is no longer maintained")
before = dict(jax.config.values)
for name in {names!r}:
    importlib.import_module(name)
changed = {{key for key, value in jax.config.values.items() if before.get(key, value) != value}}
assert not changed, changed
"""
    # No such platform: the first array or device query while importing raises.
    environment = {"PATH": "/usr/bin:/bin", "JAX_PLATFORMS": "none_such"}
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_every_import_is_declared():
    requirement = re.compile(r"[\w.-]+")
    declared = {requirement.match(line)[0].lower() for line in project()["project"]["dependencies"]}
    distributions = importlib.metadata.packages_distributions()
    undeclared = {}
    for source in modules():
        for node in ast.walk(ast.parse((ROOT / source).read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            else:
                continue
            for name in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names):
                if not declared & {found.lower() for found in distributions.get(name, [])}:
                    undeclared.setdefault(name, str(source))
    assert not undeclared
