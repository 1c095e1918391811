"""Pages for a browser, as files; what a browser makes of them is tested in one."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from synthetic_records import grid, identity, measured

from hypergrad_bench.bench.pages import record_table as table_of_page
from hypergrad_bench.bench.pages.blocks import Document, PlainTable, Words
from hypergrad_bench.bench.pages.charts import error_charts, profile_chart
from hypergrad_bench.bench.pages.pictures import filter_picture, restored_pictures
from hypergrad_bench.bench.pages.record_table import record_table
from hypergrad_bench.bench.pages.render import html_of
from hypergrad_bench.bench.pages.run_document import ShownRun, page_document, run_document
from hypergrad_bench.bench.report.page import Page
from hypergrad_bench.bench.report.tables import make_tables
from hypergrad_bench.bench.report.text_table import TextTable
from hypergrad_bench.problems import FieldsOfExperts, InputConvexNetwork

HOSTILE = '</script><script>alert("x")</script><img src=x onerror=alert(1)> {{ 7 * 7 }} & "quoted"'


class Outline(HTMLParser):
    """What a page consists of: tags with their attributes, its text, and its blocks of data."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.data, self._inside = "", {}, None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = dict(attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.text += data
        elif self._inside.get("type") == "application/json":
            self.data[self._inside["id"]] = json.loads(data)


def shown(records, name: str = "run", folder: Path = Path("nowhere")) -> ShownRun:
    """A run of some records."""
    return ShownRun(name, tuple(records), (), {"jax": "0.10", "dirty": False}, ["hgb", "run"], folder)


def test_the_page_of_a_run_begins_with_the_answer_and_holds_every_record() -> None:
    """Then come charts, records, and where they were measured."""
    records = grid()
    page = Outline(html_of(run_document([shown(records)])))
    headings = ["Which method?", "Error against time", "Performance profiles", "All records", "Where it was"]
    assert sorted(headings, key=page.text.index) == headings
    rows = page.data["records-data"]["rows"]
    assert [row[0] for row in rows] == [record.id for record in records]
    names = [column["name"] for column in page.data["records-data"]["columns"]]
    assert "run" not in names
    first = dict(zip(names, rows[0], strict=True))
    assert first["total_seconds"] == pytest.approx(14.5)
    assert (first["status"], first["method"]) == ("ok", "ClosedForm")


def test_no_page_asks_the_network_for_anything() -> None:
    """No tag that loads has an address but one inside the page."""
    page = Outline(html_of(run_document([shown(grid())])))
    addresses = [value for _, attrs in page.tags for key, value in attrs.items() if key in ("src", "href")]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert {tag for tag, _ in page.tags} & {"iframe", "object", "embed", "base"} == set()


def test_what_a_record_holds_is_text() -> None:
    """Whatever a plug-in names its solver, and whatever it raises."""
    records = [
        measured(solver=HOSTILE, task=HOSTILE, reason=HOSTILE),
        measured(method=HOSTILE, id=identity(2)),
    ]
    page = Outline(html_of(run_document([shown(records, HOSTILE)])))
    assert {tag for tag, _ in page.tags} & {"img"} == set()
    assert sum(tag == "script" for tag, _ in page.tags) == len(page.data) + 3
    assert HOSTILE in page.text
    assert HOSTILE in str(page.data["records-data"]["rows"][0])


def test_every_table_has_heads_and_every_picture_is_described() -> None:
    """What a screen reader needs."""
    drawn = Page(
        "Title", "Why?", "So.", [TextTable("A", "", ["x", "y"], [["1", "2"]])], "Yes.", {"f": Figure()}
    )
    page = Outline(html_of(page_document(drawn)))
    assert page.text.index("Verdict") < page.text.index("Rule")
    assert [attrs.get("scope") for tag, attrs in page.tags if tag == "th"] == ["col", "col", "row"]
    assert all(attrs["alt"] for tag, attrs in page.tags if tag == "img")
    assert ("html", {"lang": "en"}) in page.tags
    assert "Plotly" not in html_of(Document("t", [Words("w"), PlainTable(drawn.sections[0])]))


def test_two_runs_have_an_answer_each_and_one_table() -> None:
    """Machines are not mixed."""
    page = Outline(html_of(run_document([shown(grid(), "before"), shown(grid(), "after")])))
    assert page.text.index("Which method?: before") < page.text.index("Which method?: after")
    names = [column["name"] for column in page.data["records-data"]["columns"]]
    column = [row[names.index("run")] for row in page.data["records-data"]["rows"]]
    assert column == ["before"] * len(grid()) + ["after"] * len(grid())
    keys = [row[names.index("key")] for row in page.data["records-data"]["rows"]]
    assert len(set(keys)) == 2 * len(grid())
    drawn = page.data["error-against-time-1-views"][0]["traces"][0]["customdata"]
    assert set(drawn) <= set(keys[len(grid()) :])


def test_a_page_says_what_it_leaves_out(monkeypatch) -> None:
    """A browser is not given more than it can sort at once."""
    monkeypatch.setattr(table_of_page, "MOST", 3)
    table = record_table({"run": grid()}, {"run": "results/run"})
    assert len(table.rows) == 3
    assert table.text.startswith(f"The first 3 of {len(grid())} records.")


def test_charts_draw_every_row_that_has_both_numbers() -> None:
    """One view per problem, at the reference's own error where that is larger."""
    records = [measured(relative_error=1e-15), measured(method="M()", relative_error=None, id=identity(2))]
    time, memory = error_charts(make_tables(records), 0)
    (view,) = time.views
    (trace,) = view["traces"]
    assert (trace["y"], trace["x"], trace["customdata"]) == ([3e-12], [14.5], [records[0].id])
    assert memory.views[0]["traces"][0]["x"] == [3.5]
    assert error_charts([], 0) == []
    assert profile_chart([]) is None


def test_saved_arrays_are_shown_as_images(tmp_path) -> None:
    """Truth, measurement, solution and error, of the least wrong record whose arrays were saved."""
    image = np.linspace(0, 1, 12).reshape(1, 3, 4)
    arrays = {"x": image, "inputs.truths": image, "inputs.y": image + 0.1}
    records = [
        measured(size="3x4", id=identity(number), relative_error=error)
        for number, error in enumerate((1e-3, 1e-6, 1e-9))
    ]
    for record in records[:2]:
        np.savez(tmp_path / f"{record.id}.npz", **arrays)
    (picture,) = restored_pictures(records, tmp_path)
    assert picture.heading.endswith(f"record {records[1].id}")
    assert picture.alt.startswith("truth, measurement, solution, error of denoising")
    assert restored_pictures(records, tmp_path / "none") == []


@pytest.mark.parametrize("content", [b"garbage", b"PK\x03\x04 and no more", b""])
def test_arrays_that_are_damaged_are_named_and_the_page_is_made(tmp_path, content) -> None:
    """What was measured is not lost for a picture."""
    record = measured(size="3x4")
    (tmp_path / "arrays").mkdir()
    (tmp_path / "arrays" / f"{record.id}.npz").write_bytes(content)
    page = html_of(run_document([shown([record], folder=tmp_path)]))
    assert f"{record.id}.npz cannot be read: " in page


def test_learned_filters_are_shown() -> None:
    """Those of a bank; a network has none that are images by themselves."""
    picture = filter_picture(FieldsOfExperts.initial((8, 8), 0))
    assert picture is not None
    assert "learned filters of" in picture.alt
    assert filter_picture(InputConvexNetwork.initial((8, 8), 0)) is None
