"""One table as text, and what each of its writers makes of it."""

import csv
import io

from rich.console import Console

from hypergrad_bench.bench.report.comma_separated import comma_separated, csv_of_cells
from hypergrad_bench.bench.report.markdown import markdown_table
from hypergrad_bench.bench.report.terminal import terminal_table
from hypergrad_bench.bench.report.text_table import TextTable

TABLE = TextTable(
    heading="Sizes | shapes",
    text="A **bold** word.",
    columns=("method", "solver", "ms"),
    lines=[("A", "[red]", "1.5 [1]"), ("B", "S", "20")],
    words=("solver",),
    notes=("not <timed>",),
    remarks=("C: refused",),
)


def test_markdown_escapes_all_but_the_paragraph_and_aligns_numbers_right():
    assert markdown_table(TABLE) == "\n".join(
        [
            r"## Sizes \| shapes",
            "",
            "A **bold** word.",
            "",
            "| method | solver | ms |",
            "| --- | --- | ---: |",
            r"| A | \[red\] | 1.5 \[1\] |",
            "| B | S | 20 |",
            "",
            r"1. not \<timed\>",
            "",
            "- C: refused",
        ]
    )
    assert markdown_table(TABLE, level=1).startswith("# Sizes")


def test_the_terminal_shows_brackets_as_they_are_and_every_part():
    console = Console(file=io.StringIO(), width=60, color_system=None)
    console.print(terminal_table(TABLE))
    lines = console.file.getvalue().splitlines()
    assert lines[:2] == ["Sizes | shapes", "A **bold** word."]
    assert [line.split() for line in lines[4:6]] == [["A", "[red]", "1.5", "[1]"], ["B", "S", "20"]]
    assert lines[5].rstrip().endswith("     20")
    assert [line.strip() for line in lines[6:8]] == ["[1] not <timed>", "- C: refused"]


def test_csv_of_cells_names_table_row_and_column():
    rows = list(csv.DictReader(io.StringIO(csv_of_cells([TABLE]))))
    assert len(rows) == 4
    assert rows[1] == {"table": "Sizes | shapes", "row": "A", "column": "ms", "value": "1.5 [1]"}


def test_csv_keeps_full_precision_and_none_is_empty():
    assert comma_separated(("a", "b"), [(1 / 3, None)]) == "a,b\n0.3333333333333333,\n"
