"""The layers of DRUNet, as a flax module."""

import flax.linen as nn
from jaxtyping import Array, Float

from .layers import SMALL_KERNEL, Double, Halve, ResidualBlock, convolution
from .settings import Activation


class ResidualUNet(nn.Module):
    """Apply a U-net of residual blocks; `Drunet` describes it."""

    channels: int
    widths: tuple[int, ...]
    blocks: int
    activation: Activation

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n h w channels"]:
        """Apply the network to images whose sides halve once a scale."""
        scales = range(1, len(self.widths))
        inputs = [convolution(self.widths[0], "head")(x)]
        for scale in scales:
            x = self._blocks(inputs[-1], f"down{scale}", 0)
            inputs.append(Halve(self.widths[scale], name=f"down{scale}_{self.blocks}")(x))
        x = self._blocks(inputs[-1], "body", 0)
        for scale in reversed(scales):
            doubled = Double(self.widths[scale - 1], name=f"up{scale}_0")(x + inputs[scale])
            x = self._blocks(doubled, f"up{scale}", 1)
        return convolution(self.channels, "tail", kernel_init=SMALL_KERNEL)(x + inputs[0])

    def _blocks(self, x: Array, name: str, first: int) -> Array:
        for index in range(first, first + self.blocks):
            x = ResidualBlock(self.activation, name=f"{name}_{index}")(x)
        return x
