"""What commands say on standard error."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text


def warn(warnings: Iterable[str]) -> None:
    """Print what is wrong with all of a folder's measurements on standard error."""
    for warning in warnings:
        say(f"warning: {warning}")


def say(sentence: str) -> None:
    """Print a sentence on standard error."""
    Console(stderr=True, highlight=False).print(Text(sentence), soft_wrap=True)
