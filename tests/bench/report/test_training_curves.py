"""What several curves say of each other, on curves whose answers are known."""

import pytest

from hypergrad_bench.bench.records.curve_point import CurvePoint
from hypergrad_bench.bench.report.page import page_markdown
from hypergrad_bench.bench.report.training_curves import TrainedCurve, comparison_page


def curve(method: str, psnr: list[float], error: float, pace: float) -> TrainedCurve:
    """Look before every step, of `pace` seconds each."""
    points = [
        CurvePoint(
            step=step,
            seconds=pace * step,
            loss=1.0,
            psnr=20.0,
            gradient_norm=1.0,
            solver_steps=3.0,
            residual=1e-9,
            adjoint_residual=None,
            failed=0,
            taken=step != 2,
            test_psnr=value,
            gradient_error=error,
        )
        for step, value in enumerate(psnr, start=1)
    ]
    return TrainedCurve(method, "DualFista()", tuple(points))


RIGHT = curve("ClosedForm()", [20.0, 24.0, 26.0, 27.0], 1e-5, 2.0)
WRONG = curve("OneStep()", [20.0, 23.0, 25.0, 26.0], 0.5, 1.0)


def test_a_wrong_gradient_is_judged_at_equal_steps_and_at_equal_time():
    """In four seconds the exact one makes two steps, the wrong one four."""
    page = comparison_page("both", [RIGHT, WRONG])
    assert "After equal steps: OneStep() is worse (-1.00 dB)." in page.verdict
    assert "After equal time: OneStep() is not worse (+2.00 dB)." in page.verdict
    table, *curves = page.sections
    assert [one.heading for one in curves] == ["Curve of ClosedForm()", "Curve of OneStep()"]
    assert "Equal steps: 4. Equal time: 4 s" in table.text
    lines = [dict(zip(table.columns, line, strict=True)) for line in table.lines]
    assert [line["after equal time"] for line in lines] == ["24.00", "26.00"]
    assert [line["gradient error"] for line in lines] == ["1.0e-05", "5.0e-01"]
    assert [line["not taken"] for line in lines] == ["1", "1"]
    assert "training" in page.figures


@pytest.mark.parametrize("curves", [[], [RIGHT], [WRONG], [RIGHT, TrainedCurve("Spsa()", "Admm()", ())]])
def test_without_two_kinds_of_gradient_there_is_no_verdict(curves):
    page = comparison_page("few", curves)
    assert page.verdict.startswith("nothing to compare")
    assert page_markdown(page).startswith("# few")


def test_a_point_is_read_as_it_was_written():
    point = RIGHT.points[0].model_copy(update={"loss": float("nan")})
    read = CurvePoint.from_line(point.to_line().encode())
    assert read == point.model_copy(update={"loss": None})
    with pytest.raises(ValueError, match="a step of training without the required field 'seconds'"):
        CurvePoint.from_line(b'{"step": 1}')
