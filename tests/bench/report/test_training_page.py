"""The curve of one training as a page: what its lines stand for, on a curve that is known."""

from hypergrad_bench.bench.records.curve_point import CurvePoint, LevelPoint
from hypergrad_bench.bench.report.curve_table import LINES, curve_table
from hypergrad_bench.bench.report.page import page_markdown
from hypergrad_bench.bench.report.training_page import training_page


def point(step: int, **changes: object) -> CurvePoint:
    """A step of half a second; every tenth one failed."""
    usual = CurvePoint(
        step=step,
        seconds=0.5 * step,
        loss=1.0 / step,
        psnr=20.0 + step,
        gradient_norm=1.0,
        solver_steps=3.0,
        residual=1e-9,
        adjoint_residual=10.0**-step,
        failed=1 if step % 10 == 0 else 0,
        taken=step % 10 != 0,
    )
    return usual.model_copy(update=changes)


def level(step: int) -> LevelPoint:
    return LevelPoint(
        least=0.5,
        most=1.5,
        certified_fall=0.25,
        gradient_bound=0.1,
        accuracy=0.1 / step,
        adjoint_accuracy=0.2 / step,
        step_size=1.0,
        rounds=1,
        trials=1,
        gradients=30,
        products=10,
    )


def cells(points: list[CurvePoint]) -> dict[str, list[str]]:
    table = curve_table("Curve", points)
    return {name: [line[place] for line in table.lines] for place, name in enumerate(table.columns)}


def test_a_short_curve_has_a_line_per_step():
    found = cells([point(1), point(2, adjoint_residual=None, test_psnr=30.0), point(3, loss=None)])
    assert found == {
        "step": ["1", "2", "3"],
        "s": ["0.5", "1", "1.5"],
        "steps/s": ["2", "2", "2"],
        "loss": ["1", "0.5", "not finite"],
        "PSNR": ["21.00", "22.00", "23.00"],
        "held-out PSNR": ["", "30.00", ""],
        "residual": ["1.0e-09"] * 3,
        "adjoint residual": ["1.0e-01", "not finite", "1.0e-03"],
        "flagged": ["0", "0", "0"],
    }


def test_what_is_not_finite_is_worse_than_every_number():
    """Also where other steps of the line have one; of a method without adjoints there is no column."""
    points = [point(step, residual=None if step == 7 else 1e-9) for step in range(1, 101)]
    found = cells([one.model_copy(update={"adjoint_residual": None}) for one in points])
    assert found["residual"][:3] == ["1.0e-09", "not finite", "1.0e-09"]
    assert "adjoint residual" not in found


def test_a_look_whose_solves_failed_is_named():
    assert cells([point(1, test_missed=2), point(2)])["held-out PSNR"] == ["not solved", ""]


def test_a_long_curve_is_joined_and_no_flagged_step_is_lost():
    found = cells([point(step) for step in range(1, 101)])
    assert len(found["step"]) == LINES
    assert (found["step"][0], found["step"][-1]) == ("5", "100")
    assert set(found["steps/s"]) == {"2"}
    assert found["PSNR"][0] == "23.00"
    assert found["adjoint residual"][0] == "1.0e-01"
    assert sum(map(int, found["flagged"])) == 10


def test_an_upper_level_shows_its_accuracies_and_what_it_certified():
    found = cells([point(step, residual=None, adjoint_residual=None, level=level(step)) for step in (1, 2)])
    assert "residual" not in found
    assert found["accuracy"] == ["1.0e-01", "5.0e-02"]
    assert found["adjoint accuracy"] == ["2.0e-01", "1.0e-01"]
    assert found["certified fall"] == ["0.25", "0.25"]
    assert found["work"] == ["40", "40"]


def test_sums_over_some_of_the_steps_are_named():
    whole, some = (
        curve_table("Curve", [point(step, level=level(step)) for step in steps])
        for steps in ((1, 2, 3), (1, 2, 4))
    )
    assert "are recorded:" not in whole.text
    assert whole.text in some.text
    assert some.text.endswith(
        "Of 4 steps 3 are recorded: certified falls and work are sums over those alone."
    )


def test_the_page_says_how_far_it_came_and_what_is_wrong():
    choices = {"task": "denoising", "regularizer": "analysis-l1", "method": "OneStep()"}
    page = training_page(
        choices, [point(step) for step in range(1, 21)], 50, ["state.safetensors is missing"]
    )
    assert page.verdict.startswith("20 of 50 steps in 10 s, 2 of them flagged; loss 1 at the first batch")
    assert "psnr" in page.figures
    assert "**Warning.** state.safetensors is missing" in page_markdown(page)
    empty = training_page(choices, [], 50)
    assert empty.verdict == "no step of 50 is recorded yet."
    assert page_markdown(empty).startswith("# Training of analysis-l1 on denoising")
