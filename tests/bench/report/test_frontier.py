"""The frontier and its profiles, on records whose standings are known."""

import csv
import io
import math

import pytest
from synthetic_records import identity, measured, record

from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.bench.report.contender_ratios import make_pairs, pairs_table
from hypergrad_bench.bench.report.frontier import ACCURACIES, Frontier, make_frontiers, undominated
from hypergrad_bench.bench.report.frontier_page import frontier_csv, frontier_markdown
from hypergrad_bench.bench.report.profile_figure import performance_profiles
from hypergrad_bench.bench.report.profiles import Profile, make_profiles
from hypergrad_bench.bench.report.publish import write_tables
from hypergrad_bench.bench.report.tables import report_of


def point(sweep: str, error: float | None, seconds: float, memory: float = 1.0, **changes) -> Record:
    """One budget of a method; its tolerance tells it from the others."""
    fixed = {"sweep": sweep, "method": f"{sweep}()", "relative_error": error, "total_seconds": seconds}
    fixed |= {"memory_bytes": memory, "reference_error": 1e-9, "tolerance": (error or 1.0) / 7}
    return measured(**(fixed | changes))


def only(records: list[Record]) -> Frontier:
    (frontier,) = make_frontiers(records)
    return frontier


def test_the_cheapest_budget_that_reaches_the_accuracy_is_taken() -> None:
    """An accurate budget may be cheaper than a loose one, and memory has its own cheapest."""
    records = [point("A", 5e-3, 3.0, 10), point("A", 5e-5, 2.0, 30), point("A", 1e-7, 9.0, 20)]
    (standing,) = only(records).standings
    found = [standing.cheapest(accuracy, "seconds") for accuracy in ACCURACIES]
    assert [one.seconds if one else None for one in found] == [2.0, 2.0, 9.0]
    found = [standing.cheapest(accuracy, "memory") for accuracy in ACCURACIES]
    assert [one.memory if one else None for one in found] == [10, 20, 20]
    assert standing.floor is not None
    assert standing.floor.error == 1e-7
    assert standing.cheapest(1e-8, "seconds") is None


def test_nobody_is_credited_with_more_than_the_reference_knows() -> None:
    """A difference of 1e-12 from a reference that is known to 1e-5 is an error of 1e-5."""
    frontier = only([point("A", 1e-12, 1.0, reference_error=1e-5)])
    (standing,) = frontier.standings
    assert standing.floor is not None
    assert standing.floor.error == 1e-5
    assert standing.cheapest(1e-4, "seconds") is not None
    assert standing.cheapest(1e-6, "seconds") is None
    assert [frontier.knows(accuracy) for accuracy in ACCURACIES] == [True, True, False]


def test_an_accuracy_must_be_reached_on_every_seed() -> None:
    """The worst seed counts, and one without numbers reaches nothing."""
    both = [point("A", error, 1.0, seed=seed, tolerance=0.1) for seed, error in enumerate((1e-7, 1e-3))]
    (standing,) = only(both).standings
    assert standing.cheapest(1e-6, "seconds") is None
    assert standing.cheapest(1e-2, "seconds") is not None
    failed = point("A", None, 1.0, seed=1, tolerance=0.1, status=Status.FAILED, reason="it broke")
    (standing,) = only([both[0], failed]).standings
    assert (standing.points, standing.reason) == ((), "it broke")


def test_other_libraries_are_set_against_ours_problem_by_problem() -> None:
    """At 1e-4, each with its cheapest budget; a ratio above one says that ours is faster."""
    records = [
        point("Implicit", 5e-5, 2.0, id=identity(1), solver="Lbfgs(memory=10)"),
        point("Implicit", 1e-3, 1.0, id=identity(2)),
        point("JaxoptImplicit", 1e-5, 3.0, id=identity(3)),
        point("OptimistixImplicit", 1e-2, 1.0, id=identity(4)),
        point("Implicit", 5e-5, 4.0, id=identity(5), size="32x32"),
        point("JaxoptImplicit", 1e-5, 2.0, id=identity(6), size="32x32"),
    ]
    pairs = make_pairs(make_frontiers(records), records)
    assert [one.ratio for one in pairs] == [1.5, None, 0.5]
    lines = pairs_table(pairs).lines
    assert [line[1] for line in lines] == ["JaxoptImplicit", "OptimistixImplicit"] + 2 * ["JaxoptImplicit"]
    assert lines[-1][0] == "median of 2 problems"
    assert lines[-1][-1] == "1.00"
    assert "## Other libraries" in frontier_markdown(records)
    assert "## Other libraries" not in frontier_markdown(records[:1])


def test_rows_that_are_no_points_of_a_sweep_are_left_out() -> None:
    """The default suite has no frontier, and its folder no page."""
    assert make_frontiers([measured()]) == []
    assert frontier_markdown([measured()]) == ""


def test_pareto_marks_who_is_not_dominated() -> None:
    """B is quick and rough, A slow and right, C slower and rougher than both, Z is as wrong as zero."""
    records = [
        point("A", 1e-8, 4.0, 3.0),
        point("B", 1e-3, 1.0, 9.0),
        point("C", 1e-2, 5.0, 2.0),
        point("Z", 1.0, 0.1, 0.1),
    ]
    frontier = only(records)
    assert {method for method, _ in undominated(frontier, "seconds")} == {"A", "B"}
    assert {method for method, _ in undominated(frontier, "memory")} == {"A", "C"}


