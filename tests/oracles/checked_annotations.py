"""The type checker that jaxtyping's import hook applies to the package while the tests run."""

from collections.abc import Callable
from typing import Any, Self

from beartype import BeartypeConf, FrozenDict, beartype

# The hook decorates methods one by one, where beartype cannot know what Self is.
checked_at_once = beartype(conf=BeartypeConf(hint_overrides=FrozenDict({Self: Any})))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Check what a function is handed; the check is made at its first call, as most are never called.

    Each process of the tests imports the package: making all checks took most of that time.
    """
    made: Callable[..., Any] | None = None

    def check(*arguments: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        nonlocal made
        if made is None:
            made = checked_at_once(function)
        return made(*arguments, **options)

    return check
