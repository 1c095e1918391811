"""The rows of exact gradients of growing images: one per task and size."""

from typing_extensions import TypedDict


class Told(TypedDict):
    """What solve and backward pass say of themselves.

    Attributes:
        status: of the run.
        reason: a sentence where the status needs one.
        certified: whether the solution is proved optimal; None for what was not run.
        residual: of the solver, relative.
        adjoint_steps: solves with the factor, or steps of the iteration.
        adjoint_residual: of the adjoint system, relative.
    """

    status: str
    reason: str
    certified: bool | None
    residual: float | None
    adjoint_steps: int | None
    adjoint_residual: float | None


class DifferencedFields(TypedDict):
    """What a central difference says.

    Attributes:
        difference_step: half the distance of its ends; None where every one that was tried crosses a kink, or
            none was tried.
        difference_error: of the derivative along a random direction of filters and weight, against the
            difference, relative.
    """

    difference_step: float | None
    difference_error: float | None


class ExactRow(Told, DifferencedFields):
    """One solve with its gradient.

    Attributes:
        task: denoising or deconvolution.
        side: of the image, pixels.
        pixels: of the image.
        quick: whether it was a quick run.
        solver: its repr.
        route: how the closed form solves its adjoint system.
        memory_bytes: of solve with gradient, the compiler's static figure; None where it gives none.
        seconds: of solve with gradient, one call after the compilation; None for what was not run.
    """

    task: str
    side: int
    pixels: int
    quick: bool
    solver: str
    route: str
    memory_bytes: float | None
    seconds: float | None
