"""The layers of DnCNN, as a flax module."""

import flax.linen as nn
from jaxtyping import Array, Float

from .layers import ACTIVATIONS, convolution
from .settings import Activation


class ConvolutionLayers(nn.Module):
    """Apply a chain of convolutions; `DnCnn` describes it."""

    channels: int
    depth: int
    width: int
    activation: Activation

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h w c"]:
        """Estimate the noise of images."""
        for index in range(self.depth - 1):
            x = ACTIVATIONS[self.activation](convolution(self.width, f"layer{index}", use_bias=True)(x))
        return convolution(self.channels, f"layer{self.depth - 1}", use_bias=True)(x)
