"""A request: names resolved once, cases listed without an image, one case found without the others."""

import hashlib
from pathlib import Path

import jax
import pytest

from hypergrad_bench import problems
from hypergrad_bench.bench.catalogue import catalogue as catalogue_module
from hypergrad_bench.bench.catalogue.catalogue import Catalogue, built_in
from hypergrad_bench.bench.catalogue.entry import Origin
from hypergrad_bench.bench.catalogue.plugin import with_plugins
from hypergrad_bench.bench.grid import expand as expand_module
from hypergrad_bench.bench.grid.case import Case
from hypergrad_bench.bench.grid.expand import expand
from hypergrad_bench.bench.grid.inputs import cast, lower_level, make_inputs, template
from hypergrad_bench.bench.grid.recorded_case import recorded_case
from hypergrad_bench.bench.grid.request import request_of
from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.bench.grid.suites import OTHERS, SUITES
from hypergrad_bench.bench.runs.run_file import run_folder

RESULTS = Path(__file__).resolve().parents[3] / "results"
GOOD = Path(__file__).parents[1] / "catalogue" / "plugins" / "good.py"
MEASURED = {
    "default": (390, "7b1a86ccf82a"),
    "frontier": (663, "4a5b5eaffe1b"),
    "peers": (423, "76b02a6e5d0a"),
}
"""How many cases a suite has, and a digest of their ids: journals are gone on with by them."""


def cases(**options: object) -> list[Case]:
    """The cases of a selection, in order."""
    request = request_of(Selection(**options), built_in())
    return [case for group in expand(request).groups for case in group]


def digest(ids: set[str]) -> str:
    """The digest of a run's grid, as `run.json` holds it."""
    return hashlib.sha256(" ".join(sorted(ids)).encode()).hexdigest()[:12]


@pytest.mark.parametrize("suite", MEASURED)
def test_the_cases_of_the_measured_suites_stay(suite: str) -> None:
    """A change of one would make every journal of the suite another run's. New entries join on request."""
    ids = {case.id for case in cases(suite=suite)}
    assert (len(ids), digest(ids)) == MEASURED[suite]


@pytest.mark.parametrize("suite", SUITES)
def test_listing_the_cases_draws_and_measures_nothing(suite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ground truths are asked for their shapes alone."""

    def drawn(*arguments: object, **options: object) -> None:
        raise AssertionError("an image was drawn")

    for truth in built_in().data.values():
        monkeypatch.setattr(type(truth), "sample", drawn)
    assert cases(suite=suite)


def test_a_template_is_like_the_lower_levels_that_are_measured() -> None:
    """In its tree, its shapes and its dtypes, which is what a `supports` may ask for."""
    for case in cases(suite="smoke", methods=("one-step",)):
        made, drawn = template(case.instance), lower_level(cast(make_inputs(case.instance), "float64"), 0)
        assert layout(made) == layout(drawn)
        assert made.shape == drawn.shape


def layout(lower: problems.LowerLevel) -> tuple[object, list[object]]:
    """The structure of a lower level, and shape and dtype of each leaf."""
    leaves, structure = jax.tree.flatten(lower)
    return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]


def test_below_the_request_no_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The catalogue is not asked again, and not made again."""
    request = request_of(Selection(suite="smoke"), with_plugins(built_in(), [GOOD]))

    def asked(*arguments: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(Catalogue, "entries", asked)
    monkeypatch.setattr(catalogue_module, "built_in", asked)
    assert expand(request).groups


def test_a_request_knows_where_its_entries_came_from(tmp_path: Path) -> None:
    """A plug-in's task is known as one without a comparison of names."""
    path = tmp_path / "task.py"
    path.write_text(
        "from hypergrad_bench.problems import Denoising, configuration\n"
        "@configuration\nclass Mine:\n    noise: float = 0.1\n    operator = Denoising.operator\n"
    )
    request = request_of(Selection(suite="smoke"), with_plugins(built_in(), [path]))
    origins = {problem.task.name: problem.task.origin for problem in request.problems}
    assert origins["mine"] is Origin.PLUGIN
    assert {origin for name, origin in origins.items() if name != "mine"} == {Origin.LIBRARY}


def test_every_name_in_a_suite_is_an_entry() -> None:
    """A misspelt one would be left out without a word."""
    catalogue = built_in()
    for suite in SUITES.values():
        workloads = (*suite.workloads, *suite.on_request)
        named = {
            "solvers": suite.solvers,
            "methods": (
                *suite.methods,
                *suite.methods_on_request,
                *(name for one in workloads for name in one.methods),
            ),
            "regularizers": tuple(one.regularizer for one in workloads),
            "tasks": (
                *suite.further_methods_on,
                *suite.further_solvers_on,
                *suite.contenders_on,
                *(name for one in workloads for name in one.tasks),
            ),
        }
        for kind, names in named.items():
            assert set(names) - {OTHERS} <= vars(catalogue)[kind].keys()


@pytest.mark.parametrize("suite", ["default", "peers"])
def test_the_case_of_a_record_is_found_without_the_others(
    suite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One problem is made of the whole grid; what no longer exists is None, as it was for the whole grid."""
    request = request_of(Selection(suite=suite), built_in())
    known = {case.id for group in expand(request).groups for case in group}
    made = []
    monkeypatch.setattr(expand_module, "template", lambda one: made.append(one) or template(one))
    records = run_folder(RESULTS / f"{suite}-cpu").journal.read().entries[::17]
    found = {record.id: recorded_case(record, request) for record in records}
    assert {record_id for record_id, case in found.items() if case} == known & found.keys()
    assert all(case is None or case.id == record_id for record_id, case in found.items())
    assert 0 < len(made) <= len(records)
