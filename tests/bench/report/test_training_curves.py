"""What several curves say of each other, on curves whose answers are known."""

import pytest

from hypergrad_bench.bench.records.curve_point import CurvePoint
from hypergrad_bench.bench.report.page import page_markdown
from hypergrad_bench.bench.report.training_curves import TrainedCurve, comparison_page


def curve(method: str, psnr: list[float], error: float, pace: float, asked: int = 4) -> TrainedCurve:
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
    return TrainedCurve(method, "DualFista()", tuple(points), asked)


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


def test_a_training_that_ended_early_is_not_judged_and_leaves_the_others_be():
    """One that diverged at its first step is the fastest of all, and would make all of them equal."""
    diverged = curve("Phantom(steps=3)", [20.0], 0.5, 0.5)
    page = comparison_page("three", [RIGHT, WRONG, diverged])
    both = comparison_page("both", [RIGHT, WRONG]).verdict
    assert page.verdict == f"{both} Phantom(steps=3) stands at step 1 of 4 and is not judged."
    table = page.sections[0]
    assert "Equal steps: 4. Equal time: 4 s" in table.text
    line = dict(zip(table.columns, table.lines[2], strict=True))
    assert (line["steps"], line["after equal steps"], line["after equal time"]) == ("1 of 4", "", "")
    exploded = RIGHT.points[-1].model_copy(update={"loss": None})
    last = TrainedCurve("OneStep()", "DualFista()", (*WRONG.points[:-1], exploded), 4)
    verdict = comparison_page("both", [RIGHT, last]).verdict
    assert verdict.startswith("nothing to compare")
    assert verdict.endswith(
        "OneStep() stands at step 4 of 4, at a loss that is not finite, and is not judged."
    )


def test_a_look_whose_solves_failed_is_no_result():
    missed = WRONG.points[-1].model_copy(update={"test_psnr": None, "test_missed": 2})
    page = comparison_page("both", [RIGHT, TrainedCurve("OneStep()", "", (*WRONG.points[:-1], missed), 4)])
    assert "After equal steps: OneStep() has no PSNR of held-out pairs in time." in page.verdict
    assert "training" in page.figures


@pytest.mark.parametrize("curves", [[], [RIGHT], [WRONG], [RIGHT, TrainedCurve("Spsa()", "Admm()", (), 4)]])
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
