"""Which fields of a solution a loss sees: a rule differentiates x, and some the dual variable."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..problems.values.settings import Frame
from ..problems.values.validation import is_concrete
from ..solvers.solver import Solution
from .solved import Solved
from .state_leaves import dual_leaf, iterate_leaf


class SeenFields(NamedTuple):
    """The cotangents of x and of the dual variable; None where the loss does not see them."""

    x: Float[Array, "..."] | None
    u: Float[Array, "..."] | None


def seen_fields(name: str, solved: Solved, cotangent: Solution) -> SeenFields:
    """Sort the cotangent of a solution, of which symbolic zeros are what the loss does not see.

    A leaf of the state that is the iterate or the dual variable counts as such.

    Args:
        name: of the rule, for messages.
        solved: the lower level and its solution.
        cotangent: of the solution, from a `custom_vjp` with symbolic zeros.

    Raises:
        ValueError: if the loss sees another field: its derivative is not the rule's to give, and zero is not
            its value.
    """
    given = solved.solver, solved.lower, solved.solution.state
    places = {iterate_leaf(*given): "x", dual_leaf(*given): "u"}
    found: dict[str, Array | None] = {"x": None, "u": None}
    fields = jax.tree_util.tree_leaves_with_path(cotangent._replace(state=None), is_leaf=_is_zero)
    for path, leaf in fields:
        if _is_seen(leaf):
            _add(found, "x" if path[0].name == "x" else None, leaf, path, name)
    of_state = jax.tree_util.tree_leaves_with_path(cotangent.state, is_leaf=_is_zero)
    for place, (path, leaf) in enumerate(of_state):
        if _is_seen(leaf):
            _add(found, places.get(place), leaf, (jax.tree_util.GetAttrKey("state"), *path), name)
    return SeenFields(found["x"], found["u"])


def values_of(tree: Any) -> Any:
    """Return the arrays of a tree that a `custom_vjp` with symbolic zeros hands over wrapped.

    A Python number by which somebody differentiates arrives as one.
    """
    return jax.tree.map(lambda leaf: jnp.asarray(leaf.value), tree, is_leaf=is_wrapped)


def is_wrapped(leaf: Any) -> bool:
    """Tell such a leaf, which says whether somebody differentiates by it."""
    return hasattr(leaf, "perturbed")


def require_held(frame: Frame, wrapped: Any) -> None:
    """Raise `TypeError` if somebody differentiates by an array among the settings, such as a step size.

    Args:
        frame: of method, solver and budget.
        wrapped: their arrays, as a `custom_vjp` with symbolic zeros hands them over.
    """
    perturbed = [leaf.perturbed for leaf in jax.tree.leaves(wrapped, is_leaf=is_wrapped)]
    if any(perturbed):
        raise no_derivative_by_settings(frame, perturbed)


def no_derivative_by_settings(frame: Frame, perturbed: list[bool]) -> TypeError:
    """Return the error for a derivative by those settings that are perturbed."""
    names = ", ".join(name for name, is_one in zip(frame.names, perturbed, strict=True) if is_one)
    method = frame.filled([None] * len(frame.names))[0]
    return TypeError(
        f"{type(method).__name__} gives derivatives by the leaves of the lower level; {names} is a setting. "
        "Unrolled() differentiates the iterations by settings too; wrap them in jax.lax.stop_gradient where "
        "no derivative is meant"
    )


def refuse(name: str, field: str) -> ValueError:
    """Return the error for a loss of a field that a rule does not differentiate."""
    return ValueError(
        f"{name} gives the derivative of solution.x, and ClosedForm() and Piggyback() that of the dual "
        f"variable in solution.state as well; this loss sees solution{field}, whose derivative would be "
        "missing. "
        "Differentiate through Unrolled(), or wrap the field in jax.lax.stop_gradient"
    )


def _add(found: dict[str, Array | None], what: str | None, leaf: Array, path: Any, name: str) -> None:
    if what is None:
        raise refuse(name, jax.tree_util.keystr(path))
    before = found[what]
    found[what] = leaf if before is None else before + leaf


def _is_zero(leaf: Any) -> bool:
    return isinstance(leaf, jax.custom_derivatives.SymbolicZero)


def _is_seen(leaf: Any) -> bool:
    if _is_zero(leaf) or leaf.dtype == jax.dtypes.float0 or not jnp.issubdtype(leaf.dtype, jnp.floating):
        return False
    # A caller may hand zeros over to a pulled-back function, for what it does not see.
    return not (is_concrete(leaf) and not np.any(np.asarray(leaf)))
