"""Which device a command computes on."""

import os

import jax

from ..errors import UserError, nearest
from .matmul_precision import require_matmul_precision
from .threads import fix_blas_threads

PLATFORMS = {"cpu": "cpu", "cuda": "cuda"}
ALIASES = {"cpu": ("cpu",), "cuda": ("cuda", "gpu")}
"""What JAX calls the platform of a device."""


def use_device(device: str, spare: bool = False) -> None:
    """Select the platform, allow float64 and fix the threads; call it before anything is computed.

    A GPU multiplies float32 matrices, and convolves, with 10 of their 23 bits (TF32) unless told not to:
    it is, where JAX_DEFAULT_MATMUL_PRECISION says nothing else.

    Args:
        device: by its name.
        spare: leave a GPU's memory to another process, of which JAX would take most otherwise.

    Raises:
        UserError: for an unknown device, one that JAX cannot reach, or inexact products of matrices.
    """
    if device not in PLATFORMS:
        raise UserError(nearest(device, PLATFORMS, kind="device"))
    fix_blas_threads()
    if spare:
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    before = jax.config.jax_platforms  # pyright: ignore[reportAttributeAccessIssue]
    jax.config.update("jax_platforms", PLATFORMS[device])
    jax.config.update("jax_enable_x64", True)
    if reason := _unreachable(device):
        jax.config.update("jax_platforms", before)
        raise UserError(
            f"device {device!r} cannot be reached ({reason}); "
            "`make bench DEVICE=cuda` installs what JAX needs for it beside the NVIDIA driver"
        )
    if device != "cpu" and _precision() is None:
        jax.config.update("jax_default_matmul_precision", "highest")
    require_matmul_precision()


def _precision() -> str | None:
    return jax.config.jax_default_matmul_precision  # pyright: ignore[reportAttributeAccessIssue]


def _unreachable(device: str) -> str:
    """Say why JAX does not compute on a device; empty if it does."""
    try:
        platform = jax.devices()[0].platform
    except (RuntimeError, AssertionError) as error:  # without its plug-in JAX only asserts
        return (str(error).strip() or "JAX finds none").splitlines()[0]
    return "" if platform in ALIASES[device] else f"JAX computes on {platform!r} already"
