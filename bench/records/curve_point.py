"""One step of a training, as it is written to the curve."""

import json
import math
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import UserError
from .strict_json import complaint, strict_json


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
    """Of the lower level, the mean of the batch."""
    residual: float | None
    """Relative, of the lower level, the worst of the batch."""
    adjoint_residual: float | None
    """Relative, of the adjoint equation, the worst of the batch; null for methods without one."""
    failed: int
    """Pairs whose solve or adjoint equation missed its tolerance: their gradient is not to be trusted."""
    taken: bool
    """Whether the optimiser made its step."""
    test_psnr: float | None = None
    """The mean of held-out pairs in dB, solved exactly; null where nobody looked."""
    gradient_error: float | None = None
    """Of the gradient, relative to the exact one; null where nobody looked, or that one's solve failed."""

    def line_name(self) -> str:
        """Return the step in messages."""
        return f"step {self.step}"

    def to_line(self) -> str:
        """Return the step as one line of strict JSON."""
        fields = {name: _finite(value) for name, value in self.__dict__.items()}
        return json.dumps(fields, allow_nan=False)

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
    return None if isinstance(value, float) and not math.isfinite(value) else value
