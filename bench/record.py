"""One measurement, as it is written to the journal and read by tables and figures."""

import json
import math
from typing import Annotated, Any, SupportsFloat, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from .errors import UserError
from .status import Status


def _finite_or_none(value: object) -> object:
    """Turn a scalar of any library into a float, and what is not finite into None."""
    if value is None or isinstance(value, str | bytes) or not hasattr(value, "__float__"):
        return value
    number = float(cast(SupportsFloat, value))
    return number if math.isfinite(number) else None


Measured = Annotated[float | None, BeforeValidator(_finite_or_none)]


class Record(BaseModel):
    """Hold one measurement: what was run, what became of it, and what was counted and timed.

    Lines are strict JSON. JSON has no NaN and no infinity, so a measured value that is not finite
    is held and written as null, and `status` says `not_finite`; a record therefore always
    equals the one read back from its line. Raises pydantic's `ValidationError` (a `ValueError`) for a
    missing, misspelt or mistyped field. Caveat: numbers of rows whose status differs must not be averaged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    """First 12 hexadecimal digits of the case's hash."""
    task: str
    regularizer: str
    data: str
    size: str
    """Shape of one signal or image: "64" or "32x32"."""
    batch: int
    dtype: str
    seed: int
    solver: str
    """The solver's repr."""
    method: str
    """The differentiation rule's repr."""
    max_steps: int
    tolerance: Annotated[float, Field(allow_inf_nan=False)]
    suite: str
    sweep: str = ""
    """The method whose budget this is a point of, in suites that sweep budgets."""
    parameters: int | None = None
    """Numbers by which is differentiated: all leaves of the regulariser."""
    status: Status
    reason: str = ""
    """A sentence, when the status needs one."""

    steps: Measured = None
    """Mean over the batch."""
    steps_max: Measured = None
    residual: Measured = None
    """The lower level's own optimality measure at the returned solution."""
    lower_contraction: Measured = None
    """Factor by which the residual of a fixed-point solve fell per step near its end; the largest."""
    adjoint_residual: Measured = None
    """Relative residual of the linear system of the backward pass."""
    adjoint_steps: Measured = None
    contraction: Measured = None
    """Estimated contraction factor of the adjoint's fixed-point iteration; the largest of the batch."""
    adjoint_route: str = ""
    """How the backward pass solves its linear system, where a method has several ways."""
    certified: bool | None = None
    """Whether every solution is certified, its violation at most 1e-10; null for problems that are not l1."""
    violation: Measured = None
    """Largest violation of the optimality conditions, relative; the worst of the batch."""
    ambiguous: Measured = None
    """Rows that the solution's own error could move into or out of the active set; sum over the batch."""
    dual_margin: Measured = None
    """Smallest relative distance of an active row's dual variable from its bound."""
    primal_margin: Measured = None
    """Smallest response of an inactive row, over the largest."""
    active_size: Measured = None
    active_rank: Measured = None

    relative_error: Measured = None
    """Norm of (hypergradient - reference) over the reference's norm, all leaves together."""
    error_bound: Measured = None
    """Certified bound of the norm of the hypergradient's error, over the hypergradient's own norm."""
    cosine: Measured = None
    norm_ratio: Measured = None
    """Norm of the hypergradient over the reference's."""
    lower_error: Measured = None
    """The lower level's part of the error, over the reference's norm, in suites that split it."""
    adjoint_error: Measured = None
    """The adjoint equation's part, of rules that are exact."""
    method_error: Measured = None
    """The rule's own part, of rules that are biased."""
    loss: Measured = None
    reference: str = ""
    """The rung of the ladder that was used, or the sentence why there is none."""
    reference_error: Measured = None
    """The reference's own relative error bound; null without a reference."""

    solve_seconds: Measured = None
    """Forward solve alone; median over the rounds."""
    solve_seconds_q1: Measured = None
    solve_seconds_q3: Measured = None
    total_seconds: Measured = None
    """Forward solve and gradient; median over the rounds."""
    total_seconds_q1: Measured = None
    total_seconds_q3: Measured = None
    overhead: Measured = None
    """Total over solve, formed round by round; median."""
    overhead_q1: Measured = None
    overhead_q3: Measured = None
    rounds: int = 0
    compile_seconds: Measured = None
    """Tracing, lowering and compiling the total program."""
    memory_bytes: Measured = None
    """Static figure of the total program: arguments, outputs and temporaries."""
    temp_bytes: Measured = None
    """Temporaries alone."""
    retraces: int | None = None
    """Traces that new data of the same configuration caused; 0 is right."""

    input_hashes: dict[str, str] = {}
    environment: dict[str, JsonValue] = {}
    command: list[str] = []
    created: str
    """ISO 8601, UTC."""

    def to_line(self) -> str:
        """Return the record as one line of strict JSON, without the newline at its end."""
        return json.dumps(self.model_dump(mode="json"), allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str) -> "Record":
        """Read a record from one line of JSON.

        Fields that this version does not know are dropped, so that a newer version's journal can
        be read. Raises `UserError` that names the missing or wrong field, or says that the line is no JSON.
        """
        fields = _parse(line)
        known = {name: value for name, value in fields.items() if name in cls.model_fields}
        try:
            return cls.model_validate_json(json.dumps(known))
        except ValidationError as error:
            raise UserError(_first_complaint(error)) from error


def _parse(line: str) -> dict[str, Any]:
    """Return the JSON object on a line; raise `UserError` if there is none."""
    try:
        fields = json.loads(line, parse_constant=_refuse_constant)
    except ValueError as error:
        raise UserError(f"not a line of JSON ({error})") from error
    if not isinstance(fields, dict):
        raise UserError(f"not a record but a JSON {type(fields).__name__}; an object is accepted")
    return fields


def _refuse_constant(name: str) -> None:
    """Refuse the NaN and Infinity that Python's own writer makes and JSON does not have."""
    raise ValueError(f"{name} is not JSON; a value that is not finite is written as null")


def _first_complaint(error: ValidationError) -> str:
    """Say in one sentence what the first wrong field is and what is accepted there."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"a record without the required field {name!r}"
    return f"field {name!r} holds {first['input']!r}: {first['msg'].lower()}"
