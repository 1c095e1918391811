"""The convex ridge regulariser."""

import dataclasses
import os
from typing import ClassVar, Self

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...operators.convolution_chain import ConvolutionChain
from ...operators.normalized_chain import NormalizedChain
from ...values.pytree import pytree
from .ridge_checkpoint import read_ridge
from .ridge_energy import (
    initial_parameters,
    require_ridge,
    ridge_gradient,
    ridge_lipschitz,
    ridge_value,
)


@pytree
class ConvexRidge:
    """Penalise learned filter responses by Huber functions of learned scales (CRR): a convex energy.

    R(x) = exp(alpha - 2 s) sum_kp exp(-2 c_k) exp(-beta) H(exp(beta + c_k) t_kp),  t = W exp(s) x, with H the
    Huber function of threshold one, s `scale` and c `scaling`. Grey images. The gradient is continuous and
    piecewise linear: where a response sits on a kink, the solution has no second derivative.
    Source: Goujon, Neumayer, Bohra, Ducotterd and Unser, 2023; in this form Hertrich et al., 2025
    (arXiv 2510.01755), whose weights `load` reads.

    Args:
        alpha: logarithm of the weight, shape ().
        scale: logarithm of what multiplies the image, shape ().
        beta: logarithm of the potentials' curvature at zero, shape ().
        scaling: logarithm of each potential's scale, one per filter, shape (k,).
        W: the filters; a chain that is normalised already is taken as it is.

    Raises:
        TypeError: if a parameter is not a floating-point array, or `W` no `ConvolutionChain`.
        ValueError: if a shape is another, or a parameter is not finite.
    """

    alpha: Float[Array, ""]
    scale: Float[Array, ""]
    beta: Float[Array, ""]
    scaling: Float[Array, " k"]
    W: ConvolutionChain | NormalizedChain
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_ridge(self)

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start on grey images (h, w) from random filters, 1 -> 4 -> 8 -> 64 channels of 5 x 5 each."""
        return cls(**initial_parameters(shape, seed))

    @classmethod
    def load(cls, path: str | os.PathLike[str], prefix: str | None = None) -> Self:
        """Read a weight file of arXiv 2510.01755, float64; see `read_ridge`."""
        return cls(**read_ridge(path, prefix))

    def value(self, x: Float[Array, "h w"]) -> Float[Array, ""]:
        """Evaluate the energy."""
        return ridge_value(self, 0.0, x)

    def gradient(self, x: Float[Array, "h w"]) -> Float[Array, "h w"]:
        """Evaluate exp(alpha - s) W^T (exp(-c_k) H'(exp(beta + c_k) t_kp))."""
        return ridge_gradient(self, 0.0, x)

    def lipschitz(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Bound the gradient's Lipschitz constant by exp(alpha + beta) ||W||^2."""
        return ridge_lipschitz(self, 0.0, shape)

    def times(self, factor: Float[Array, ""] | float) -> Self:
        """Return the same regulariser with its weight multiplied."""
        return dataclasses.replace(self, alpha=self.alpha + jnp.log(factor))

    def prepared(self) -> Self:
        """Return the same energy with its filters normalised."""
        return dataclasses.replace(self, W=self.W.normalized())
