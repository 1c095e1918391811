"""A cluster whose workers sleep where they would measure: everything else of it is real."""

import contextlib
import importlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..distributing.cluster import FAILURES
from ..errors import UserError
from ..records.record import Record

ID, SEED = "the case's own id", "the case's own seed"
"""What stands in a template in their places."""
SLOT = "slot "
"""What the name of a slot begins with."""
_TEMPLATES: list[str] = []
"""Lines of records that this worker answers with."""


class Sleepers(NamedTuple):
    """How many there are that sleep.

    Attributes:
        workers: processes of this machine, besides that of client and scheduler.
        slots: tasks that sleep at a time, all workers together; so many workers the harness is told of.
    """

    workers: int
    slots: int


class SleepingAnswer(NamedTuple):
    """What a task answers for a case: the number of a template, and the case's own id and seed."""

    template: int
    id: str
    seed: int


@dataclass(frozen=True)
class SleepingClient:
    """Hand a client's tasks on as sleep, and answer with records that are known.

    It stands where `measured_groups` takes a `distributed.Client`: what is sent, what comes back, who keeps
    it and who waits for it is as in a run. What is left out is what a worker does: starting a process, which
    lists the cases anew, compiles and measures.

    Attributes:
        client: a `distributed.Client`, whose workers have their templates.
        slots: so many workers it says it has; the harness hands out groups by that number.
        answers: of every case, by its id.
        seconds: that a group sleeps.
    """

    client: Any
    slots: int
    answers: Mapping[str, SleepingAnswer]
    seconds: float
    _addresses: list[str] = field(default_factory=list, repr=False)

    @property
    def status(self) -> str:
        """The client's own."""
        return self.client.status

    @property
    def cluster(self) -> None:
        """Nobody's that would start workers anew: none is lost here."""

    def nthreads(self) -> Mapping[str, int]:
        """Ask the scheduler as the client does, and return one thread for each slot."""
        self._addresses[:] = self.client.nthreads()
        return {f"{SLOT}{number}": 1 for number in range(self.slots)}

    def submit(
        self,
        measure: Callable[..., Any],
        *run: Any,
        workers: Sequence[str] = (),
        allow_other_workers: bool = False,
        **options: Any,
    ) -> Any:
        """Submit sleep in place of what would be measured, to a slot's worker; the arguments go along."""
        del measure
        told = [tuple(self.answers[one]) for one in run[-1]]
        own = [self._addresses[int(one.removeprefix(SLOT)) % len(self._addresses)] for one in workers]
        to = {"workers": own, "allow_other_workers": allow_other_workers} if own else {}
        return self.client.submit(sleep_and_answer, self.seconds, told, *run, **to, **options)

    def run(self, function: Callable[..., Any], on_error: str = "raise") -> None:
        """Do nothing: no process measures that would have to be ended."""
        del function, on_error


def sleep_and_answer(seconds: float, told: Sequence[tuple[int, str, int]], *run: Any) -> list[str]:
    """Sleep as long as a group takes, and return its records' lines."""
    del run
    time.sleep(seconds)
    return [filled(_TEMPLATES[template], one, seed) for template, one, seed in told]


def emptied(record: Record) -> str:
    """Return a record's line with marks in the places of its id and its seed."""
    fields = record.model_dump(mode="json") | {"id": ID, "seed": SEED}
    return json.dumps(fields, allow_nan=False, separators=(",", ":"))


def filled(template: str, case: str, seed: int) -> str:
    """Return the line of a case's record."""
    return template.replace(json.dumps(ID), json.dumps(case), 1).replace(json.dumps(SEED), str(seed), 1)


def hold_templates(lines: Sequence[str]) -> None:
    """Keep the lines that this process answers with."""
    _TEMPLATES[:] = lines


@contextlib.contextmanager
def sleeping_cluster(sleepers: Sleepers, templates: Sequence[str]) -> Iterator[Any]:
    """Start a scheduler in this process and workers in others, and hand out the `distributed.Client`.

    Raises:
        UserError: if Dask is not installed, or slots are no multiple of workers.
    """
    if min(sleepers) < 1 or sleepers.slots % sleepers.workers:
        raise UserError(
            "slots must be a multiple of workers, both at least 1; "
            f"got {sleepers.slots} and {sleepers.workers}"
        )
    try:
        dask, distributed = importlib.import_module("dask"), importlib.import_module("distributed")
    except ImportError as error:
        raise UserError("Dask is not installed: pip install 'hypergrad-bench[cluster]'") from error
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": FAILURES}),
        distributed.LocalCluster(
            n_workers=sleepers.workers,
            threads_per_worker=sleepers.slots // sleepers.workers,
            processes=True,
            dashboard_address="127.0.0.1:0",
            memory_limit=None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(hold_templates, list(templates))
        yield client
