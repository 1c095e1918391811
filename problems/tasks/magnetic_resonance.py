"""Magnetic resonance imaging from few samples."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from ..arrays.channels import is_colour
from ..operators.masked_fourier import MaskedFourier
from ..task import require_noise
from ..values.configuration import configuration
from .mask_file import MaskFile, require_mask_file

FRACTION, CENTRE = 0.3, 0.08


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
        mask: a file that says what is measured, in place of `fraction` and `centre`, the same for every seed.
        centred: whether frequency zero lies in the middle of mask and measurements, as in fastMRI, SigPy and
            BART; see `MaskedFourier`.

    Raises:
        TypeError: if `mask` is no `MaskFile`.
        ValueError: if `fraction` or `centre` is out of range, or given beside a mask, or `noise` is negative.
    """

    fraction: float = FRACTION
    centre: float = CENTRE
    noise: float = 0.02
    mask: MaskFile | None = None
    centred: bool = False

    def __post_init__(self) -> None:
        require_noise(self.noise)
        require_mask_file(self.mask)
        if self.mask is not None and (self.fraction, self.centre) != (FRACTION, CENTRE):
            raise ValueError(
                f"the mask says what is measured; fraction={self.fraction} and centre={self.centre} have no "
                "place beside it"
            )
        if not 0 < self.fraction <= 1:
            raise ValueError(f"fraction must be in (0, 1]; got {self.fraction}")
        if not 0 <= self.centre <= self.fraction:
            raise ValueError(f"centre must be in [0, fraction = {self.fraction}]; got {self.centre}")

    def operator(self, shape: tuple[int, ...], seed: int) -> MaskedFourier:
        """Draw the lines for this shape and seed, or read the mask; channels of a colour image share them.

        Raises:
            ValueError: if the file's mask has another shape, and is not of lines either.
        """
        spatial = shape[:2] if is_colour(shape) else shape
        operator = MaskedFourier(jnp.asarray(self._mask(spatial, seed), jnp.float64), self.centred)
        # Traced, not computed: what does not fit is said here.
        jax.eval_shape(operator, jax.ShapeDtypeStruct(shape, jnp.float64))
        return operator

    def _mask(self, spatial: tuple[int, ...], seed: int) -> Float64[np.ndarray, "..."]:
        if self.mask is not None:
            values = self.mask.values()
            # MATLAB has no arrays of one axis.
            return values.ravel() if len(spatial) == 1 and 1 in values.shape else values
        kept = self._lines(spatial[0], np.random.default_rng([seed, 14]))
        mask = np.broadcast_to(kept.reshape((-1,) + (1,) * (len(spatial) - 1)), spatial)
        return np.fft.fftshift(mask) if self.centred else mask

    def _lines(self, length: int, generator: np.random.Generator) -> Float64[np.ndarray, " n"]:
        """Return one for each line that is kept, zero for the others; frequency zero is always kept."""
        from_zero = np.argsort(np.abs(np.fft.fftfreq(length)), kind="stable")
        low = max(1, round(self.centre * length))
        high = max(low, round(self.fraction * length))
        drawn = generator.permutation(from_zero[low:])[: high - low]
        kept = np.zeros(length)
        kept[np.concatenate([from_zero[:low], drawn])] = 1
        return kept
