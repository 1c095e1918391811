"""A task as the command line sets it up."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from ...problems.task import Task
from ...problems.tasks.kernel_file import KernelFile
from ...problems.tasks.mask_file import MaskFile
from ..catalogue.catalogue import Catalogue
from ..errors import UserError

NEEDED = {
    "deconvolution": ("kernel", "width"),
    "super-resolution": ("kernel",),
    "inpainting": ("mask",),
    "magnetic-resonance": ("mask",),
}
"""Settings of which one must be given to restore a measurement that somebody else made."""


class TaskOptions(NamedTuple):
    """What was given on the command line; None for what was not.

    Attributes:
        task: its name.
        noise: standard deviation of the noise.
        kernel: file of a blur kernel.
        number: of the kernel in its file, from 0.
        width: standard deviation of a Gaussian blur.
        factor: of decimation.
        mask: file of a mask.
        marks: whether what is not zero in it is "known" or "missing".
        centred: whether frequency zero is in the middle.
    """

    task: str = "denoising"
    noise: float | None = None
    kernel: Path | None = None
    number: int = 0
    width: float | None = None
    factor: int | None = None
    mask: Path | None = None
    marks: str = "known"
    centred: bool | None = None


def asked_task(options: TaskOptions, catalogue: Catalogue) -> Task:
    """Return the task with the settings that were given.

    Raises:
        UserError: if the task is not known, has no such setting, or refuses its value.
    """
    task: Any = catalogue.entries("tasks", [options.task])[0].value
    accepted = _settings_of(task)
    given = {name for name in _SETTINGS if getattr(options, name) is not None}
    if stray := sorted(given - accepted):
        raise UserError(
            f"--{', --'.join(stray)} has no place in the task {options.task}; it has "
            f"{', '.join(sorted(accepted & set(_SETTINGS))) or 'no settings'}"
        )
    try:
        return dataclasses.replace(task, **{name: _setting(name, options) for name in sorted(given)})
    except (ValueError, TypeError, ImportError) as error:
        raise UserError(str(error)) from error


def require_told(options: TaskOptions) -> None:
    """Raise `UserError` unless what no measurement tells was given: its kernel, or its mask."""
    needed = NEEDED.get(options.task, ())
    if needed and all(getattr(options, name) is None for name in needed):
        raise UserError(
            f"{options.task} needs --{' or --'.join(needed)}: the measurement does not tell how it was made"
        )


_SETTINGS = ("noise", "kernel", "width", "factor", "mask", "centred")


def _settings_of(task: object) -> set[str]:
    return {field.name for field in dataclasses.fields(task)} if dataclasses.is_dataclass(task) else set()


def _setting(name: str, options: TaskOptions) -> Any:
    if name == "kernel":
        return KernelFile(str(options.kernel), options.number)
    if name == "mask":
        marks: Any = options.marks
        return MaskFile(str(options.mask), marks)
    return getattr(options, name)
