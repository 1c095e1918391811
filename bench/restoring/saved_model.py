"""A saved regulariser as the command line takes it."""

import math
from pathlib import Path

from ...problems.files.saved_regularizer import about_regularizer, load_regularizer
from ...problems.regularizer import Regularizer, ScalableRegularizer
from ..errors import UserError


def load_model(folder: Path) -> tuple[Regularizer, dict[str, str]]:
    """Read a regulariser and the texts that go with it.

    Raises:
        UserError: if the folder holds none that can be loaded, with the reason.
    """
    try:
        return load_regularizer(folder), about_regularizer(folder)
    except ValueError as error:
        raise UserError(str(error)) from error


def strengthened(regularizer: Regularizer, factor: float) -> Regularizer:
    """Return a regulariser times a factor; itself for one.

    Raises:
        UserError: if the factor is not positive and finite, or the regulariser has no weight.
    """
    if not 0 < factor < math.inf:
        raise UserError(f"--weight is {factor:g}; a positive, finite factor is accepted")
    if factor == 1:
        return regularizer
    if not isinstance(regularizer, ScalableRegularizer):
        raise UserError(f"{type(regularizer).__name__} has no weight that --weight could multiply")
    return regularizer.times(factor)
