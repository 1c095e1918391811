"""A sentence where JAX's own message would name a detail of this package."""

import contextlib
from collections.abc import Iterator

from .method import Method


@contextlib.contextmanager
def forward_refused(method: Method) -> Iterator[None]:
    """Say what works where forward mode meets a rule that is defined for reverse mode alone.

    Raises:
        TypeError: in place of JAX's for a `custom_vjp`.
        NotImplementedError: in place of JAX's for one inside a `jax.shard_map` that is not compiled.
    """
    try:
        yield
    except NotImplementedError as error:
        if "shard_map" not in str(error):
            raise
        raise NotImplementedError(
            f"{method!r} does not run inside a jax.shard_map that is not compiled: call jax.jit of it"
        ) from error
    except TypeError as error:
        if "custom_vjp" not in str(error):
            raise
        raise TypeError(
            f"forward mode (jax.jvp, jax.jacfwd) does not pass through {method!r}: its first derivative is a "
            "backward pass. Use jax.grad or jax.vjp; Unrolled() for forward mode through the iterations; "
            "jax.jvp of jax.grad for products with the Hessian of a loss"
        ) from error
