"""The shape of the house: rooms stay small, a name means one thing, the contract of imports bites."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import house
import pytest

LARGEST_FOLDER = 25
LONGEST_FILE = 400
TWO_THINGS = {
    "Dense": "a matrix as operator and the dense linear solver: both are public and stand in recorded runs",
}
"""Public names that two classes bear, and why."""


@pytest.fixture(scope="module")
def sources() -> house.Sources:
    """Every Python file of the working tree."""
    return house.sources_of(None)


def test_no_folder_has_more_modules_than_a_reader_can_survey(sources: house.Sources) -> None:
    rooms = house.modules_per_folder(house.modules_below(sources, *house.ROOMS, "tests"))
    assert {room: count for room, count in rooms.items() if count > LARGEST_FOLDER} == {}


def test_no_file_is_two_files(sources: house.Sources) -> None:
    lengths = {path: len(text.splitlines()) for path, text in sources.items()}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_a_name_means_one_class(sources: house.Sources) -> None:
    shared = house.shared_class_names(house.modules_below(sources, *house.ROOMS))
    assert {name: paths for name, paths in shared.items() if name not in TWO_THINGS} == {}
    assert TWO_THINGS.keys() <= shared.keys(), "an exception that is no longer needed"


def test_what_is_public_tells_the_shapes_of_arrays(sources: house.Sources) -> None:
    assert house.bare_arrays(house.modules_below(sources, *house.ROOMS)) == []


def test_modules_import_each_other_in_no_circle(sources: house.Sources) -> None:
    imports = house.imports_of(house.modules_below(sources, *house.ROOMS))
    assert [component for component in house.groups(imports) if len(component) > 1] == []


def test_the_counts_see_what_they_count() -> None:
    """On four modules by hand: a circle, a chain of three floors, a flag, bare arrays, a shared name."""
    small = {
        "bench/a.py": "from .b import B\nfrom ..solvers import c\n\nclass Same: ...\n",
        "bench/b.py": "from .a import Same\n\ndef f(x: Array, y: Float[Array, 'n']) -> None: ...\n"
        "Map = Callable[[Array], Float[Array, '']]\n\ndef _own(x: Array) -> Array: ...\n",
        "solvers/c.py": "import hypergrad_bench.problems.d\n\nflag = getattr(c, 'exact', True)\n",
        "problems/d.py": "class Same:\n    x: np.ndarray | None\n    y: Shaped[np.ndarray, '...']\n\n"
        "    def __call__(self) -> jax.Array:\n        def inside(v: Array): ...\n\n"
        "class _Own:\n    x: Array\n",
    }
    imports = house.imports_of(small)
    assert imports["bench/a.py"] == {"bench/b.py", "solvers/c.py"}
    assert imports["solvers/c.py"] == {"problems/d.py"}
    assert [component for component in house.groups(imports) if len(component) > 1] == [
        {"bench/a.py", "bench/b.py"}
    ]
    assert house.floors(imports) == 3
    assert house.arrows(imports) == {("bench", "solvers"), ("solvers", "problems")}
    assert house.arrows(imports, "bench") == {("a.py", "b.py"), ("b.py", "a.py")}
    assert house.flags_by_string(small) == ["solvers/c.py:3 exact"]
    assert house.bare_arrays(small) == [
        "bench/b.py:3 f(x)",
        "bench/b.py:4 Map",
        "problems/d.py:2 Same.x",
        "problems/d.py:5 Same.__call__(return)",
    ]
    assert house.shared_class_names(small) == {"Same": ["bench/a.py", "problems/d.py"]}


def test_an_import_against_the_contract_is_refused(sources: house.Sources, tmp_path: Path) -> None:
    """Planted in a copy: what is measured must not know how it is shown."""
    copy = tmp_path / house.PACKAGE
    for path, text in sources.items():
        if path == "__init__.py" or path.split("/")[0] in house.ROOMS:
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_text(text)
    shutil.copy(house.ROOT / "pyproject.toml", copy)
    with (copy / "bench" / "measure" / "clock.py").open("a") as module:
        module.write("\nfrom ..report import tables as planted\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "hypergrad_bench.bench.measure.clock -> hypergrad_bench.bench.report.tables" in done.stdout
    assert ", 1 broken" in done.stdout
