"""The answer of a run, on records whose winner is known."""

from synthetic_records import measured, record

from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.bench.report.answer import SAME, answer_table, cheapest_of
from hypergrad_bench.bench.report.frontier import frontier_of
from hypergrad_bench.bench.report.publish import write_tables
from hypergrad_bench.bench.report.tables import EMPTY, problem_of, report_of
from hypergrad_bench.bench.report.text_table import TextTable


def of(method: str, error: float, seconds: float, **changes) -> Record:
    """One method with its error and time."""
    fixed = {"method": f"{method}()", "solver": "S()", "relative_error": error, "total_seconds": seconds}
    return measured(**(fixed | {"memory_bytes": 2.0**20, "reference_error": 1e-9} | changes))


def cells(table: TextTable) -> list[str]:
    """Return the only line, without its problem."""
    (line,) = table.lines
    return list(line[1:])


def test_the_cheapest_at_each_accuracy_with_the_next() -> None:
    """A cheap rule wins where it is right enough; the next is another method, not another solver."""
    records = [
        of("Cheap", 5e-3, 0.001),
        of("Exact", 1e-8, 0.004),
        of("Exact", 1e-8, 0.003, solver="T()"),
        of("Slow", 1e-8, 0.006),
    ]
    assert cells(answer_table(records)) == [
        "Cheap with S: 1.00 ms, 1.00 MiB; next Exact, 3.00 times as long",
        "Exact with T: 3.00 ms, 1.00 MiB; next Slow, 2.00 times as long",
        SAME,
    ]
    assert answer_table(records).remarks == []


def test_what_is_not_right_does_not_win_by_being_fast() -> None:
    """It is said who alone is right, and of which problems."""
    records = [of("Wrong", 0.5, 0.001), of("Exact", 1e-8, 0.004)]
    table = answer_table([*records, *(of("Wrong", 0.2, 0.001, size="32"), of("Exact", 1e-8, 0.1, size="32"))])
    assert [line[1] for line in table.lines] == [
        "Exact with S: 4.00 ms, 1.00 MiB; no other",
        "Exact with S: 100 ms, 1.00 MiB; no other",
    ]
    (remark,) = table.remarks
    assert remark.startswith("Only Exact is right to 1e-2: denoising, AnalysisL1")
    assert remark.count("; ") == 1


def test_where_nobody_is_right_the_least_wrong_is_named() -> None:
    """No winner is made up."""
    table = answer_table([of("Wrong", 0.5, 0.001), of("Better", 0.1, 0.002)])
    assert cells(table) == [EMPTY] * 3
    assert table.remarks[0].startswith("No method is right to 1e-2; the least wrong is Better, by 1.0e-1: ")


def test_where_nobody_can_tell_that_is_said() -> None:
    """Without a reference, or with one that is not known well enough."""
    nothing = answer_table([measured(reference_error=None, relative_error=None, reference="too large")])
    assert nothing.remarks[0].startswith("No reference says who is right: ")
    vague = answer_table([of("A", 1e-12, 1.0, reference_error=0.05)])
    assert vague.remarks[0].startswith("The reference itself is known to 5.0e-2 only: ")
    assert cells(nothing) == cells(vague) == [EMPTY] * 3


def test_a_method_must_be_right_on_every_seed_and_timed() -> None:
    """One bad seed, one failure or no time, and it is not chosen."""
    records = [
        of("Lucky", 1e-8, 0.001),
        of("Lucky", 0.3, 0.001, seed=1),
        of("Broken", 1e-8, 0.001),
        record(method="Broken()", solver="S()", seed=1, status=Status.FAILED, reason="it broke"),
        of("Untimed", 1e-8, 0.001, total_seconds=None),
        of("Exact", 1e-8, 0.5),
    ]
    found = cheapest_of(frontier_of(problem_of(records[0]), records), 1e-2)
    assert found is not None
    assert (found.standing.method, found.next) == ("Exact", None)


def test_what_is_right_but_was_not_timed_is_not_called_wrong() -> None:
    """It is said that nobody was timed."""
    table = answer_table([of("Exact", 1e-8, 0.004, total_seconds=None), of("Wrong", 0.5, 0.001)])
    assert cells(table) == [EMPTY] * 3
    assert table.remarks[0].startswith("Right to 1e-2, but not timed: Exact: denoising")
    both = answer_table([of("Exact", 1e-8, 0.004, total_seconds=None), of("Other", 1e-8, 0.001)])
    assert both.remarks == []


def test_a_seed_that_is_not_recorded_yet_is_no_seed_that_was_met() -> None:
    """The page of a run that is not finished says who is left out."""
    records = [of("Fast", 1e-8, 0.001), of("Whole", 1e-8, 0.002), of("Whole", 1e-8, 0.002, seed=1)]
    table = answer_table(records)
    assert cells(table)[0].startswith("Whole with S")
    assert table.remarks[-1].startswith("Left out, as not every seed is recorded yet, are budgets of Fast: ")


def test_no_record_gives_no_line(tmp_path) -> None:
    """An empty run has an answer without problems; the index of tables begins with the answer."""
    assert answer_table([]).lines == []
    index = write_tables(report_of([of("Exact", 1e-8, 0.004)]), tmp_path)[0].read_text()
    assert index.index("## Which method?") < index.index("Exact with S") < index.index("## All tables")
