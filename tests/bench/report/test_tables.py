"""Tables join seeds of one status alone, and every empty cell says why it is empty."""

import csv
import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from synthetic_records import BASE, grid, identity, measured, record

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.bench.report.columns import COLUMNS, count, power, scientific, significant, unity
from hypergrad_bench.bench.report.publish import csv_text, page_of_table, write_tables
from hypergrad_bench.bench.report.render import fold, render_table
from hypergrad_bench.bench.report.result_table import result_table
from hypergrad_bench.bench.report.tables import EMPTY, ResultRow, make_tables, report_of, row_of

COLUMN = {column.field: column for column in COLUMNS}
REFUSED = "Implicit needs a smooth energy"
STATUSES = (Status.MAX_STEPS, Status.OK, Status.OK)


def text_of(row: ResultRow, field: str) -> str:
    return row.cell(COLUMN[field]).text


def rendered(records: list[Record], width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    for table in make_tables(records):
        console.print(render_table(table, width))
    return console.file.getvalue()


def test_one_table_a_problem_and_one_row_a_run():
    names = ("task", "regularizer", "data", "size", "dtype")
    others = ({name: "9" if name == "size" else "other"} for name in names)
    records = [measured(), *(measured(**other) for other in others), measured(batch=1)]
    assert len(make_tables(records)) == 7
    runs = [measured(solver="S()"), measured(method="M()"), measured(max_steps=9), measured(tolerance=0.5)]
    (table,) = make_tables([measured(), *runs, measured(seed=1)])
    assert len(table.rows) == 5


def test_seeds_are_joined_by_the_median():
    row = row_of([measured(seed=seed, total_seconds=value) for seed, value in enumerate((0.001, 0.002, 0.9))])
    assert text_of(row, "total_seconds") == "2.00"
    assert (row.status, row.reason, row.seeds) == ("ok", "", 3)


@pytest.mark.parametrize("other", [status for status in Status if status is not Status.OK])
def test_statuses_are_never_mixed(other):
    good = measured(seed=0, relative_error=1e-6)
    bad = measured(seed=1, relative_error=1.0, status=other, reason="because")
    row = row_of([bad, good])
    assert row.values["relative_error"] == 1e-6
    assert row.status == "ok 1/2"
    assert row.reason == f"seed 1: {other}, because"


def test_rows_out_of_budget_are_joined_where_none_is_ok():
    rows = [measured(seed=seed, status=Status.MAX_STEPS, steps=float(seed)) for seed in (1, 3)]
    row = row_of([*rows, record(seed=2, status=Status.FAILED, reason="no")])
    assert (row.status, row.values["steps"]) == ("max_steps 2/3", 2.0)


def test_row_without_numbers_says_why_in_every_cell():
    row = row_of([record(status=Status.NOT_SUPPORTED, reason=REFUSED)])
    assert {row.cell(column) for column in COLUMNS} == {(EMPTY, REFUSED)}


def test_row_without_a_reason_falls_back_on_the_status():
    row = row_of([measured(status=Status.NOT_FINITE)])
    assert row.cell(COLUMN["steps"]) == (EMPTY, Status.NOT_FINITE.sentence)


@pytest.mark.parametrize("field", ["relative_error", "cosine", "norm_ratio"])
def test_no_reference_says_why(field):
    changes = {"relative_error": None, "cosine": None, "norm_ratio": None, "reference_error": None}
    why = "no reference: two rungs disagree by 3e-2"
    assert row_of([measured(reference=why, **changes)]).cell(COLUMN[field]) == (EMPTY, why)
    mixed = row_of([measured(), measured(seed=1, reference=why, **changes)])
    assert mixed.cell(COLUMN[field]) == (EMPTY, why)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.field)
def test_every_number_may_be_missing_with_a_reason(column):
    cell = row_of([measured(**{column.field: None})]).cell(column)
    assert cell.text == EMPTY
    assert cell.reason


@pytest.mark.parametrize(
    ("error", "text"), [(2e-9, "<3.0e-9"), (3e-9, "<3.0e-9"), (4e-9, "4.0e-9"), (0.0, "<3.0e-9")]
)
def test_error_below_the_reference_shows_the_references_own(error, text):
    assert text_of(row_of([measured(relative_error=error, reference_error=3e-9)]), "relative_error") == text


def test_numbers_are_written_in_their_units():
    row = row_of([measured(memory_bytes=3.5 * 2**20, solve_seconds=0.0123)])
    assert text_of(row, "memory_bytes") == "3.50"
    assert text_of(row, "solve_seconds") == "12.3"


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (scientific, 1.24e-9, "1.2e-9"),
        (scientific, 0.0, "0"),
        (scientific, 3e12, "3.0e12"),
        (significant, 0.01234, "0.0123"),
        (significant, 9.0, "9.00"),
        (significant, 1234.0, "1230"),
        (significant, 1e-7, "1.0e-7"),
        (unity, 0.99999, "1.0000"),
        (unity, -1e9, "-1.0e9"),
        (count, 412.5, "412.5"),
        (count, 2000.0, "2000"),
        (power, 1e-8, "1e-8"),
        (power, 0.05, "0.05"),
        (power, 0.0, "0"),
    ],
)
def test_numbers(write, value, text):
    assert write(value) == text


