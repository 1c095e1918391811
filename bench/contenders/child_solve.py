"""A solve in a child process, and its derivative, as a function that JAX can differentiate."""

import functools
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from .child_process import child

Arrays = dict[str, Shaped[Array, "..."]]


class Call(NamedTuple):
    """Whom to ask, and what is no array of the problem's; hashable.

    Attributes:
        script: of the child, in this folder.
        library: which of its libraries answers.
        settings: names and plain values, sent with every request.
        shape: of the solution.
    """

    script: str
    library: str
    settings: tuple[tuple[str, Any], ...]
    shape: tuple[int, ...]


def solve_in_child(call: Call, arrays: Arrays, held: Arrays) -> tuple[Float[Array, "..."], Int[Array, ""]]:
    """Return the child's solution and how many steps it took.

    Args:
        call: whom to ask.
        arrays: what the solution is differentiated by, by name.
        held: what the child needs besides; constant.
    """
    return cast(tuple[Array, Array], _solve(call, arrays, held))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _solve(call: Call, arrays: Arrays, held: Arrays) -> tuple[Array, Array]:
    x, steps, _ = _ask(call, arrays, held, keep=False)
    return x, steps


def _forward(call: Call, arrays: Arrays, held: Arrays) -> Any:
    x, steps, token = _ask(call, arrays, held, keep=True)
    return (x, steps), (arrays, held, token)


def _backward(call: Call, saved: Any, cotangent: Any) -> tuple[Arrays, Arrays]:
    arrays, held, token = saved

    def differentiate(token: Int[Array, "..."], g: Float[Array, "..."]) -> Any:
        request = {"token": np.asarray(token), "cotangent": np.asarray(g)}
        reply = child(call.script, call.library).ask(request)
        return {name: reply[name] for name in arrays}

    shapes = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in arrays.items()}
    found = jax.pure_callback(differentiate, shapes, token, cotangent[0], vmap_method="sequential")
    return found, jax.tree.map(jnp.zeros_like, held)


_solve.defvjp(_forward, _backward)


def _ask(call: Call, arrays: Arrays, held: Arrays, keep: bool) -> tuple[Array, Array, Array]:
    settings = {**dict(call.settings), "keep": keep}

    def solve(sent: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        request = {name: np.asarray(one) for name, one in (sent | settings).items()}
        reply = child(call.script, call.library).ask(request)
        return reply["x"], reply["steps"], reply["token"]

    counter = jax.ShapeDtypeStruct((), jnp.int32)
    dtype = next(iter(arrays.values())).dtype
    shapes = (jax.ShapeDtypeStruct(call.shape, dtype), counter, counter)
    return jax.pure_callback(solve, shapes, arrays | held, vmap_method="sequential")
