"""What a worker does of a run: its child measures, and a case that ends the child is listed to be named."""

import os
from collections.abc import Callable, Iterator, Sequence

import pytest
from synthetic_records import measured

from hypergrad_bench.bench.distributing import group_task
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.grid.case import Case
from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.bench.grid.suites import SUITES
from hypergrad_bench.bench.grid.timing import Timing
from hypergrad_bench.bench.isolation import isolated
from hypergrad_bench.bench.isolation.child import Setup, prepared
from hypergrad_bench.bench.isolation.limits import Death, IsolationLimits
from hypergrad_bench.bench.machine.memory import host_memory_limit
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.bench.runs.run import requested

SELECTION = Selection(
    suite="smoke",
    tasks=("denoising",),
    regularizers=("analysis-l1",),
    sizes=("8",),
    batch=1,
    methods=("one-step", "unrolled"),
    solvers=("dual-fista",),
    seeds=3,
    dtypes=("float64",),
)
SETUP = Setup(
    selection=SELECTION, timing=Timing.of(SUITES["smoke"], 1), command=["hgb"], device="cpu", start="once"
)


@pytest.fixture(scope="module")
def groups() -> list[tuple[Case, ...]]:
    from hypergrad_bench.bench.grid.expand import expand, unique

    return list(unique(expand(requested(SELECTION)).groups))


@pytest.fixture
def _children_that_end_at_unrolling(monkeypatch: pytest.MonkeyPatch, groups: list[tuple[Case, ...]]) -> None:
    ends = {case.id for group in groups for case in group if "Unrolled" in repr(case.contestant.method)}

    class Scripted:
        death: Death | None = None

        def __init__(self, setup: Setup, limits: IsolationLimits) -> None: ...
        def start(self) -> None: ...
        def close(self) -> None: ...

        def measure(self, ids: Sequence[str], begin: Callable[[str], None]) -> Iterator[str]:
            named = next((one for one in ids if one in ends), None)
            self.death = named and Death(Status.CRASHED, "signal 11", named)
            if named is None:
                yield from (measured(id=one).to_line() for one in ids)

    monkeypatch.setattr(isolated, "WatchedChild", Scripted)
    monkeypatch.setattr(os, "sched_setaffinity", lambda process, processors: None)


@pytest.mark.usefixtures("_children_that_end_at_unrolling")
def test_who_ends_its_child_is_named_by_the_worker(groups: list[tuple[Case, ...]]) -> None:
    """The record has the case's own settings, and says where that was."""
    asked = [case.id for case in groups[2]]
    lines = group_task.measure_group(
        SETUP.model_dump_json(), IsolationLimits().model_dump_json(), [], [*asked, asked[0]]
    )
    records = [Record.from_line(line) for line in lines]
    group_task.forget()
    assert sorted(record.id for record in records) == sorted(asked)
    assert {record.status for record in records} == {Status.OK, Status.CRASHED}
    dead = [record for record in records if record.status is Status.CRASHED]
    assert {record.method.partition("(")[0] for record in dead} == {"Unrolled"}
    assert {(record.seed, record.reason) for record in dead} == {(2, "signal 11")}
    assert {record.environment["worker"] for record in dead} == {f"process {os.getpid()}"}
    assert all(record.environment["machine"] for record in dead)


def test_cases_are_listed_no_further_than_they_are_looked_for(
    monkeypatch: pytest.MonkeyPatch, groups: list[tuple[Case, ...]]
) -> None:
    """Their ids are what takes long where there are many; one that is nowhere is refused."""
    listed = prepared(SETUP)
    read: list[Case] = []
    original = Case.id.func
    monkeypatch.setattr(Case, "id", property(lambda case: read.append(case) or original(case)))
    (first, *_) = groups[0]
    assert listed.named([original(first)]) == [first]
    assert {case.instance.seed for case in read} == {0}
    assert listed.named([original(groups[2][1])]) == [groups[2][1]]
    with pytest.raises(UserError, match="has no case 0123"):
        listed.named(["0123"])


def test_the_host_s_memory_is_shared_out_unless_a_limit_was_given() -> None:
    assert IsolationLimits(memory_bytes=7).of_each(2) == IsolationLimits(memory_bytes=7)
    assert IsolationLimits(seconds=5).of_each(4).memory_bytes == int(host_memory_limit() / 4)
