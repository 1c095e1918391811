"""Names and settings of upper levels as one types them, and what does not go with them."""

import pytest

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.training.request import TrainingRequest
from hypergrad_bench.bench.training.upper_levels.asked_level import asked_level
from hypergrad_bench.hypergrad import FixedTolerances, InexactSgd, Maid, PairSolves, PowerDecay
from hypergrad_bench.solvers import DualFista, Lbfgs


def asked(text, solver=None, **options):
    free = {"optimizer": None, "rate": None, "batch": None}
    return asked_level(TrainingRequest(upper_level=text, **{**free, **options}), solver)


def test_names_settings_and_options_become_an_upper_level():
    assert asked("maid") == Maid()
    assert asked("Maid(accuracy=0.5, most_rounds=3)", rate=4.0) == Maid(
        accuracy=0.5, most_rounds=3, step_size=4.0
    )
    assert asked("inexact-sgd") == InexactSgd(batch=5)
    assert asked("inexact_sgd(accuracies=0.2)", rate=2.0, batch=3) == InexactSgd(
        batch=3, accuracies=PowerDecay(0.2, 0.25), steps=PowerDecay(2.0, 0.5)
    )
    assert asked("fixed-tolerances", Lbfgs(), max_steps=7) == FixedTolerances(solves=PairSolves(Lbfgs(), 7))


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("made", {}, "unknown upper level 'made'; did you mean 'maid'?"),
        ("maid(", {}, "the upper level 'maid(' cannot be read"),
        ("maid(acuracy=1)", {}, "did you mean 'accuracy'?"),
        ("maid(solves=3)", {}, "unknown setting of the upper level 'maid' 'solves'"),
        ("maid(accuracy='fine')", {}, "is a number; got 'fine'"),
        ("maid(accuracy=-1)", {}, "accuracy and step_size must be positive"),
        ("inexact-sgd(steps=0)", {}, "first must be positive"),
        ("inexact-sgd(batch=3)", {}, "unknown setting of the upper level 'inexact-sgd' 'batch'"),
        ("maid(step_size=1)", {"rate": 2.0}, "--rate and the setting 'step_size' of 'maid' are the same"),
        (
            "maid",
            {"optimizer": "adam"},
            "--optimizer does not go with --upper-level maid: it makes its steps",
        ),
        ("maid", {"method": "implicit"}, "--method does not go with --upper-level maid"),
        ("maid", {"keeping": "exp"}, "--keep does not go with --upper-level maid"),
        ("maid", {"schedule": "cosine"}, "--schedule does not go with"),
        ("maid", {"learn": ("weights",)}, "--learn does not go with --upper-level maid: it moves all"),
        ("maid", {"tolerance": 1e-3}, "accuracies are settings in brackets"),
        ("maid", {"starts": "cold"}, "--starts does not go with"),
        ("maid", {"failed_steps": "take"}, "--failed-steps does not go with"),
        ("maid", {"devices": 2}, "--devices does not go with"),
        ("maid", {"batch": 2}, "--batch does not go with --upper-level maid: every step takes all pairs"),
    ],
)
def test_what_does_not_go_with_it_is_refused(text, options, message):
    with pytest.raises(UserError) as refused:
        asked(text, **options)
    assert message in str(refused.value)


@pytest.mark.usefixtures("as_users_run")
def test_a_solver_that_cannot_go_on_from_a_solution_is_refused():
    with pytest.raises(UserError, match=r"where DualFista\(\) cannot begin"):
        asked("maid", DualFista())


def test_without_an_upper_level_there_is_an_optimiser():
    with pytest.raises(ValueError, match="without an upper level there must be an optimizer"):
        TrainingRequest(optimizer=None)
