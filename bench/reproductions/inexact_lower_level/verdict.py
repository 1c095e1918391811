"""What the errors say: the tolerance each rule needs, and where an iterate's derivative misleads."""

from collections.abc import Sequence

from ..counted import Counted
from .example import EXAMPLE
from .rows import AnyInexactRow, ExampleRow, InexactRow, at_tolerance, is_example

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


def count_targets(rows: Sequence[AnyInexactRow]) -> list[Counted]:
    """Apply the rule."""
    example = [row for row in rows if is_example(row)]
    pairs = pairs_of(rows)
    ran = with_gradient(rows)
    reached = [needed_tolerance(ran, *one, LEVELS[-1]) is not None for one in pairs]
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


def with_gradient(rows: Sequence[AnyInexactRow]) -> list[InexactRow]:
    """Return the rows of rules whose hypergradient is finite."""
    return [row for row in rows if at_tolerance(row) and row["gradient_error"] is not None]


def pairs_of(rows: Sequence[AnyInexactRow]) -> list[tuple[str, str]]:
    """Return problems and rules in the order of the rows, without the example."""
    named = [row for row in rows if row["case"] != EXAMPLE.name]
    return list(dict.fromkeys((row["case"], row["method"]) for row in named))


def needed_tolerance(rows: Sequence[InexactRow], case: str, method: str, level: float) -> float | None:
    """Return the loosest tolerance from which on the gradient's error stays below a level."""
    needed = None
    here = [row for row in rows if (row["case"], row["method"]) == (case, method)]
    for row in sorted(here, key=lambda row: row["tolerance"]):
        error = row["gradient_error"]
        if error is not None and error > level:
            break
        needed = row["tolerance"]
    return needed


def misleading(rows: Sequence[InexactRow]) -> list[InexactRow]:
    """Return the rows whose x is right and whose gradient is not."""
    return [row for row in rows if _misleads(row["x_error"], row["gradient_error"])]


def _misleads(x_error: float | None, gradient_error: float | None) -> bool:
    if x_error is None or gradient_error is None:
        return False
    return x_error <= SMALL and gradient_error >= LARGE


def misleads_in_example(row: ExampleRow) -> bool:
    """Tell whether differences and AD agree with each other and not with the solution's derivative."""
    exact, difference, slope = row["exact"], row["by_differences"], row["by_ad"]
    agree = abs(difference - slope) <= AGREES * abs(slope)
    return agree and min(abs(difference - exact), abs(slope - exact)) > APART * abs(exact)
