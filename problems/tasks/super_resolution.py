"""Super-resolution."""

import jax
import jax.numpy as jnp

from ..arrays.channels import is_colour
from ..operators.decimated_blur import DecimatedBlur
from ..task import require_noise
from ..values.configuration import configuration
from .motion_kernel import Kernel, MotionKernel


@configuration
class SuperResolution:
    """Recover a sharp fine image from a blurred coarse one: y = (kernel * x)[::factor, ::factor] + noise.

    The kernel is a camera's shake, circular; the same for every seed. Source: Zou, Liu, Wohlberg and Kamilov,
    2023 (ELDER's task, there with the kernels of Levin et al., which `KernelFile` reads).

    Args:
        factor: of decimation along each axis, at least 1; it must divide the sides of the image.
        kernel: what makes the taps: `MotionKernel()`, `KernelFile(path, index)`, or any frozen object with
            their method `taps`.
        noise: standard deviation of the noise, in the unit of the signal.

    Raises:
        TypeError: if `kernel` makes no taps.
        ValueError: if `factor` is not a whole number of at least 1, or `noise` is negative.
    """

    factor: int = 2
    kernel: Kernel = MotionKernel()
    noise: float = 0.02

    def __post_init__(self) -> None:
        require_noise(self.noise)
        if not isinstance(self.factor, int) or isinstance(self.factor, bool) or self.factor < 1:
            raise ValueError(f"factor must be a whole number, at least 1; got {self.factor!r}")
        if not isinstance(self.kernel, Kernel):
            raise TypeError(f"kernel must offer taps, as MotionKernel() does; got {self.kernel!r}")

    def operator(self, shape: tuple[int, ...], seed: int) -> DecimatedBlur:
        """Make the kernel for this shape, of one axis for signals and of two for images.

        Raises:
            ValueError: if a side is not a multiple of the factor, or less than the kernel's.
        """
        del seed
        spatial = shape[:2] if is_colour(shape) else shape
        operator = DecimatedBlur(jnp.asarray(self.kernel.taps(spatial), jnp.float64), self.factor)
        # Traced, not computed: what does not fit is said here.
        jax.eval_shape(operator, jax.ShapeDtypeStruct(shape, jnp.float64))
        return operator
