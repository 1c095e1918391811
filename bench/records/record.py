"""One measurement, as it is written to the journal and read by tables and figures."""

import json
import math
from collections import deque
from typing import Annotated, Any, SupportsFloat, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    JsonValue,
    ValidationError,
)
from pydantic_core import CoreSchema, core_schema

from ..errors import UserError, first_line
from .status import Status
from .strict_json import complaint, names_a_constant, strict_json

SIZE = r"^[1-9][0-9]{0,8}(x[1-9][0-9]{0,8}(x3)?)?$"
"""How a shape is written; lengths of more digits are nobody's."""

_APART = {"input_hashes", "environment", "command"}


def _finite_or_none(value: object) -> object:
    """Turn a scalar of any library into a float, and what is not finite into None."""
    if value is None or isinstance(value, str | bytes | bool) or not hasattr(value, "__float__"):
        return value
    try:
        number = float(cast(SupportsFloat, value))
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


class _Scalar:
    """Let a measured value come from any library; on a line of JSON it is a finite number, or null."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        number = handler(source)
        measured = core_schema.no_info_before_validator_function(_finite_or_none, number)
        return core_schema.json_or_python_schema(json_schema=number, python_schema=measured)


Measured = Annotated[float | None, Field(allow_inf_nan=False), _Scalar()]
Amount = Annotated[float | None, Field(ge=0, allow_inf_nan=False), _Scalar()]
"""A measured value that cannot be negative."""
Seconds = Annotated[float | None, Field(gt=0, allow_inf_nan=False), _Scalar()]
"""A measured time."""

_known: deque[Any] = deque(maxlen=16)


def _shared(value: Any) -> Any:
    """Return the equal one of the last few values, if any: a run's records share where they were made."""
    for known in _known:
        if known == value:
            return known
    _known.append(value)
    return value


Shared = AfterValidator(_shared)


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
    size: Annotated[str, Field(pattern=SIZE)]
    """Shape of one signal or image: "64", "32x32" or "32x32x3"."""
    batch: Annotated[int, Field(ge=1)]
    dtype: str
    seed: int
    solver: str
    """The solver's repr."""
    method: str
    """The differentiation rule's repr."""
    max_steps: Annotated[int, Field(ge=0)]
    tolerance: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    suite: str
    sweep: str = ""
    """The method whose budget this is a point of, in suites that sweep budgets."""
    parameters: Annotated[int, Field(ge=0)] | None = None
    """Numbers by which is differentiated: all leaves of the regulariser."""
    status: Status
    reason: str = ""
    """Why, when the status needs it: a sentence, or the whole message of what was raised."""

    steps: Amount = None
    """Mean over the batch."""
    steps_max: Amount = None
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
    undecided: Measured = None
    """Active rows that the adjoint leans on and that the solution's error may move; sum over the batch."""
    dual_margin: Measured = None
    """Smallest relative distance of an active row's dual variable from its bound."""
    primal_margin: Measured = None
    """Smallest response of an inactive row, over the largest."""
    active_size: Measured = None
    active_rank: Measured = None

    relative_error: Amount = None
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
    reference_error: Amount = None
    """The reference's own relative error bound; null without a reference."""

    solve_seconds: Seconds = None
    """Forward solve alone; median over the rounds."""
    solve_seconds_q1: Seconds = None
    solve_seconds_q3: Seconds = None
    total_seconds: Seconds = None
    """Forward solve and gradient; median over the rounds."""
    total_seconds_q1: Seconds = None
    total_seconds_q3: Seconds = None
    overhead: Amount = None
    """Total over solve, formed round by round; median."""
    overhead_q1: Amount = None
    overhead_q3: Amount = None
    rounds: Annotated[int, Field(ge=0)] = 0
    compile_seconds: Amount = None
    """Tracing, lowering and compiling the total program."""
    memory_bytes: Amount = None
    """Static figure of the total program: arguments, outputs and temporaries."""
    temp_bytes: Amount = None
    """Temporaries alone."""
    peak_bytes: Amount = None
    """Measured in isolation: what memory grew by at most while the total program ran, with its arguments."""
    retraces: int | None = None
    """Traces that new data of the same configuration caused; 0 is right."""

    input_hashes: Annotated[dict[str, str], Shared] = {}
    environment: Annotated[dict[str, JsonValue], Shared] = {}
    command: Annotated[list[str], Shared] = []
    created: str
    """ISO 8601, UTC."""

    def line_name(self) -> str:
        """Return the record's name in messages."""
        return f"record {self.id}"

    def to_line(self) -> str:
        """Return the record as one line of strict JSON, without the newline at its end."""
        return json.dumps(self.model_dump(mode="json"), allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_line(cls, line: str | bytes) -> "Record":
        """Read a record from one line of JSON.

        Fields that this version does not know are dropped, so that a newer version's journal can
        be read. Raises `UserError` that names the missing or wrong field, or says that the line is no JSON.
        """
        content = line.encode() if isinstance(line, str) else line
        if not names_a_constant(content):
            try:
                return cls.model_validate_json(content)
            except ValidationError:
                pass  # a newer version's line may have further fields
        fields = strict_json(content)
        if not isinstance(fields, dict):
            raise UserError(f"not a record but a JSON {type(fields).__name__}; an object is accepted")
        known = {name: value for name, value in fields.items() if name in cls.model_fields}
        try:
            return cls.model_validate_json(json.dumps(known))
        except ValidationError as error:
            raise UserError(complaint(error, "a record")) from error

    @property
    def explanation(self) -> str:
        """The first line of the reason, or what the status means: what has room in a table."""
        return first_line(self.reason) or self.status.sentence

    def facts(self) -> dict[str, object]:
        """Return what is known of the case and what was measured: no inputs, environment or command."""
        facts = {name: getattr(self, name) for name in Record.model_fields if name not in _APART}
        return {name: value for name, value in facts.items() if value is not None and value != ""}

    def _repr_html_(self) -> str:
        from ...problems.values.shown import facts_html  # here: it brings JAX, and tables need none

        return facts_html(f"Record {self.id}: {self.status.value}", self.facts())
