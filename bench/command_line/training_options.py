"""The options that `hgb train` and `hgb compare-training` share."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from ..errors import UserError, nearest
from ..grid.limits import LARGEST_SEED, MOST_STEPS
from ..training import choices
from .complete import complete

Regularizer = Annotated[
    str, typer.Option(help="A regulariser by name.", autocompletion=complete("regularizers"))
]
Task = Annotated[str, typer.Option(help="A task by name.", autocompletion=complete("tasks"))]
Solver = Annotated[
    str | None,
    typer.Option(
        help="Which solver, such as admm or 'lbfgs(memory=5)'; else the first that fits.",
        autocompletion=complete("solvers"),
    ),
]
Size = Annotated[str, typer.Option(help="Of signals or crops: 64, 32x32, or 32x32x3 in colour.")]
Data = Annotated[
    str | None, typer.Option(help="Generated signals or images by name.", autocompletion=complete("data"))
]
Images = Annotated[Path | None, typer.Option(help="A folder of PNG, JPEG, BMP, TIFF or .npy images.")]
Pairs = Annotated[int, typer.Option(min=1, max=MOST_STEPS, help="Signals or crops to train on.")]
Batch = Annotated[int, typer.Option(min=1, max=MOST_STEPS, help="Pairs per step.")]
Steps = Annotated[int, typer.Option(min=1, max=MOST_STEPS, help="Steps of the optimiser.")]
Optimizer = Annotated[str, typer.Option(help="Of optax, such as adam or 'sgd(momentum=0.9)'.")]
Rate = Annotated[float, typer.Option(help="The learning rate.")]
Schedule = Annotated[str, typer.Option(help="Of the rate: constant, or cosine down to 1%.")]
Learn = Annotated[
    list[str] | None, typer.Option(help="Only this parameter, such as weight or W; can be repeated.")
]
Keep = Annotated[
    str, typer.Option(help="What keeps weights in their range: projection, or exp or softplus of a number.")
]
Noise = Annotated[float | None, typer.Option(help="Standard deviation of the noise.")]
Weight = Annotated[float | None, typer.Option(help="Starting weight of the regulariser.")]
Dtype = Annotated[str, typer.Option(help="float64 or float32.")]
MaxSteps = Annotated[int | None, typer.Option(min=1, max=MOST_STEPS, help="Steps of the solver at most.")]
Tolerance = Annotated[
    float | None, typer.Option(help="Relative residual at which solvers stop; else 1e-6, float32 1e-5.")
]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of pairs, noise, start and shuffles.")]
Starts = Annotated[
    str, typer.Option(help="warm: solves begin at the pair's last solution; cold: at the solver's own start.")
]
FailedSteps = Annotated[
    str, typer.Option(help="skip or take steps whose solve or adjoint missed its tolerance.")
]
TestPairs = Annotated[int, typer.Option(min=1, max=MOST_STEPS, help="Held-out pairs to look at.")]
Plugin = Annotated[list[Path] | None, typer.Option(help="A Python file whose classes can be named.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]


def words(schedule: str, keep: str, starts: str, failed_steps: str, dtype: str) -> dict[str, Any]:
    """Return the options that are one of a few words; raise `UserError` for another word."""
    return {
        "schedule": _one_of("--schedule", schedule, get_args(choices.Schedule)),
        "keeping": _one_of("--keep", keep, get_args(choices.Keeping)),
        "starts": _one_of("--starts", starts, get_args(choices.Starts)),
        "failed_steps": _one_of("--failed-steps", failed_steps, get_args(choices.FailedSteps)),
        "dtype": _one_of("--dtype", dtype, ("float64", "float32")),
    }


def _one_of(option: str, given: str, accepted: tuple[Any, ...]) -> Any:
    if given not in accepted:
        raise UserError(nearest(given, accepted, kind=option))
    return given
