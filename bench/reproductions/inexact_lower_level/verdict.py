"""What the errors say: the tolerance each rule needs, and where an iterate's derivative misleads."""

from collections.abc import Sequence
from typing import Any

from ..counted import Counted
from ..reproduction import Row
from .example import EXAMPLE

LEVELS = (1e-2, 1e-4, 1e-6)
SMALL, LARGE = 1e-3, 1e-1
AGREES, APART = 1e-1, 1e-2

RULE = (
    f"A rule reaches an error of {LEVELS[0]:g}, {LEVELS[1]:g} or {LEVELS[2]:g} at the loosest tolerance "
    f"from which on no tighter one measured exceeds it. Every rule must reach {LEVELS[-1]:g} on every "
    f"problem. A derivative misleads where the error of x is at most {SMALL:g} and that of the gradient at "
    f"least {LARGE:g}; such rows are listed, and no rule should have any. In the example the claim is that "
    f"differences of an iterate and automatic differentiation through it agree to {AGREES:.0%} with each "
    f"other and are both more than {APART:.0%} away from the solution's derivative: differentiating an "
    "iterate is not differentiating the solution. It holds if it does at every number of steps."
)


def judge(rows: Sequence[Row]) -> list[Counted]:
    """Apply the rule."""
    found: list[Any] = list(rows)
    measured = [row for row in found if row["case"] != EXAMPLE]
    ran = [row for row in measured if row.get("gradient_error") is not None]
    pairs = pairs_of(measured)
    reached = [needed_tolerance(ran, *one, LEVELS[-1]) is not None for one in pairs]
    example = [row for row in found if row["case"] == EXAMPLE and row.get("by_ad") is not None]
    smallest = min((row["x_error"] for row in example if misleads_in_example(row)), default=None)
    return [
        Counted(f"an error of the gradient of {LEVELS[-1]:g} is reached", sum(reached), len(reached)),
        Counted("the gradient is right where x is", len(ran) - len(misleading(ran)), len(ran)),
        Counted(
            "differentiating a primal-dual iterate is not differentiating the solution",
            sum(map(misleads_in_example, example)),
            len(example),
            "" if smallest is None else f"down to an error of x of {smallest:.1e}",
        ),
    ]


def pairs_of(rows: Sequence[Any]) -> list[tuple[str, str]]:
    """Return problems and rules in the order of the rows."""
    return list(dict.fromkeys((row["case"], row["method"]) for row in rows))


def needed_tolerance(rows: Sequence[Any], case: str, method: str, level: float) -> float | None:
    """Return the loosest tolerance from which on the gradient's error stays below a level."""
    needed = None
    here = [row for row in rows if (row["case"], row["method"]) == (case, method)]
    for row in sorted(here, key=lambda row: row["tolerance"]):
        if row["gradient_error"] > level:
            break
        needed = row["tolerance"]
    return needed


def misleading(rows: Sequence[Any]) -> list[Any]:
    """Return the rows whose x is right and whose gradient is not."""
    return [
        row
        for row in rows
        if row.get("gradient_error") is not None
        and row["x_error"] <= SMALL
        and row["gradient_error"] >= LARGE
    ]


def misleads_in_example(row: Any) -> bool:
    """Tell whether differences and AD agree with each other and not with the solution's derivative."""
    exact, difference, slope = row["exact"], row["by_differences"], row["by_ad"]
    agree = abs(difference - slope) <= AGREES * abs(slope)
    return agree and min(abs(difference - exact), abs(slope - exact)) > APART * abs(exact)
