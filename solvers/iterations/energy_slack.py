"""How far two energies may differ by rounding alone."""

import jax.numpy as jnp
from jaxtyping import Array, Float

_ROUNDINGS = 10


def energy_slack(energy: Float[Array, ""]) -> Float[Array, ""]:
    """Return ten times the precision of an energy: near the solution a descent is smaller than that.

    Without it the rounding of the energies would shrink the steps for ever.
    """
    return _ROUNDINGS * jnp.finfo(energy.dtype).eps * jnp.abs(energy)
