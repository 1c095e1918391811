"""Limited-memory BFGS with a search for each step, optax's: what the solvers here are compared with."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from ....problems.arrays.euclidean_norm import euclidean_norm
from ....problems.lower_level import LowerLevel
from ....problems.values.configuration import configuration
from ....solvers.fixed_point_map import map_step_size
from ....solvers.iterations.first_iterate import first_iterate
from ....solvers.iterations.smooth_energy import supports_smooth
from ....solvers.residuals import gradient_residual
from ....solvers.solver_traits import SolverTraits


class OptaxLbfgsState(NamedTuple):
    """The iterate, optax's state, and the units in which optax sees the energy.

    Attributes:
        x: the iterate.
        optimizer: of f(z) = tau E(size z) / size^2, whose gradient at the start is of the order of one.
        step_size: tau = 1/L.
        size: tau ||A^T y||, of the order of x.
    """

    x: Float[Array, "..."]
    optimizer: Any
    step_size: Float[Array, ""]
    size: Float[Array, ""]


@configuration
class OptaxLbfgs:
    """Run optax's L-BFGS with its zoom line search, on the energy in units of its own.

    Each step evaluates the energy several times, and members of a batch wait for the longest search.
    Source: Liu and Nocedal, 1989.

    Args:
        memory: how many past steps approximate the curvature.

    Raises:
        ValueError: if `memory` is below 1.
    """

    memory: int = 10
    traits = SolverTraits(differentiable_step=False)

    def __post_init__(self) -> None:
        if self.memory < 1:
            raise ValueError(f"memory must be at least 1; got {self.memory}")

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for smooth energies, else why not."""
        return supports_smooth(lower)

    def init(self, lower: LowerLevel) -> OptaxLbfgsState:
        """Start at A^T y / ||A||^2 with no curvature known."""
        x, tau = first_iterate(lower), map_step_size(lower, 1.0)
        size = jax.lax.stop_gradient(tau * euclidean_norm(lower.A.adjoint(lower.y)))
        # optax makes its scalars in JAX's default precision: float64 where x64 is on, whatever x is.
        optimizer = jax.tree.map(
            lambda leaf: leaf.astype(x.dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf,
            self._optimizer().init(x),
        )
        return OptaxLbfgsState(x, optimizer, tau, jnp.where(size > 0, size, jnp.ones_like(size)))

    def step(self, lower: LowerLevel, state: OptaxLbfgsState) -> OptaxLbfgsState:
        """Search along the quasi-Newton direction."""
        dtype, size = state.x.dtype, state.size
        unit = state.step_size / jnp.square(size)

        def value(z: Array) -> Array:
            return unit * lower.value(size * z.astype(dtype))

        z = state.x / size
        gradient = state.step_size / size * lower.gradient(state.x)
        # optax mixes integer widths, which strict promotion would refuse, and searches for a step length in
        # JAX's default precision, which must not leak into a float32 problem: what it returns is cast back.
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            updates, optimizer = self._optimizer().update(
                gradient, state.optimizer, z, value=value(z), grad=gradient, value_fn=value
            )
        optimizer = jax.tree.map(lambda new, old: new.astype(old.dtype), optimizer, state.optimizer)
        return state._replace(x=state.x + size * updates.astype(dtype), optimizer=optimizer)

    def iterate(self, lower: LowerLevel, state: OptaxLbfgsState) -> Float[Array, "..."]:
        """Return the iterate."""
        del lower
        return state.x

    def residual(self, lower: LowerLevel, state: OptaxLbfgsState) -> Float[Array, ""]:
        """Return the relative gradient norm."""
        return gradient_residual(lower, state.x)

    def _optimizer(self) -> Any:
        return optax.lbfgs(memory_size=self.memory)
