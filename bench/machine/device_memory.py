"""How much memory one program may need on the default device."""

import jax

from .memory import MEMORY_SHARE, host_memory_limit


def memory_limit() -> float:
    """Return the bytes that one program may need on the default device."""
    stats = jax.devices()[0].memory_stats() or {}
    total = stats.get("bytes_limit")
    return MEMORY_SHARE * total if total else host_memory_limit()
