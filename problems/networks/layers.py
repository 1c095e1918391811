"""The layers of the networks, as flax modules on images (n, h, w, c)."""

from collections.abc import Callable
from types import MappingProxyType

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .convolution import convolve
from .settings import Activation

Pointwise = Callable[[Float[Array, "..."]], Float[Array, "..."]]
ACTIVATIONS: MappingProxyType[str, Pointwise] = MappingProxyType(
    {"relu": jax.nn.relu, "elu": jax.nn.elu, "softplus": jax.nn.softplus}
)

# Kernels keep the scale of their input on average. What is added to a sum of scales and blocks starts small:
# the output of many blocks would start large otherwise.
_KERNEL = nn.initializers.he_normal()
SMALL_KERNEL = nn.initializers.variance_scaling(0.02, "fan_in", "truncated_normal")


def convolution(
    count: int, name: str, use_bias: bool = False, kernel_init: nn.initializers.Initializer = _KERNEL
) -> nn.Conv:
    """Return a 3 x 3 convolution with zeros outside of the image; kernels have shape (3, 3, in, out)."""
    return nn.Conv(
        count,
        (3, 3),
        use_bias=use_bias,
        kernel_init=kernel_init,
        conv_general_dilated=convolve,
        name=name,
    )


class ResidualBlock(nn.Module):
    """Add to x two 3 x 3 convolutions of it with an activation between them, without bias."""

    activation: Activation

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
        """Apply the block."""
        inner = convolution(x.shape[-1], "first")(x)
        second = convolution(x.shape[-1], "second", kernel_init=SMALL_KERNEL)
        return x + second(ACTIVATIONS[self.activation](inner))


class Halve(nn.Module):
    """Convolve with 2 x 2 kernels at stride 2: a matrix product of disjoint blocks."""

    count: int

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h//2 w//2 count"]:
        """Halve height and width, which must be even; kernels have shape (2, 2, in, out)."""
        kernel = self.param("kernel", _KERNEL, (2, 2, x.shape[-1], self.count), jnp.float32)
        n, h, w, c = x.shape
        blocks = x.reshape(n, h // 2, 2, w // 2, 2, c)
        return jnp.einsum("nhawbi,abio->nhwo", blocks, kernel, precision=lax.Precision.HIGHEST)


class Double(nn.Module):
    """Convolve transposed with 2 x 2 kernels at stride 2: each pixel becomes a block of its own.

    out[2 i + a, 2 j + b, o] = sum_c kernel[a, b, c, o] x[i, j, c].
    """

    count: int

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n 2*h 2*w count"]:
        """Double height and width; kernels have shape (2, 2, in, out)."""
        kernel = self.param("kernel", _KERNEL, (2, 2, x.shape[-1], self.count), jnp.float32)
        n, h, w, _ = x.shape
        blocks = jnp.einsum("nhwi,abio->nhawbo", x, kernel, precision=lax.Precision.HIGHEST)
        return blocks.reshape(n, 2 * h, 2 * w, self.count)
