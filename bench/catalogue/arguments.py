"""Which arguments a method's own methods take, told before a case fails over it."""

import inspect
from typing import Any

from ..errors import UserError

_ARGUMENTS = {
    "__call__": ("solver", "budget", "lower", "start"),
    "backward": ("solved", "cotangent"),
    "backward_of_pair": ("solved", "cotangent"),
    "tangent": ("solved", "direction"),
}
"""Of a method's members; `solved` holds the solver, its budget, the lower level and its solution."""


def require_arguments(method: Any) -> None:
    """Raise `UserError` if a member of a method cannot be called with the arguments that it is handed.

    That is how methods look that were written for an earlier version.
    """
    for name, arguments in _ARGUMENTS.items():
        member = inspect.getattr_static(type(method), name, None)
        if not inspect.isfunction(member):
            continue
        try:
            inspect.signature(member).bind(method, *arguments)
        except TypeError as error:
            raise UserError(
                f"{type(method).__name__}.{name} takes {inspect.signature(member)} ({error}); "
                f"(self, {', '.join(arguments)}) is accepted"
            ) from error