@pytest.mark.parametrize("width", [70, 80, 100, 120, 160, 240])
def test_terminal_tables_fit_and_cut_no_number(width):
    text = rendered(grid(), width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    for cell in ("<1.0e-11", "0.321", "412.5", "1.18", "8.7e-9", "0.0430", "not_supported [1]"):
        assert cell in text


def test_wide_terminals_get_one_part_and_narrow_ones_repeat_labels():
    assert rendered([measured()], 160).count("ClosedForm") == 1
    assert rendered([measured()], 110).count("ClosedForm") == 2


def test_a_row_names_its_first_record_and_how_many_more():
    seeds = [measured(seed=seed, id=identity(seed), status=status) for seed, status in enumerate(STATUSES)]
    (table,) = make_tables(seeds)
    assert table.rows[0].ids == tuple(map(identity, (1, 2, 0)))  # the joined ones first
    for text in (rendered(seeds, 160), page_of_table(table)):
        assert f"{identity(1)} +2" in text
    (row,) = csv.DictReader(io.StringIO(csv_text([table])))
    assert row["ids"].split() == list(table.rows[0].ids)
    assert identity(0) not in rendered([measured(id=identity(0))], 50)  # too narrow for it


def test_thousands_of_seeds_are_joined_without_comparing_records(monkeypatch):
    """Quadratic in the seeds of a row, it once took minutes; and a note names no thousand of them."""
    seeds = [measured(seed=seed, id=identity(seed), status=STATUSES[seed % 3]) for seed in range(3000)]

    def compared(*pair):
        pytest.fail("records are compared")

    monkeypatch.setattr(Record, "__eq__", compared)
    (table,) = make_tables(seeds)
    assert table.rows[0].seeds == 2000
    assert table.rows[0].reason.endswith("; and 980 further seeds")


def test_equal_sentences_share_one_note():
    records = [
        record(method=f"M{number}()", status=Status.NOT_SUPPORTED, reason=REFUSED) for number in range(3)
    ]
    text = rendered(records, 160)
    assert text.count(REFUSED) == 1
    assert text.count("[1]") == 4


def test_brackets_in_messages_are_text():
    text = rendered([record(status=Status.FAILED, reason="KeyError: [/red] [bold]")], 160)
    assert "KeyError: [/red] [bold]" in text


def test_labels_are_folded_where_a_reader_would():
    label = "Implicit(linear=Cg(max_steps=200, tolerance=1e-10))"
    assert fold(label, 22) == "Implicit(linear=Cg(\n  max_steps=200,\n  tolerance=1e-10))"
    assert fold("Unrolled", 4) == "Unrolled"
    assert fold(label, 80) == label


def test_markdown_is_one_pipe_table_with_notes():
    failed = record(method="M()", status=Status.FAILED, reason="a | b <script>\nand a traceback")
    (table,) = make_tables([measured(), failed])
    lines = page_of_table(table).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 4
    assert {line.replace("\\|", "").count("|") for line in rows} == {
        sum(not column.optional for column in COLUMNS) + 7
    }
    assert lines[-1] == r"1. a \| b \<script\>"


def test_csv_has_full_precision_and_says_why_a_number_is_missing():
    odd = measured(relative_error=1 / 3, adjoint_residual=None)
    (row,) = csv.DictReader(io.StringIO(csv_text(make_tables([odd]))))
    assert float(row["relative_error"]) == 1 / 3
    assert float(row["overhead_q3"]) == 1.21
    assert row["adjoint_residual"] == ""
    assert "adjoint_residual: the method solves no" in row["empty"]
    assert row["method"] == BASE["method"]


def test_an_optional_column_is_shown_where_a_row_fills_it():
    certified = measured(data="other", certified=True)
    without, some = make_tables([measured(), certified, measured(data="other", solver="S()")])
    assert "certified" not in page_of_table(without)
    assert "| certified |" in page_of_table(some)
    mixed = row_of([measured(certified=True), measured(seed=1, certified=False)])
    texts = [text_of(row_of([measured(certified=value)]), "certified") for value in (True, False)]
    assert [*texts, text_of(mixed, "certified")] == ["yes", "no", "some"]


def test_a_bound_above_one_tells_nothing():
    """The column is shown where a row has a bound that says something."""
    vacuous, some = make_tables([measured(error_bound=6e6), measured(data="other", error_bound=0.2)])
    assert "certified error" not in page_of_table(vacuous)
    assert "| certified error |" in page_of_table(some)


def test_files_of_a_run(tmp_path):
    records = [*grid(), measured(data="A b"), measured(data="a-b")]  # two problems with one slug
    index, table, *pages = write_tables(report_of(records), tmp_path)
    assert (index.name, table.name) == ("README.md", "results.csv")
    assert len(pages) == len(make_tables(records)) == len(set(pages))
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == sorted(
        path.name for path in (index, table, *pages)
    )
    text = index.read_text()
    assert all(f"({page.name})" in text for page in pages)
    assert all(status.sentence in text for status in Status)
    assert all(column.meaning in text for column in COLUMNS)


def test_no_records_make_an_empty_index(tmp_path):
    assert len(write_tables(report_of([]), tmp_path)) == 2


def test_unwritable_folder_is_named(tmp_path):
    (tmp_path / "tables").write_text("in the way")
    with pytest.raises(UserError, match=str(tmp_path / "tables")):
        write_tables(report_of([measured()]), tmp_path)


@pytest.mark.parametrize(("peak", "said"), [(3e6, False), (1.1e6, False), (4.3e6, True), (0.9e6, True)])
def test_a_measured_peak_far_from_the_static_figure_is_said_to_be(peak, said):
    (table,) = make_tables([measured(memory_bytes=2e6, peak_bytes=peak)])
    text = result_table(table)
    assert "peak MiB" in text.columns
    assert any("differ by more than a factor of 2" in note for note in text.notes) == said


def test_a_run_that_measured_no_peak_shows_none():
    (table,) = make_tables([measured()])
    assert "peak MiB" not in result_table(table).columns
