"""What a task is: an operator and a noise level, from which measurements are made."""

import math
from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .linear_operator import LinearOperator
from .values.validation import require_real


@runtime_checkable
class Task(Protocol):
    """An inverse problem: a frozen dataclass of settings with defaults for all of them."""

    @property
    def noise(self) -> float:
        """The standard deviation of the noise, in the unit of the signal."""
        ...

    def operator(self, shape: tuple[int, ...], seed: int) -> LinearOperator:
        """Build A, float64, for signals of this shape; what is random in it follows the seed."""
        ...


def measure(
    task: Task, truths: Float[np.ndarray, "batch *shape"], seed: int
) -> tuple[LinearOperator, Float[Array, "batch *range"]]:
    """Measure each ground truth: y = A x + noise, one A for the batch, independent Gaussian noise.

    Args:
        task: which A and which noise level (standard deviation, in the unit of the signal).
        truths: ground truths, shape (batch, *shape).
        seed: of the operator's randomness and of the noise.

    Returns:
        A and the measurements, float64, shape (batch, *range).

    Raises:
        TypeError: if the ground truths are complex.
        ValueError: if the ground truths hold NaN or infinity.
    """
    require_truths(truths)
    A = task.operator(truths.shape[1:], seed)
    clean = jax.vmap(A)(jnp.asarray(truths, jnp.float64))
    noise = np.random.default_rng([seed, 3]).normal(size=clean.shape)
    return A, clean + task.noise * noise


def require_truths(truths: Float[np.ndarray, "batch *shape"]) -> None:
    """Refuse ground truths that cannot be measured.

    Raises:
        TypeError: if they are complex.
        ValueError: if they hold NaN or infinity.
    """
    require_real("ground truths", truths, "take their magnitude, or their real part")
    if not np.isfinite(truths).all():
        raise ValueError("ground truths must be finite; they hold NaN or infinity")


def require_noise(noise: float) -> None:
    """Raise `ValueError` if a task's noise level is negative or not finite."""
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise must be a standard deviation, at least 0 and finite; got {noise}")
