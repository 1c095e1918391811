"""How much memory one program may need on the default device."""

import os

import jax

MEMORY_SHARE = 0.8
"""Share of the device's memory that a program's static figure may take before it is not run at all."""


def memory_limit() -> float:
    """Return the bytes that one program may need on the default device."""
    stats = jax.devices()[0].memory_stats() or {}
    total = stats.get("bytes_limit") or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return MEMORY_SHARE * total
