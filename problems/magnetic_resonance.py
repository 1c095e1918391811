"""Magnetic resonance imaging from few samples."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from .channels import is_colour
from .configuration import configuration
from .masked_fourier import MaskedFourier
from .task import require_noise


@configuration
class MagneticResonance:
    """Recover an image from some lines of its Fourier transform: y = mask * F x + noise, F orthonormal.

    A Cartesian mask keeps whole lines along the second axis: the lowest frequencies of the first axis, and
    others drawn without replacement; of a signal (n,) it keeps single frequencies. Real and imaginary part
    lie along a last axis, y has shape (h, w, 2); what is not measured holds noise alone, which A^T removes. A
    real image from one coil: phases and coil sensitivities are left out.
    Source: Lustig, Donoho and Pauly, 2007.

    Args:
        fraction: of the lines that are kept, in (0, 1].
        centre: of the lines that are kept around frequency zero, in [0, fraction].
        noise: standard deviation of the noise, of real and imaginary part each, in the unit of the signal.

    Raises:
        ValueError: if `fraction` or `centre` is out of range, or `noise` negative.
    """

    fraction: float = 0.3
    centre: float = 0.08
    noise: float = 0.02

    def __post_init__(self) -> None:
        require_noise(self.noise)
        if not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must be in (0, 1]; got {self.fraction}")
        if not 0 <= self.centre <= self.fraction:
            raise ValueError(f"centre must be in [0, fraction = {self.fraction}]; got {self.centre}")

    def operator(self, shape: tuple[int, ...], seed: int) -> MaskedFourier:
        """Draw the lines for this shape and seed; the channels of a colour image share them."""
        spatial = shape[:2] if is_colour(shape) else shape
        kept = self._lines(spatial[0], np.random.default_rng([seed, 14]))
        mask = np.broadcast_to(kept.reshape((-1,) + (1,) * (len(spatial) - 1)), spatial)
        return MaskedFourier(jnp.asarray(mask, jnp.float64))

    def _lines(self, length: int, generator: np.random.Generator) -> Float64[np.ndarray, " n"]:
        """Return one for each line that is kept, zero for the others; frequency zero is always kept."""
        from_zero = np.argsort(np.abs(np.fft.fftfreq(length)), kind="stable")
        low = max(1, round(self.centre * length))
        high = max(low, round(self.fraction * length))
        drawn = generator.permutation(from_zero[low:])[: high - low]
        kept = np.zeros(length)
        kept[np.concatenate([from_zero[:low], drawn])] = 1
        return kept
