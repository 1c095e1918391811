"""The rows of growing images: one per method on one image."""

from typing import NotRequired, TypeGuard

from typing_extensions import TypedDict

from ..rows import RecordedRow, read_row
from .problem import CLOSED_FORM


class Image(TypedDict):
    """What all rows of one image share.

    Attributes:
        task: denoising or deconvolution.
        side: of the image, pixels.
        pixels: of the image.
        memory_limit_bytes: what a program may need on this machine.
        quick: whether it was a quick run.
    """

    task: str
    side: int
    pixels: int
    memory_limit_bytes: float
    quick: bool


class Weighed(Image):
    """A method and the bytes of its solve with gradient; None where the compiler gives no figure."""

    method: str
    memory_bytes: float | None


class ClosedFormMemory(TypedDict):
    """The closed form's memory.

    Attributes:
        method: the closed form.
        route: how it solves its adjoint system.
        memory_bytes: of solve with gradient; None where the compiler gives no figure.
        longer_memory_bytes: of the program with ten times the limit of steps.
        solve_memory_bytes: of the solve alone.
    """

    method: str
    route: str
    memory_bytes: float | None
    longer_memory_bytes: float | None
    solve_memory_bytes: float | None


class ImageOutcome(TypedDict):
    """A status, and a sentence where it needs one.

    Attributes:
        estimated_seconds: of all steps, by those of a few, where they would have taken too long.
    """

    status: str
    reason: str
    estimated_seconds: NotRequired[float]


class Run(ImageOutcome):
    """What a program that was run said.

    Attributes:
        total_seconds: median of solve with gradient.
        total_calls: that the median is of.
        steps: of the solver.
        residual: of the solver, relative.
        ambiguous: rows that the solution's own error could move into or out of the active set.
        adjoint_steps: of the adjoint iteration; None for what has none.
        adjoint_residual: of the adjoint equation, relative; None for what has none.
        gradient_error: against the closed form on a certified solution, relative; None on large images.
    """

    total_seconds: float | None
    total_calls: int
    steps: int
    residual: float
    ambiguous: int
    adjoint_steps: int | None
    adjoint_residual: float | None
    gradient_error: float | None


class NotRunRow(Weighed, ImageOutcome):
    """A way of unrolling that did not fit memory or time."""


class UnrolledRow(Weighed, Run):
    """A way of unrolling that was run."""


class ClosedFormNotRunRow(Image, ClosedFormMemory, ImageOutcome):
    """The closed form, where it did not fit memory."""


class ClosedFormRow(Image, ClosedFormMemory, Run):
    """The closed form, run; with the median seconds of its solve alone, and how many calls that is of."""

    solve_seconds: float | None
    solve_calls: int


ScaleRow = NotRunRow | UnrolledRow | ClosedFormNotRunRow | ClosedFormRow


def read_scale(row: RecordedRow) -> ScaleRow:
    """Read a recorded row; raise `UserError` for one that lacks a field."""
    run = row.get("residual") is not None
    if row.get("method") == CLOSED_FORM:
        return read_row(row, ClosedFormRow if run else ClosedFormNotRunRow)
    return read_row(row, UnrolledRow if run else NotRunRow)


def was_run(row: ScaleRow) -> TypeGuard[UnrolledRow | ClosedFormRow]:
    """Tell whether a row's program was run."""
    return "residual" in row


def is_closed_form(row: ScaleRow) -> TypeGuard[ClosedFormNotRunRow | ClosedFormRow]:
    """Tell whether a row is the closed form's."""
    return row["method"] == CLOSED_FORM