def profiled() -> list[Record]:
    """Two problems: A takes 1 s and 4 s, B 2 s and 1 s, C reaches 1e-2 on the first alone, in 10 s."""
    times = {"64": {"A": 1.0, "B": 2.0}, "128": {"A": 4.0, "B": 1.0}}
    records = [
        point(method, 1e-7, seconds, size=size)
        for size, row in times.items()
        for method, seconds in row.items()
    ]
    records.append(point("C", 5e-3, 10.0, size="64"))
    return [one.model_copy(update={"id": identity(number)}) for number, one in enumerate(records)]


def test_profiles_are_those_of_the_definition() -> None:
    """Ratios 1 and 4 for A, 2 and 1 for B, 10 and never for C; areas by hand."""
    found = {one.method: one for one in make_profiles(make_frontiers(profiled()), 1e-2)}
    assert sorted(found["A"].ratios) == [1.0, 4.0]
    assert sorted(found["B"].ratios) == [1.0, 2.0]
    assert sorted(found["C"].ratios) == [10.0, math.inf]
    assert [found["A"].share(factor) for factor in (1.0, 3.9, 4.0, 100.0)] == [0.5, 0.5, 1.0, 1.0]
    assert found["C"].share(1e9) == 0.5
    assert found["A"].area == pytest.approx((1 + 1 - math.log(4) / math.log(100)) / 2)
    assert found["C"].area == pytest.approx(0.25)
    assert "C" not in {
        one.method for one in make_profiles(make_frontiers(profiled()), 1e-4) if one.share(100.0)
    }


def test_problems_that_no_reference_knows_well_enough_do_not_count() -> None:
    """One known to 1e-5 is left out at 1e-6, and one that nobody solves counts for nobody."""
    vague = point("A", 1e-12, 1.0, size="256", reference_error=1e-5)
    unsolved = point("A", 0.3, 1.0, size="512")
    frontiers = make_frontiers([*profiled(), vague, unsolved])
    lengths = {accuracy: len(make_profiles(frontiers, accuracy)[0].ratios) for accuracy in ACCURACIES}
    assert lengths == {1e-2: 4, 1e-4: 4, 1e-6: 3}
    assert make_profiles([], 1e-2) == []


def test_a_method_counts_with_its_best_solver() -> None:
    """A profile is of a method, whatever solves the lower level."""
    records = [point("A", 1e-7, 3.0, solver="Slow()"), point("A", 1e-7, 1.0, solver="Quick()")]
    assert make_profiles(make_frontiers(records), 1e-6) == [Profile("A", (1.0,))]


def test_the_page_says_what_is_there_and_why_the_rest_is_not() -> None:
    """Cells by hand: milliseconds and MiB to each accuracy, floor, marks, and why others are missing."""
    refused = record(sweep="D", method="D()", status=Status.NOT_SUPPORTED, reason="no dual variable")
    page = frontier_markdown([point("A", 5e-4, 0.002, 2.0**20), point("A", 1e-7, 0.5, 2.0**21), refused])
    assert "| A | DualFista | 2.00 | 500 | 500 | 1.00 | 2.00 | 2.00 | 1.0e-7 | time, memory |" in page
    assert "- D: no dual variable" in page
    assert "| A | all | 1.00 | 1.00 | 1.00 |" in page
    assert "known to 1.0e-9" in page


def test_the_csv_names_the_budget_behind_every_number() -> None:
    """One line per method, accuracy and cost."""
    lines = list(csv.DictReader(io.StringIO(frontier_csv([point("A", 5e-4, 0.002, id=identity(7))]))))
    assert len(lines) == 2 * len(ACCURACIES)
    first = lines[0]
    assert (first["sweep"], first["accuracy"], first["cost"]) == ("A", "0.01", "seconds")
    assert (float(first["value"]), first["ids"], first["pareto"]) == (0.002, identity(7), "True")
    assert lines[-1]["value"] == ""


def test_tables_of_a_sweep_are_written_beside_the_others(tmp_path) -> None:
    """The index links the page."""
    names = [path.name for path in write_tables(report_of(profiled()), tmp_path)]
    assert {"frontier.md", "frontier.csv", "results.csv"} <= set(names)
    assert "[frontier.md](frontier.md)" in (tmp_path / "tables" / "README.md").read_text()


def test_the_figure_has_a_panel_an_accuracy_and_a_curve_a_method() -> None:
    """C is drawn where it reaches the accuracy alone; a run without a sweep has no such figure."""
    panels = performance_profiles(profiled()).axes
    assert [len(axes.lines) for axes in panels] == [3, 2, 2]
    heights = panels[0].lines[0].get_ydata()
    assert heights[-1] == 1.0
    for width in (3.4, 7.0):
        narrow = performance_profiles(profiled(), width)
        assert narrow.get_figwidth() == width
        assert [len(axes.lines) for axes in narrow.axes] == [3, 2, 2]
    with pytest.raises(ValueError, match="no record to draw"):
        performance_profiles([measured()])
