"""A network with its parameters and noise level: the map N of the regularisers that are made of one."""

import functools
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...files.tensor_file import require_match
from ...networks.network import Network, Parameters
from ...networks.shipped import SMALL, Shipped, shipped_weights
from ...values.pytree import pytree, static
from ...values.validation import require_floating, require_nonnegative


@pytree
class Denoiser:
    """Denoise an image: N(x) = network.apply(parameters, x, sigma).

    A network for grey images denoises the channels of a colour image one by one. Parameters and noise level
    are leaves, the definition is static.

    Args:
        parameters: a tree of arrays as `network.init` makes it.
        sigma: noise level that the network is told, in the unit of the image: a number, shape ().
        network: the definition, such as `Drunet()`.

    Raises:
        TypeError: if a leaf is not a floating-point array, or `network` is not a network.
        ValueError: if `sigma` is negative or no single number, or the parameters do not fit the network; the
            message lists those that are missing, unexpected or of another shape.
    """

    parameters: Parameters
    sigma: Float[Array, ""]
    network: Network = static(default=SMALL)

    def __post_init__(self) -> None:
        if not isinstance(self.network, Network):
            raise TypeError(
                f"network must offer channels, init and apply, as Drunet() does; got {self.network!r}"
            )
        require_floating("sigma", self.sigma)
        if self.sigma.shape != ():
            raise ValueError(f"sigma must be one number, shape (); got shape {tuple(self.sigma.shape)}")
        require_nonnegative("sigma", self.sigma)
        _require_fit(self.network, self.parameters)

    @classmethod
    def shipped(cls, shape: tuple[int, ...], name: Shipped = "denoiser") -> Self:
        """Take weights that come with the package, for images (h, w) or (h, w, c), at sigma = 0.05.

        Raises:
            ValueError: if the shape is not that of an image.
        """
        if len(shape) not in (2, 3):
            raise ValueError(f"the shipped network takes images (h, w) or (h, w, c); got shape {shape}")
        return cls(shipped_weights(name), jnp.asarray(0.05, jnp.float64), SMALL)

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Denoise an image (h, w) or (h, w, c).

        Raises:
            ValueError: if a network for colour images is given another number of channels.
        """
        if x.ndim == 3 and self.network.channels == 1:
            return jax.vmap(self._apply, -1, -1)(x)
        return self._apply(x)

    def _apply(self, x: Array) -> Array:
        return self.network.apply(self.parameters, x, self.sigma)


def require_denoiser(value: Any) -> None:
    """Raise `TypeError` unless `value` is a `Denoiser`: a network alone has no parameters."""
    if not isinstance(value, Denoiser):
        raise TypeError(f"denoiser must be a Denoiser; got {value!r}")


def _require_fit(network: Network, parameters: Parameters) -> None:
    expected = _expected(network)
    for name, leaf in _leaves(parameters).items():
        require_floating(f"parameters{name}", leaf)
    require_match(f"the parameters do not fit {network!r}", expected, _shapes(parameters))


@functools.lru_cache(maxsize=64)
def _expected(network: Network) -> dict[str, tuple[int, ...]]:
    return _shapes(jax.eval_shape(lambda: network.init(0)))


def _shapes(parameters: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(np.shape(leaf)) for name, leaf in _leaves(parameters).items()}


def _leaves(parameters: Any) -> dict[str, Any]:
    return {
        jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(parameters)
    }
