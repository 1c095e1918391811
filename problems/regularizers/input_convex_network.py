"""An input-convex network as a regulariser."""

import dataclasses
import math
from typing import ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..arrays.channels import CHANNELS, is_colour
from ..operators.channel_correlation import correlate_within
from ..values.pytree import pytree, static
from ..values.validation import require_dimensions, require_finite, require_floating

COUNT, SIZE = 16, 5


@pytree
class InputConvexNetwork:
    """Measure an image by a network that is convex in it (ICNN), plus a small multiple of its squared norm.

    z_1 = f(K_1 x + b_1),  z_2 = f(exp(M) z_1 + K_2 x + b_2),
    R(x) = sum_c exp(o_c) sum_p z_2[c, p] + exp(q) / 2 ||x||^2,

    with correlations kept at the image's size by zeros, and f(t) = d log(1 + exp(t / d)), the softplus of
    width d: convex, smooth and nondecreasing. exp(M) and exp(o) are positive, so that the composition is
    convex; the squared norm makes it strongly convex. Grey images (h, w) and colour ones (h, w, 3).
    Source: Amos, Xu and Kolter, 2017; for images Mukherjee et al., 2020.

    Args:
        first: K_1, shape (k, c, s, s), s odd, c 1 for grey or 3 for colour.
        first_bias: b_1, shape (k,).
        mixing: M, logarithms of the weights on z_1, shape (k, k, s, s).
        second: K_2, shape (k, c, s, s).
        second_bias: b_2, shape (k,).
        output: o, logarithms of the weights on z_2, shape (k,).
        quadratic: q, logarithm of the weight of the squared norm, shape ().
        width: d, in the unit of the image; static.

    Raises:
        TypeError: if a parameter is not a floating-point array.
        ValueError: if one is not finite, a shape does not fit or `width` is not positive, or, when applied,
            if the image has another number of channels.
    """

    first: Float[Array, "k c s s"]
    first_bias: Float[Array, " k"]
    mixing: Float[Array, "k k s s"]
    second: Float[Array, "k c s s"]
    second_bias: Float[Array, " k"]
    output: Float[Array, " k"]
    quadratic: Float[Array, ""]
    width: float = static(default=0.1)
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.width < math.inf:
            raise ValueError(f"width must be positive and finite; got {self.width}")
        require_floating("first", self.first)
        require_dimensions("first", self.first, "(k, c, s, s)", 4)
        k, channels, size, _ = self.first.shape
        if channels not in (1, CHANNELS) or size % 2 == 0:
            raise ValueError(
                f"first must have shape (k, 1 or 3, s, s) with s odd; got {tuple(self.first.shape)}"
            )
        kernel = (k, channels, size, size)
        shapes = {"first": kernel, "mixing": (k, k, size, size), "second": kernel, "quadratic": ()}
        for name in ("first_bias", "second_bias", "output"):
            shapes[name] = (k,)
        for name, shape in shapes.items():
            _require(name, getattr(self, name), shape)

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start from 16 random zero-mean filters per layer, 5 x 5, and small positive weights.

        Raises:
            ValueError: if `shape` is not (h, w) or (h, w, 3).
        """
        if len(shape) != 2 and not is_colour(shape):
            raise ValueError(f"input-convex networks start on (h, w) or (h, w, 3); got shape {shape}")
        channels = 1 if len(shape) == 2 else CHANNELS
        generator = np.random.default_rng([seed, 11])

        norm = math.sqrt(channels * SIZE * SIZE)

        def draw() -> Array:
            filters = generator.normal(size=(COUNT, channels, SIZE, SIZE))
            return jnp.asarray(filters - filters.mean(axis=(1, 2, 3), keepdims=True)) / norm

        mixing = 0.1 * generator.normal(size=(COUNT, COUNT, SIZE, SIZE)) - math.log(COUNT * SIZE * SIZE)
        return cls(
            first=draw(),
            first_bias=jnp.zeros(COUNT, jnp.float64),
            mixing=jnp.asarray(mixing),
            second=draw(),
            second_bias=jnp.zeros(COUNT, jnp.float64),
            output=jnp.full(COUNT, -math.log(COUNT), jnp.float64),
            quadratic=jnp.asarray(math.log(1e-2), jnp.float64),
        )

    def value(self, x: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Evaluate the energy."""
        image = self._channels_first(x)
        z = self._activate(correlate_within(self.first, image) + self.first_bias[:, None, None])
        mixed = correlate_within(jnp.exp(self.mixing), z) + correlate_within(self.second, image)
        z = self._activate(mixed + self.second_bias[:, None, None])
        convex = jnp.sum(jnp.exp(self.output) * jnp.sum(z, axis=(1, 2)))
        return convex + jnp.exp(self.quadratic) / 2 * jnp.sum(jnp.square(x))

    def gradient(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Differentiate by one backward pass through the network."""
        return jax.grad(self.value)(x)

    def times(self, factor: Float[Array, ""] | float) -> Self:
        """Return the same network with its outputs and the squared norm multiplied."""
        more = jnp.log(factor)
        return dataclasses.replace(self, output=self.output + more, quadratic=self.quadratic + more)

    def lipschitz(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Bound the gradient's Lipschitz constant from the norms of the layers.

        With 0 < f' < 1, 0 < f'' <= 1 / (4 d) and J = exp(M) diag(f') K_1 + K_2, the Hessian is
        J^T diag(o f'') J + K_1^T diag(f'' exp(M)^T (o f')) K_1 + exp(q), o standing for exp(o): at most

            ((||o^(1/2) exp(M)|| ||K_1|| + ||o^(1/2) K_2||)^2 + max(exp(M)^T o) ||K_1||^2) / (4 d) + exp(q).

        The norm of the positive kernel is bounded by the geometric mean of its largest row and column sum,
        the others by their spectra. Loose: f'' is small wherever responses are large.
        """
        net = jax.lax.stop_gradient(self)
        weight = jnp.exp(net.output)
        positive = jnp.exp(net.mixing)
        root = jnp.sqrt(weight)[:, None, None, None]
        rows = jnp.max(jnp.sum(root * positive, axis=(1, 2, 3)))
        columns = jnp.max(jnp.sum(root * positive, axis=(0, 2, 3)))
        fed = jnp.max(jnp.sum(weight[:, None, None, None] * positive, axis=(0, 2, 3)))
        first, second = _squared_norm(net.first, shape), _squared_norm(root * net.second, shape)
        through = jnp.square(jnp.sqrt(rows * columns * first) + jnp.sqrt(second))
        return (through + fed * first) / (4 * self.width) + jnp.exp(net.quadratic)

    def _activate(self, t: Array) -> Array:
        return self.width * jax.nn.softplus(t / self.width)

    def _channels_first(self, x: Array) -> Array:
        image = x[None] if x.ndim == 2 else jnp.moveaxis(x, -1, 0)
        if x.ndim not in (2, 3) or image.shape[0] != self.first.shape[1]:
            what = "grey images (h, w)" if self.first.shape[1] == 1 else "colour images (h, w, 3)"
            raise ValueError(f"this network is for {what}; got shape {tuple(x.shape)}")
        return image


def _squared_norm(bank: Float[Array, "k c s s"], shape: tuple[int, ...]) -> Float[Array, ""]:
    """Bound a bank's squared norm by its spectra summed over channels; its border of zeros only restricts."""
    grid = tuple(side + bank.shape[-1] - 1 for side in shape[:2])
    spectra = jnp.fft.rfft2(bank, s=grid)
    return jnp.max(jnp.sum(jnp.square(jnp.abs(spectra)), axis=(0, 1)))


def _require(name: str, value: Array, shape: tuple[int, ...]) -> None:
    require_floating(name, value)
    if value.shape != shape:
        raise ValueError(f"{name} must have shape {shape}; got {tuple(value.shape)}")
    require_finite(name, value)
