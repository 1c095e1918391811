"""Programs that need more memory than one may."""

from ..machine.device_memory import memory_limit
from .program import Program


def too_large(program: Program) -> str:
    """Say why a program is not run: it needs more than the limit; empty if it fits, or gives no figure."""
    needed, limit = program.memory.total, memory_limit()
    if needed is None or needed <= limit:
        return ""
    return f"needs {needed / 2**30:.1f} GiB; the limit is {limit / 2**30:.1f} GiB"
