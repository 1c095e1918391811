"""DRUNet: a U-net of residual blocks that is told the noise level."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..values.configuration import configuration
from .network import Parameters, noise_map, with_channels
from .settings import Activation, require_count, require_layers


@configuration
class Drunet:
    """Define DRUNet: the image and a map of its noise level go in, the denoised image comes out.

    A 3 x 3 convolution; at each scale but the coarsest residual blocks and a 2 x 2 convolution of stride 2;
    residual blocks at the coarsest; back up, each scale's input is added, a transposed convolution doubles
    the size, and residual blocks follow; a last 3 x 3 convolution. No bias anywhere, so that with ReLU
    N(t x, t sigma) = t N(x, sigma) for t > 0. Sides that are no multiple of 2^(scales - 1) are continued with
    their last pixels at the bottom and at the right, and cut off again.
    Caveat: ReLU has no second derivative, which differentiating a gradient of the network takes; ELU's jumps
    at 0, softplus is smooth.
    Source: Zhang, Li, Zuo, Zhang, Van Gool and Timofte, 2021, section 3.1.

    Args:
        channels: of the image, 1 for grey, 3 for colour.
        widths: channels at each scale, finest first.
        blocks: residual blocks at each scale; 4 as published, 2 in ELDER's explicit regularisers.
        activation: "relu" as published, "elu" or "softplus".

    Raises:
        ValueError: if a number is not a whole one above 0, there is no width, or the activation is unknown.
    """

    channels: int = 1
    widths: tuple[int, ...] = (64, 128, 256, 512)
    blocks: int = 4
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        require_layers(self)
        require_count("blocks", self.blocks)
        if not isinstance(self.widths, tuple) or not self.widths:
            raise ValueError(f"widths must be a tuple with a width per scale; got {self.widths!r}")
        for width in self.widths:
            require_count("every width", width)

    def init(self, seed: int) -> Parameters:
        """Draw parameters, float64: He normal, small where many summands meet."""
        from .drawn_parameters import draw_parameters  # flax, as in `_module`

        side = 2 ** (len(self.widths) - 1)
        return draw_parameters(self._module(), (1, side, side, self.channels + 1), seed)

    def apply(
        self, parameters: Parameters, x: Float[Array, "*shape"], sigma: Float[Array, "..."]
    ) -> Float[Array, "*shape"]:
        """Denoise an image (h, w) or (h, w, channels); sigma is its noise level, shape () or (h, w).

        Raises:
            ValueError: if the image has other channels, or sigma another shape.
        """
        image = with_channels(x, self.channels, self)
        height, width, _ = image.shape
        stacked = jnp.concatenate([image, noise_map(sigma, image)], -1)
        multiple = 2 ** (len(self.widths) - 1)
        margins = [(0, -height % multiple), (0, -width % multiple), (0, 0)]
        padded = jnp.pad(stacked, margins, mode="edge")
        out = self._module().apply({"params": parameters}, padded[None])
        return jnp.asarray(out)[0, :height, :width].reshape(x.shape)

    def _module(self) -> Any:
        # flax takes a fifth as long to import as JAX: only who uses a network pays for it.
        from .residual_u_net import ResidualUNet

        return ResidualUNet(self.channels, self.widths, self.blocks, self.activation)
