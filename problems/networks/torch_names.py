"""The names and shapes of DRUNet's parameters in PyTorch checkpoints."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from .drunet import Drunet

# PyTorch stores kernels (out, in, s, s), those of transposed convolutions (in, out, s, s); here both are
# (s, s, in, out).
CONVOLUTION = (2, 3, 1, 0)
TRANSPOSED = (2, 3, 0, 1)


class NamedParameter(NamedTuple):
    """One parameter.

    Attributes:
        name: in the checkpoint.
        path: of keys in the tree of parameters.
        shape: in the checkpoint.
        order: of the checkpoint's axes that makes the kernel here, as for `numpy.transpose`.
    """

    name: str
    path: tuple[str, ...]
    shape: tuple[int, ...]
    order: tuple[int, ...]


def drunet_entries(network: Drunet) -> Iterator[NamedParameter]:
    """Yield every parameter of a DRUNet, as the authors' code and deepinv name it.

    At each scale a list holds the residual blocks and what changes the size; in a block, entries 0 and 2 are
    the convolutions. A body of one block is no list there: its name has no number.
    Source: the code of Zhang et al., 2021 (cszn/DPIR, models/network_unet.py).
    """
    widths, blocks = network.widths, network.blocks
    yield _convolution("m_head", ("head",), network.channels + 1, widths[0])
    for scale, (fine, coarse) in enumerate(itertools.pairwise(widths), start=1):
        for index in range(blocks):
            yield from _block(f"m_down{scale}.{index}", f"down{scale}_{index}", fine)
        name, key = f"m_down{scale}.{blocks}.weight", f"down{scale}_{blocks}"
        yield NamedParameter(name, (key, "kernel"), (coarse, fine, 2, 2), CONVOLUTION)
        yield NamedParameter(
            f"m_up{scale}.0.weight", (f"up{scale}_0", "kernel"), (coarse, fine, 2, 2), TRANSPOSED
        )
        for index in range(1, blocks + 1):
            yield from _block(f"m_up{scale}.{index}", f"up{scale}_{index}", fine)
    for index in range(blocks):
        yield from _block(f"m_body.{index}" if blocks > 1 else "m_body", f"body_{index}", widths[-1])
    yield _convolution("m_tail", ("tail",), widths[0], network.channels)


def _block(name: str, key: str, width: int) -> Iterator[NamedParameter]:
    yield _convolution(f"{name}.res.0", (key, "first"), width, width)
    yield _convolution(f"{name}.res.2", (key, "second"), width, width)


def _convolution(name: str, path: tuple[str, ...], inputs: int, outputs: int) -> NamedParameter:
    return NamedParameter(f"{name}.weight", (*path, "kernel"), (outputs, inputs, 3, 3), CONVOLUTION)
