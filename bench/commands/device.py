"""Which device a command computes on."""

import jax

from ..errors import UserError, nearest
from ..threads import fix_blas_threads

PLATFORMS = {"cpu": "cpu", "cuda": "cuda"}


def use_device(device: str) -> None:
    """Select the platform, allow float64 and fix the threads; call it before anything is computed.

    Raises:
        UserError: for an unknown device, or one that JAX cannot reach.
    """
    if device not in PLATFORMS:
        raise UserError(nearest(device, PLATFORMS, kind="device"))
    fix_blas_threads()
    jax.config.update("jax_platforms", PLATFORMS[device])
    jax.config.update("jax_enable_x64", True)
    try:
        jax.devices()
    except RuntimeError as error:
        raise UserError(
            f"device {device!r} cannot be reached ({str(error).splitlines()[0]}); "
            "`make bench DEVICE=cuda` installs what JAX needs for it beside the NVIDIA driver"
        ) from error
