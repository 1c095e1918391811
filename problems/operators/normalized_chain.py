"""Three convolutions in a row, as they are: a chain whose normalisation is known."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..arrays.largest_eigenvalue import largest_eigenvalue
from ..values.known_classes import known
from .channel_correlation import correlate_within, spread_within


@known
class NormalizedChain(NamedTuple):
    """Correlate an image with three banks of small filters in a row, W = f3 f2 f1, taking each as it is.

    `ConvolutionChain.normalized` makes it; a solve does so once, and not at every step.

    Attributes:
        first: shape (a, 1, s, s), s odd, the same for all three.
        second: shape (b, a, s, s).
        third: shape (k, b, s, s).
    """

    first: Float[Array, "a 1 s s"]
    second: Float[Array, "b a s s"]
    third: Float[Array, "k b s s"]

    def __call__(self, x: Float[Array, "h w"]) -> Float[Array, "k h w"]:
        """Correlate the image `x` with the three banks.

        Raises:
            ValueError: if x is no grey image.
        """
        if x.ndim != 2:
            raise ValueError(f"a chain of convolutions needs a grey image (h, w); got shape {tuple(x.shape)}")
        return correlate_in_turn((self.first, self.second, self.third), x)

    def adjoint(self, r: Float[Array, "k h w"]) -> Float[Array, "h w"]:
        """Map one response per filter of the last bank back to an image.

        Raises:
            ValueError: if the responses are not one per filter.
        """
        if r.ndim != 3 or r.shape[0] != self.third.shape[0]:
            raise ValueError(f"responses must have shape ({self.third.shape[0]}, h, w); got {tuple(r.shape)}")
        for bank in (self.third, self.second, self.first):
            r = spread_within(bank, r)
        return r[0]

    def squared_norm(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Bound the squared norm for images of this shape, border included; see `largest_eigenvalue`."""
        return largest_eigenvalue(lambda x: self.adjoint(self(x)), jnp.zeros(shape, self.first.dtype))

    def normalized(self) -> "NormalizedChain":
        """Return itself."""
        return self


def correlate_in_turn(
    banks: tuple[Float[Array, "..."], ...], x: Float[Array, "h w"]
) -> Float[Array, "k h w"]:
    """Correlate an image with one bank after the other, each cut at the border."""
    responses = x[None]
    for bank in banks:
        responses = correlate_within(bank, responses)
    return responses
