"""Operators that are diagonal in the Fourier basis."""

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ...problems.linear_operator import CirculantOperator, LinearOperator


def is_circulant(operator: LinearOperator) -> bool:
    """Tell whether the operator says that its normal matrix is diagonal in the Fourier basis."""
    return isinstance(operator, CirculantOperator) and operator.is_circulant


def spectrum_of(operator: LinearOperator, impulse: Float[Array, "*shape"]) -> Float[Array, "..."]:
    """Return the eigenvalues of the normal matrix of a circulant operator, in rfftn's layout.

    Its first column, whose transform they are, is the response to a unit impulse at index 0.
    """
    return jnp.fft.rfftn(operator.adjoint(operator(impulse))).real


def filtered(
    spectrum: Complex[Array, "..."] | Float[Array, "..."], x: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Multiply x by a spectrum in the Fourier basis."""
    transform = jnp.fft.rfftn(x)
    return jnp.fft.irfftn(spectrum.astype(transform.dtype) * transform, s=x.shape, axes=tuple(range(x.ndim)))
