"""DnCNN: a plain chain of convolutions that estimates the noise."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..values.configuration import configuration
from .network import Parameters, with_channels
from .settings import Activation, require_count, require_layers


@configuration
class DnCnn:
    """Define DnCNN: N(x) = x - F(x), F a chain of 3 x 3 convolutions with bias and activations between.

    Not as published: there is no batch normalisation, as in later uses of the network within iterations. It
    is told no noise level: `sigma` is accepted and changes nothing.
    Source: Zhang, Zuo, Chen, Meng and Zhang, 2017, section III.

    Args:
        channels: of the image, 1 for grey, 3 for colour.
        depth: number of convolutions; 17 as published for one noise level, 20 for a range of them.
        width: channels between them.
        activation: "relu" as published, "elu" or "softplus".

    Raises:
        ValueError: if a number is no whole one above 0 (`depth`: above 1), or the activation is unknown.
    """

    channels: int = 1
    depth: int = 17
    width: int = 64
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        require_layers(self)
        require_count("depth", self.depth, least=2)
        require_count("width", self.width)

    def init(self, seed: int) -> Parameters:
        """Draw parameters, float64: He normal, biases zero."""
        from .drawn_parameters import draw_parameters  # flax, as in `_module`

        return draw_parameters(self._module(), (1, 3, 3, self.channels), seed)

    def apply(
        self, parameters: Parameters, x: Float[Array, "*shape"], sigma: Float[Array, "..."]
    ) -> Float[Array, "*shape"]:
        """Denoise an image (h, w) or (h, w, channels), whatever its noise level.

        Raises:
            ValueError: if the image has other channels.
        """
        del sigma
        image = with_channels(x, self.channels, self)
        noise = self._module().apply({"params": parameters}, image[None])
        return x - jnp.asarray(noise)[0].reshape(x.shape)

    def _module(self) -> Any:
        # flax takes a fifth as long to import as JAX: only who uses a network pays for it.
        from .convolution_layers import ConvolutionLayers

        return ConvolutionLayers(self.channels, self.depth, self.width, self.activation)
