"""One step of a training, as it is written to the curve."""

import json
import math
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import UserError
from .strict_json import complaint, strict_json


class LevelPoint(BaseModel):
    """Hold what an upper level says of one step; a number that it does not have is null."""

    model_config = ConfigDict(strict=True, extra="forbid")

    least: float | None
    """At most the loss at the exact solutions, before the step."""
    most: float | None
    """At least that loss."""
    certified_fall: float | None
    """By at least so much has that loss fallen in this step."""
    gradient_bound: float | None
    """Of the error of the hypergradient, in the norm of `gradient_norm`."""
    accuracy: float | None
    """That solves were asked for as the step began, not what they reached: of ||x - x*|| / sqrt(pixels)."""
    adjoint_accuracy: float | None
    """That adjoint equations were asked for as it began: a relative residual."""
    step_size: float | None
    """The first one that it tried."""
    rounds: int
    """How often it solved for a hypergradient."""
    trials: int
    """Step sizes that it tried."""
    gradients: int
    """Of energies, over all pairs."""
    products: int
    """Of Hessians with vectors, over all pairs."""


class CurvePoint(BaseModel):
    """Hold what is known of one step of training: of the batch that it took, before the parameters moved.

    Lines are strict JSON: a number that is not finite is held as it is and written as null.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    step: int
    """Its number, from 1."""
    seconds: float
    """Of training until its end, without compiling; steps of one call of the loop have even shares."""
    loss: float | None
    """The mean of the batch."""
    psnr: float | None
    """The mean of the batch in dB, of a peak of one."""
    gradient_norm: float | None
    """Of the gradient by what the optimiser moves."""
    solver_steps: float | None
    """Of the lower level, the mean of the batch; null for upper levels, as both residuals are."""
    residual: float | None
    """Relative, of the lower level, the worst of the batch."""
    adjoint_residual: float | None
    """Relative, of the adjoint equation, the worst of the batch; null for methods without one."""
    failed: int
    """Pairs whose solve or adjoint equation missed its tolerance: their gradient is not to be trusted.

    0 for upper levels, which take no step that they cannot trust.
    """
    taken: bool
    """Whether the optimiser made its step."""
    test_psnr: float | None = None
    """The mean of held-out pairs in dB, solved exactly; null where nobody looked or such a solve failed."""
    test_missed: int | None = None
    """Held-out pairs whose solve failed; null where nobody looked."""
    gradient_error: float | None = None
    """Of the gradient, relative to the exact one; null where nobody looked, or that one's solve failed."""
    level: LevelPoint | None = None
    """What an upper level says; null for optimisers."""

    @property
    def is_look(self) -> bool:
        """Whether somebody looked at held-out pairs; of older lines, whether they found something."""
        return self.test_missed is not None or self.test_psnr is not None

    def line_name(self) -> str:
        """Return the step in messages."""
        return f"step {self.step}"

    def to_line(self) -> str:
        """Return the step as one line of strict JSON."""
        return json.dumps(_finite(self.model_dump()), allow_nan=False)

    @classmethod
    def from_line(cls, line: bytes) -> "CurvePoint":
        """Read a step from its line.

        Raises:
            UserError: with what is wrong with the line.
        """
        try:
            return cls.model_validate(strict_json(line))
        except ValidationError as error:
            raise UserError(complaint(error, "a step of training")) from error


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
