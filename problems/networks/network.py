"""What a denoising network offers, and how it takes images."""

from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..values.validation import require_dimensions

Parameters = dict[str, Any]
"""A tree of arrays: dictionaries by layer, as flax makes them."""


@runtime_checkable
class Network(Protocol):
    """A denoiser's definition: frozen, hashable, without arrays."""

    @property
    def channels(self) -> int:
        """The channels of the images that it takes: 1 for grey, 3 for colour."""
        ...

    def init(self, seed: int) -> Parameters:
        """Draw parameters, float64."""
        ...

    def apply(
        self, parameters: Parameters, x: Float[Array, "*shape"], sigma: Float[Array, "..."]
    ) -> Float[Array, "*shape"]:
        """Denoise an image (h, w) or (h, w, channels) of noise level `sigma`, in the image's unit."""
        ...


def with_channels(x: Float[Array, "..."], channels: int, owner: object) -> Float[Array, "h w c"]:
    """Return an image with its axis of channels.

    Raises:
        ValueError: unless it is (h, w) for one channel, or (h, w, channels).
    """
    accepted = f"(h, w, {channels})" if channels > 1 else "(h, w) or (h, w, 1)"
    require_dimensions("x", x, accepted, 2, 3)
    image = x[..., None] if x.ndim == 2 else x
    if image.shape[-1] != channels:
        raise ValueError(f"{owner!r} takes images {accepted}; got shape {tuple(x.shape)}")
    return image


def noise_map(sigma: Float[Array, "..."], x: Float[Array, "h w c"]) -> Float[Array, "h w 1"]:
    """Spread a noise level over the pixels of an image.

    Raises:
        ValueError: unless `sigma` is one number or one per pixel, shape () or (h, w).
    """
    sigma = jnp.asarray(sigma, x.dtype)
    if sigma.shape not in ((), x.shape[:2]):
        raise ValueError(
            f"sigma must be one number or one per pixel, shape () or {tuple(x.shape[:2])}; "
            f"got shape {tuple(sigma.shape)}"
        )
    spread = sigma if sigma.ndim else sigma.reshape(1, 1)
    return jnp.broadcast_to(spread, x.shape[:2])[..., None]
