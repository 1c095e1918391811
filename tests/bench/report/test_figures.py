"""Figures draw what the records hold, keep labels apart, and refuse to draw nothing."""

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from synthetic_records import TASKS, grid, measured, record

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.bench.report.figures import (
    error_against_budget,
    error_against_time,
    memory_by_method,
    write_figures,
)
from hypergrad_bench.bench.report.panels import largest_tables
from hypergrad_bench.bench.report.tables import report_of

DRAW = (error_against_time, error_against_budget, memory_by_method)


def denoising() -> list[Record]:
    """The records of two panels."""
    return [each for each in grid() if each.task == "denoising" and each.dtype == "float64"]


def visible(figure: Figure) -> list:
    return [axes for axes in figure.axes if axes.axison]


def lines_of(axes) -> list:
    """The lines of methods: neither single markers nor the reference's own error."""
    return [line for line in axes.lines if line.get_marker() in ("", "None") and len(line.get_xdata()) > 1][
        :-1
    ]


@pytest.mark.parametrize("draw", DRAW)
def test_one_panel_a_task_and_regulariser(draw):
    titles = [axes.get_title().split(",")[0] for axes in visible(draw(grid()))]
    assert sorted(titles) == sorted(TASKS * 2)


@pytest.mark.parametrize(("width", "side_by_side"), [(None, 3), (3.4, 1), (7.0, 2)])
@pytest.mark.parametrize("draw", DRAW)
def test_texts_do_not_overlap_and_stay_inside(draw, width, side_by_side):
    figure = draw(grid() if width is None else denoising(), width=width)
    assert figure.axes[0].get_gridspec().ncols == side_by_side
    assert width in (None, figure.get_figwidth())
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    legend = figure.legends[0].get_window_extent()
    boxes = [axes.get_tightbbox(canvas.get_renderer()) for axes in visible(figure)]
    assert not any(one.overlaps(two) for one, two in itertools.combinations(boxes, 2))
    assert not any(legend.overlaps(box) for box in boxes)
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in (*boxes, legend))


def test_unrolled_budgets_are_joined_and_their_numbers_drawn():
    budgets = {10: 1e-1, 100: 1e-3, 1000: 1e-6}
    records = [
        measured(method="Unrolled()", max_steps=steps, relative_error=error, total_seconds=steps * 1e-3)
        for steps, error in budgets.items()
    ]
    (axes,) = visible(error_against_budget([measured(), *records]))
    (line,) = lines_of(axes)
    assert list(line.get_xdata()) == list(budgets)
    assert list(line.get_ydata()) == list(budgets.values())
    (axes,) = visible(error_against_time(records))
    assert list(lines_of(axes)[0].get_xdata()) == [0.01, 0.1, 1.0]


def test_error_below_the_reference_is_hollow_at_its_bound():
    (axes,) = visible(error_against_time([measured(relative_error=0.0, reference_error=1e-9)]))
    (point,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert point.get_markerfacecolor() == "white"
    assert list(point.get_ydata()) == [1e-9]


def test_rows_without_numbers_are_not_drawn():
    bad = record(method="Bad()", status=Status.FAILED, reason="no")
    figure = error_against_time([measured(), bad])
    assert "Bad" not in [text.get_text() for text in figure.legends[0].get_texts()]


def test_memory_is_drawn_in_mebibytes_of_the_largest_budget():
    small = measured(method="Unrolled()", max_steps=10, memory_bytes=2.0**20)
    large = measured(method="Unrolled()", max_steps=90, memory_bytes=9 * 2.0**20)
    (axes,) = visible(memory_by_method([large, small, measured(memory_bytes=2.0**21)]))
    assert [bar.get_width() for bar in axes.patches] == [2.0, 9.0]


def test_a_method_has_one_colour_in_all_figures():
    def colours(draw):
        legend = draw(grid()).legends[0]
        return {
            text.get_text(): line.get_color()
            for text, line in zip(legend.texts, legend.get_lines(), strict=True)
        }

    time, budget, memory = map(colours, DRAW)
    assert time["Unrolled"] == budget["Unrolled"] == memory["Unrolled"]
    assert len({time[name] for name in ("Unrolled", "ClosedForm", "OneStep")}) == 3


def test_the_largest_problem_is_shown_by_extent_and_not_by_spelling():
    tables = largest_tables([measured(size=size) for size in ("9x9", "16x16", "100")])
    assert [table.problem.size for table in tables] == ["16x16"]


@pytest.mark.parametrize("draw", DRAW)
def test_nothing_to_draw_is_refused(draw):
    with pytest.raises(ValueError, match="no record to draw"):
        draw([record(status=Status.FAILED)])


def test_files_one_a_figure_and_precision_the_same_bytes_twice(tmp_path):
    records = [each for each in grid() if each.task == "denoising"]
    first = write_figures(report_of(records), tmp_path / "first")
    second = write_figures(report_of(records), tmp_path / "second")
    assert len(first) == 6
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_no_data_writes_no_file(tmp_path):
    assert write_figures(report_of([record(status=Status.FAILED)]), tmp_path) == []


def test_unwritable_folder_is_named(tmp_path):
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(UserError, match=str(tmp_path / "figures")):
        write_figures(report_of([measured()]), tmp_path)


@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_figures_for_papers_are_the_same_bytes_twice(suffix, tmp_path):
    first, second = (
        write_figures(report_of(denoising()), tmp_path / name, suffix, 3.4, "-column")
        for name in ("one", "two")
    )
    assert f"error_against_time_float64-column.{suffix}" in {path.name for path in first}
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
