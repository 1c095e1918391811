"""The rows of certified l1 solutions: one per seed, and with differences one per part that moves."""

from typing import NotRequired, TypeGuard

from typing_extensions import TypedDict

from ..rows import RecordedRow, read_row


class Drawn(TypedDict):
    """Which problem was drawn.

    Attributes:
        case: task and size.
        kind: image, random A or total variation.
        task: denoising, inpainting or deconvolution; the kind where that is no image.
        size: of the image, or of A: "9 x 12".
        seed: of the draw.
        weight: of the regulariser.
        quick: whether it was a quick run.
    """

    case: str
    kind: str
    task: str
    size: str
    seed: int
    weight: float
    quick: bool


class CertifiedSolve(TypedDict):
    """What the certificate says of the solution; violations and margins are relative, None if not finite.

    Attributes:
        stationarity: violation of the optimality condition.
        infeasibility: excess of the dual variable over its bounds.
        sign_violation: of the dual variable where W x is not zero.
        gap: between primal and dual value.
        dual_margin: of the nearest active row to its bound.
        primal_margin: of the nearest other row to zero.
        active_size: active rows of W.
        ambiguous: rows that the solution's own error could move into or out of the active set.
        status: ok or not_certified.
        reason: the largest violation, where it is not certified.
        certified: whether none of the four violations is too large.
        rows_of_W: all of them.
        active_rank: numerical rank of the active rows.
        newton_steps: of the certified solver.
        seconds: of one solve, compiled before.
    """

    stationarity: float | None
    infeasibility: float | None
    sign_violation: float | None
    gap: float | None
    dual_margin: float | None
    primal_margin: float | None
    active_size: float | None
    ambiguous: float | None
    status: str
    reason: str
    certified: bool
    rows_of_W: int
    active_rank: int
    newton_steps: int
    seconds: float


class ClosedFormSolve(TypedDict):
    """The closed form on the solution; rows recorded earlier do not say.

    Attributes:
        gradient_seconds: of one hypergradient, compiled before.
        adjoint_residual: what is left of its adjoint system, relative.
    """

    gradient_seconds: NotRequired[float]
    adjoint_residual: NotRequired[float | None]


class SolvedAgain(TypedDict):
    """A solve from the last pair after W has moved by a thousandth of its norm; on images.

    Attributes:
        nearby_seconds: of that solve, compiled before.
        nearby_certified: whether its solution is certified as well.
    """

    nearby_seconds: NotRequired[float]
    nearby_certified: NotRequired[bool]


class CertifiedSolutionFields(Drawn, CertifiedSolve, ClosedFormSolve, SolvedAgain):
    """A solution with its certificate; `nonsmooth` says whether its hypergradient has a kink there."""

    nonsmooth: bool


class Undifferenced(CertifiedSolutionFields):
    """A solution that is too large for differences: neither parts nor errors."""

    moves: None
    error: None
    errors: None


class ClosedFormAgainstDifferences(TypedDict):
    """The closed form against differences along random directions.

    Attributes:
        moves: what the directions move, all or one part.
        error: of the closed form on the differences' plateau, of all directions together, relative.
        errors: the same at every step of the differences.
        closed_form: derivatives along the directions.
        left: one-sided differences from below; None where a moved solution is not certified.
        right: from above.
    """

    moves: str
    error: float | None
    errors: list[float | None]
    closed_form: list[float | None]
    left: list[float | None]
    right: list[float | None]


class Differenced(CertifiedSolutionFields, ClosedFormAgainstDifferences):
    """A solution whose closed form is compared with differences."""


CertifiedRow = Undifferenced | Differenced


def read_certified(row: RecordedRow) -> CertifiedRow:
    """Read a recorded row; raise `UserError` for one that lacks a field."""
    return read_row(row, Undifferenced if row.get("moves") is None else Differenced)


def is_differenced(row: CertifiedRow) -> TypeGuard[Differenced]:
    """Tell whether the closed form was compared with differences."""
    return row["moves"] is not None
