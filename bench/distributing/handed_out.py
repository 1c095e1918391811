"""Hand pieces of work to workers, and take what they return as it comes."""

import contextlib
import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any

from ..errors import UserError
from .cluster import replace_lost
from .group_task import forget
from .waiting import Piece, WaitingPieces

ATTEMPTS = 20
"""How often a piece is handed out whose worker is lost, where the scheduler gives up on it."""
NOBODY = ""
"""Whose a piece is that was handed out before there was a worker."""
LOOK_EVERY = 2.0
"""Seconds between two looks at who is there."""
PER_WORKER = 2
"""Pieces that are handed out and not done, for each worker: it does one, and the next one lies ready."""


def handed_out(client: Any, pieces: Sequence[Piece], begin: Callable[[str], None]) -> Iterator[Any]:
    """Yield what workers return of one piece after the other, in the order in which they are done.

    A piece whose worker dies is handed to another one. One that is lost again and again costs itself alone.

    Args:
        client: a `distributed.Client`.
        pieces: what is to be done.
        begin: is told what is going on.

    Raises:
        UserError: if a worker cannot do its piece; once all others are done, if one was lost again and again.
    """
    distributed = importlib.import_module("distributed")
    waiting, lost, given_up = WaitingPieces(pieces), Counter[int](), list[str]()
    handed: dict[Any, tuple[int, str]] = {}
    try:
        while waiting or handed:
            there = _workers(client)
            replace_lost(client, len(there))
            if not there:
                begin("no worker is there yet, or none any more: waiting")
            for worker in _with_room(there, (one for _, one in handed.values())):
                if not waiting:
                    break
                number = waiting.take(worker, there)
                piece = pieces[number]
                begin(f"handed out: {piece.name}")
                # Some clusters start workers only for what was handed out: then it is nobody's.
                to = {"workers": [worker], "allow_other_workers": True} if worker != NOBODY else {}
                future = client.submit(piece.task, *piece.arguments, pure=False, retries=0, **to)
                handed[future] = number, worker
            with contextlib.suppress(TimeoutError):
                distributed.wait(list(handed), timeout=LOOK_EVERY, return_when="FIRST_COMPLETED")
            for future in [one for one in handed if one.done()]:
                number, _ = handed.pop(future)
                if future.status == "finished":
                    yield future.result()
                    continue
                _refuse_but_lost(client, future, distributed.scheduler.KilledWorker)
                name = pieces[number].name
                lost[number] += 1
                if lost[number] >= ATTEMPTS:
                    given_up.append(name)
                else:
                    begin(f"a worker was lost, again: {name}")
                    waiting.put_back(number)
    finally:
        with contextlib.suppress(Exception):  # the cluster may be gone
            client.run(forget, on_error="ignore")
    if given_up:
        others = f", as did {len(given_up) - 1} others" if len(given_up) > 1 else ""
        raise UserError(
            f"{given_up[0]} lost its worker {ATTEMPTS} times{others}; everything else is done, and --resume "
            "tries again"
        )


def _with_room(there: Set[str], busy: Iterable[str]) -> Iterator[str]:
    """Yield workers that have too little to do, first those with nothing; nobody, where nobody is there."""
    has = Counter(busy)
    names = there or [NOBODY]
    for few in range(PER_WORKER):
        yield from (one for one in names if has[one] <= few)


def _workers(client: Any) -> Set[str]:
    """Return the workers' addresses; raise `UserError` if the scheduler does not answer."""
    if client.status != "running":
        raise _gone()
    try:
        return client.nthreads().keys()
    except (OSError, TimeoutError) as error:
        raise _gone() from error


def _refuse_but_lost(client: Any, future: Any, killed_worker: type[Exception]) -> None:
    """Raise `UserError` for a task that failed, unless its worker died."""
    if client.status != "running":
        raise _gone()
    error = None if future.status == "cancelled" else future.exception()
    if error is not None and not isinstance(error, killed_worker):
        raise UserError(f"a worker cannot measure: {error}") from error


def _gone() -> UserError:
    return UserError("the scheduler is gone; what is recorded is kept, and --resume goes on")
