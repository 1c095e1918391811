"""Denoising."""

from ..operators.identity import Identity
from ..task import require_noise
from ..values.configuration import configuration


@configuration
class Denoising:
    """Recover a signal or image from a noisy copy: y = x + noise.

    Args:
        noise: standard deviation of the noise, in the unit of the signal.

    Raises:
        ValueError: if `noise` is negative.
    """

    noise: float = 0.1

    def __post_init__(self) -> None:
        require_noise(self.noise)

    def operator(self, shape: tuple[int, ...], seed: int) -> Identity:
        """Return the identity."""
        del shape, seed
        return Identity()
