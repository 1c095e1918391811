"""What a `supports` answers: yes, a sentence why not, or a failure."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..failure import failure_of


class Answer(NamedTuple):
    """Say whether something is supported.

    Attributes:
        reason: why not, in a sentence; empty if it is, or if the question failed.
        failure: what the question raised, or what it returned in place of None or a sentence; else empty.
    """

    reason: str = ""
    failure: str = ""

    @property
    def yes(self) -> bool:
        """Tell whether it is supported."""
        return not (self.reason or self.failure)


def named(who: Any, answer: Answer) -> Answer:
    """Return an answer whose sentences begin with who gave it."""
    return Answer(*(f"{who!r}: {said}" if said else "" for said in answer))


def ask(supports: Callable[..., Any], *arguments: Any) -> Answer:
    """Ask a `supports` and return its answer, whatever it does."""
    try:
        said = supports(*arguments)
        if said is None:
            return Answer()
        if isinstance(said, str) and said.strip():
            return Answer(reason=str(said))
        return Answer(
            failure=f"`supports` returned {said!r}; None, or a sentence that says why not, is accepted"
        )
    except BaseException as error:
        return Answer(failure=f"`supports` raised {failure_of(error)}")
