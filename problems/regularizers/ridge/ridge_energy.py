"""The energy of ridge regularisers: Huber functions of filter responses, with all scales learned."""

import math
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...operators.convolution_chain import ConvolutionChain, initial_chain
from ...operators.normalized_chain import NormalizedChain
from ...values.validation import require_finite, require_floating

COUNTS, SIZE = (4, 8, 64), 5
START_SCALING, START_BETA = math.log(20.0), 4.0
"""The outer kink of a potential starts at 1/20, half a noise of 0.1; the inner one exp(-4) times that."""


@runtime_checkable
class Ridge(Protocol):
    """The parameters of a ridge regulariser, as the public weight files hold them."""

    @property
    def alpha(self) -> Float[Array, ""]:
        """Logarithm of the weight."""
        ...

    @property
    def scale(self) -> Float[Array, ""]:
        """Logarithm of what multiplies the image."""
        ...

    @property
    def beta(self) -> Float[Array, ""]:
        """Logarithm of the ratio of the two Huber functions' scales."""
        ...

    @property
    def scaling(self) -> Float[Array, " k"]:
        """Logarithm of the scale of each filter's potential."""
        ...

    @property
    def W(self) -> ConvolutionChain | NormalizedChain:
        """The filters."""
        ...


def initial_parameters(shape: tuple[int, ...], seed: int) -> dict[str, Any]:
    """Return the parameters with which training starts, by name: those of the public training code.

    Raises:
        ValueError: if `shape` is not that of a grey image.
    """
    if len(shape) != 2:
        raise ValueError(f"ridge regularisers start on grey images (h, w); got shape {shape}")
    return {
        "alpha": jnp.zeros((), jnp.float64),
        "scale": jnp.zeros((), jnp.float64),
        "beta": jnp.asarray(START_BETA, jnp.float64),
        "scaling": jnp.full(COUNTS[-1], START_SCALING, jnp.float64),
        "W": initial_chain(seed, COUNTS, SIZE),
    }


def ridge_value(ridge: Ridge, weak: float, x: Float[Array, "h w"]) -> Float[Array, ""]:
    """Evaluate exp(alpha - 2 s) sum_kp exp(-2 c_k) (exp(-beta) H(exp(beta + c_k) t_kp) - w H(exp(c_k) t_kp)).

    t = W exp(s) x; H is `huber`, w is `weak`.
    """
    responses, scaling = _responses(ridge, ridge.W.normalized(), x)
    potential = jnp.exp(-ridge.beta) * huber(jnp.exp(ridge.beta) * responses)
    if weak:
        potential = potential - weak * huber(responses)
    return jnp.exp(ridge.alpha - 2 * ridge.scale) * jnp.sum(jnp.exp(-2 * scaling) * potential)


def ridge_gradient(ridge: Ridge, weak: float, x: Float[Array, "h w"]) -> Float[Array, "h w"]:
    """Evaluate exp(alpha - s) W^T (exp(-c_k) (H'(exp(beta + c_k) t_kp) - w H'(exp(c_k) t_kp)))."""
    W = ridge.W.normalized()
    responses, scaling = _responses(ridge, W, x)
    slopes = huber_slope(jnp.exp(ridge.beta) * responses)
    if weak:
        slopes = slopes - weak * huber_slope(responses)
    return jnp.exp(ridge.alpha - ridge.scale) * W.adjoint(jnp.exp(-scaling) * slopes)


def ridge_lipschitz(ridge: Ridge, weak: float, shape: tuple[int, ...]) -> Float[Array, ""]:
    """Bound the gradient's Lipschitz constant by exp(alpha) max(exp(beta), w) ||W||^2.

    The Hessian is exp(alpha) W^T D W: the factors exp(+-s) and exp(+-c_k) cancel, and every entry of the
    diagonal D is exp(beta) [|exp(beta + c_k) t| < 1] - w [|exp(c_k) t| < 1], between -w and exp(beta).
    """
    ridge = jax.lax.stop_gradient(ridge)
    largest = jnp.maximum(jnp.exp(ridge.beta), jnp.asarray(weak, ridge.beta.dtype))
    return jnp.exp(ridge.alpha) * largest * ridge.W.squared_norm(shape)


def huber(t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return t^2 / 2 up to |t| = 1 and |t| - 1/2 beyond."""
    magnitude = jnp.abs(t)
    inside = jnp.minimum(magnitude, 1)
    return jnp.square(inside) / 2 + (magnitude - inside)


def huber_slope(t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the derivative of `huber`: t clipped to [-1, 1]."""
    return jnp.clip(t, -1, 1)


def require_ridge(ridge: Ridge) -> None:
    """Raise an error that names the first parameter which is not as documented."""
    for name in ("alpha", "scale", "beta"):
        value = getattr(ridge, name)
        require_floating(name, value)
        if value.shape != ():
            raise ValueError(f"{name} must be one number, shape (); got shape {tuple(value.shape)}")
        require_finite(name, value)
    require_floating("scaling", ridge.scaling)
    require_finite("scaling", ridge.scaling)
    if not isinstance(ridge.W, ConvolutionChain | NormalizedChain):
        raise TypeError(f"W must be a ConvolutionChain; got {type(ridge.W).__name__}")
    count = ridge.W.third.shape[0]
    if ridge.scaling.shape != (count,):
        raise ValueError(
            f"scaling must be one per filter of the last bank, shape ({count},); "
            f"got {tuple(ridge.scaling.shape)}"
        )


def _responses(ridge: Ridge, W: NormalizedChain, x: Array) -> tuple[Array, Array]:
    """Return exp(c_k) (W exp(s) x)_k and c_k, spread over the pixels."""
    scaling = ridge.scaling[:, None, None]
    return jnp.exp(scaling) * W(jnp.exp(ridge.scale) * x), scaling
