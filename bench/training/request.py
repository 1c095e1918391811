"""What `hgb train` is asked for; stored with the run and read on resume."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..grid.limits import MOST_STEPS
from .choices import FailedSteps, Keeping, Schedule, Starts

Whole = Annotated[int, Field(ge=1, le=MOST_STEPS)]


class TrainingRequest(BaseModel):
    """Say what is trained on what, and how; names are those of `hgb list`, with settings in brackets.

    None leaves a choice to the program: the first exact method and the first solver that support the problem,
    piecewise constant signals or photographs, as many steps of the solver as suit the method. An upper level
    takes the place of method and optimiser, and its own numbers for `batch` and `rate`, where they are None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    regularizer: str = "analysis-l1"
    task: str = "denoising"
    method: str | None = None
    solver: str | None = None
    size: str = "64"
    data: str | None = None
    images: Path | None = None
    plugins: tuple[Path, ...] = ()
    pairs: Whole = 200
    batch: Whole | None = 5
    steps: Whole = 1000
    upper_level: str | None = None
    optimizer: str | None = "adam"
    rate: float | None = 1e-2
    schedule: Schedule = "constant"
    learn: tuple[str, ...] = ()
    keeping: Keeping = "projection"
    noise: float | None = None
    weight: float | None = None
    dtype: Literal["float64", "float32"] = "float64"
    max_steps: Whole | None = None
    tolerance: float | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    starts: Starts = "warm"
    failed_steps: FailedSteps = "skip"
    devices: Whole = 1
    curve_every: Whole | None = None
    look_every: Whole | None = None
    test_pairs: Whole = 20

    @model_validator(mode="after")
    def _require_an_optimiser(self) -> Self:
        if self.upper_level is None and None in (self.optimizer, self.rate, self.batch):
            raise ValueError("without an upper level there must be an optimizer, a rate and a batch")
        return self

    @property
    def between_lines(self) -> int:
        """How many steps lie between two lines of the curve: by default there are some 2000 lines."""
        return self.curve_every or -(-self.steps // 2000)
