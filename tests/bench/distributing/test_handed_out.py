"""Reproductions and trainings on workers; a piece of work that always loses its worker costs itself alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import distributed
import jax
import numpy as np
import pytest
from distributed.scheduler import KilledWorker

from hypergrad_bench.bench.commands import train
from hypergrad_bench.bench.distributing import handed_out as handing_out
from hypergrad_bench.bench.distributing.cluster import Workers
from hypergrad_bench.bench.distributing.handed_out import ATTEMPTS, PER_WORKER, handed_out
from hypergrad_bench.bench.distributing.waiting import Piece, WaitingPieces
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.progress import RunProgress
from hypergrad_bench.bench.records.reproduced_case import ReproducedCase
from hypergrad_bench.bench.runs import reproduce, training_on_workers
from hypergrad_bench.bench.runs.comparison import TrainingComparison
from hypergrad_bench.bench.runs.reproduce import plan_reproduction, started_reproduction
from hypergrad_bench.bench.runs.reproduction_file import reproduction_folder
from hypergrad_bench.bench.runs.training_run import RunningTraining
from hypergrad_bench.bench.training.request import TrainingRequest
from hypergrad_bench.problems.files.saved_regularizer import load_regularizer


@pytest.fixture(scope="module")
def client() -> Iterator[distributed.Client]:
    """A worker that is a thread of this process."""
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,
            dashboard_address="127.0.0.1:0",
            protocol="inproc://",
        ) as here,
        distributed.Client(here) as client,
    ):
        yield client


@pytest.fixture
def _promotion_as_users_have_it() -> Iterator[None]:
    """In every thread, the worker's too: optax multiplies its whole-number step with numbers."""
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    yield
    jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.fixture
def at(client: distributed.Client) -> Callable[[Workers], Any]:
    """What hands out that client in place of a new cluster."""

    @contextmanager
    def cluster(workers: Workers) -> Iterator[distributed.Client]:
        del workers
        yield client

    return cluster


@dataclass(frozen=True)
class Doubled:
    """Twice a number."""

    @dataclass(frozen=True)
    class Number:
        value: int

        @property
        def name(self) -> str:
            return f"number {self.value}"

    def cases(self, quick: bool) -> list[Number]:
        return [self.Number(value) for value in (3, 1, 2)]

    def measure(self, case: Number, quick: bool) -> list[dict[str, Any]]:
        return [{"twice": 2 * case.value, "infinite": float("inf")}]

    def page(self, rows: Any) -> Any:
        raise NotImplementedError


def test_cases_of_a_reproduction_are_measured_by_workers(
    at: Callable[[Workers], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every case once, as without workers, and it says where it was measured."""
    monkeypatch.setattr(reproduce, "cluster", at)
    monkeypatch.setattr(reproduce, "shares", lambda count: [])
    monkeypatch.setattr(reproduce, "reproduction_named", lambda name: Doubled())
    told: dict[str, dict[str, ReproducedCase]] = {}
    for name, workers in (("on", Workers(here=1)), ("off", None)):
        for _ in range(2):  # the second time nothing is left to do
            plan = plan_reproduction("doubled", True, tmp_path / name)
            with (
                started_reproduction(plan, ["hgb"], "cpu", workers) as running,
                RunProgress(3) as progress,
            ):
                running.measure_missing(progress)
        cases = reproduction_folder(tmp_path / name).recorded()
        told[name] = {case.case: case for case in cases}
        assert len(cases) == 3
    on, off = told["on"], told["off"]
    assert {name: case.rows for name, case in on.items()} == {name: case.rows for name, case in off.items()}
    assert on["number 1"].rows == [{"twice": 2, "infinite": None}]
    assert all(case.where["worker"] and case.where["machine"] for case in on.values())
    assert not any(case.where for case in off.values())


def test_trainings_are_made_by_workers(
    at: Callable[[Workers], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each in the folder of the comparison, by the command that was typed."""
    methods = ("closed-form", "one-step")
    made: list[tuple[Any, ...]] = []

    class Training(RunningTraining):
        @property
        def steps(self) -> int:
            return 7

        @property
        def done(self) -> int:
            return 2

        def __init__(self) -> None: ...

        def run(self, progress: RunProgress) -> None:
            progress.advance(5)
            made.append(("run",))

        def save_learned(self) -> None:
            made.append(("saved",))

    class Comparison:
        @contextmanager
        def started(self, method: str, command: list[str]) -> Iterator[Training]:
            made.append((method, command))
            yield Training()

    monkeypatch.setattr(training_on_workers, "plan_comparison_again", lambda folder: Comparison())
    with at(Workers(here=1)) as there:
        comparison = TrainingComparison(tmp_path, methods, TrainingRequest())
        told: list[str] = []
        done = list(training_on_workers.trained_on(there, comparison, ["hgb", "x"], "cpu", [], told.append))
    assert sorted(done) == ["closed-form", "one-step"]
    begun = [one for one in made if len(one) > 1]
    assert sorted(begun) == [(method, ["hgb", "x"]) for method in methods]
    assert made.count(("run",)) == made.count(("saved",)) == 2
    assert told == ["handed out: closed-form", "handed out: one-step"]


@pytest.mark.usefixtures("_promotion_as_users_have_it")
def test_one_training_is_made_by_a_worker(
    at: Callable[[Workers], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """To the same bits as without, and nobody else has anything to do."""
    monkeypatch.setattr(train, "cluster", at)
    monkeypatch.setattr(train, "shares", lambda count: [])
    request = TrainingRequest(size="8", pairs=4, batch=2, steps=5, method="one-step", solver="dual-fista")
    for name, workers in (("on", Workers(here=1)), ("off", None), ("on", Workers(here=1))):
        again = (tmp_path / name / "training.json").exists()
        asked = (TrainingRequest(), None, tmp_path / name) if again else (request, tmp_path / name, None)
        train.train(*asked, "cpu", workers)
    found = [load_regularizer(tmp_path / name) for name in ("on", "off")]
    for one, other in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(UserError, match="one training has one worker: give --workers 1; got 2"):
        train.train(request, tmp_path / "two", None, "cpu", Workers(here=2))


def test_a_piece_that_always_loses_its_worker_costs_itself_alone() -> None:
    def submit(task: Callable[..., Any], number: int, **options: Any) -> Any:
        if number == 1:
            lost = KilledWorker("piece", SimpleNamespace(address="w"), 3)
            return _Future("error", lambda: lost)
        return _Future("finished", lambda: None, number)

    there = SimpleNamespace(
        status="running",
        cluster=None,
        nthreads=lambda: {"w": 1},
        submit=submit,
        run=lambda *given, **options: None,
    )
    pieces = [Piece(f"piece {number}", abs, (number,)) for number in range(3)]
    told: list[str] = []
    found = handed_out(there, pieces, told.append)
    assert [next(found), next(found)] == [0, 2]
    with pytest.raises(UserError, match=f"piece 1 lost its worker {ATTEMPTS} times; everything else is done"):
        next(found)
    assert told.count("a worker was lost, again: piece 1") == ATTEMPTS - 1


def test_pieces_that_share_programs_go_to_the_worker_that_has_them() -> None:
    """What nobody has begun comes first, then the most that is left; what was lost is taken up again."""
    pieces = [Piece(kin + str(number), abs, (), kin) for kin in "abc" for number in range(3)]
    waiting = WaitingPieces(pieces)

    def taken(worker: str, *there: str) -> str:
        return pieces[waiting.take(worker, set(there or "vw"))].name

    assert [taken(worker) for worker in "vwwvw"] == ["a0", "b0", "b1", "a1", "b2"]
    assert taken("w") == "c0"
    assert taken("v") == "a2"
    assert taken("v") == "c1"
    waiting.put_back(0)
    assert taken("x", "x", "w") == "a0"
    assert taken("w") == "c2"
    assert not waiting


def test_each_worker_has_its_next_piece_and_nobody_has_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before there is a worker, something is handed out for clusters that start them for it."""
    handed: list[tuple[str, ...]] = []
    monkeypatch.setattr(handing_out, "LOOK_EVERY", 0.0)

    def submit(task: Callable[..., Any], number: int, **options: Any) -> Any:
        handed.append(tuple(options.get("workers", ())))
        return _Future("finished", lambda: None, number)

    workers: dict[str, int] = {}
    there = SimpleNamespace(
        status="running",
        cluster=None,
        nthreads=lambda: workers,
        submit=submit,
        run=lambda *given, **options: None,
    )
    found = handed_out(there, [Piece(f"{number}", abs, (number,)) for number in range(9)], lambda said: None)
    next(found)
    assert handed == [()] * PER_WORKER
    workers.update(v=1, w=1)
    assert sorted(found) == list(range(1, 9))
    assert handed[PER_WORKER:][:4] == [("v",), ("w",), ("v",), ("w",)]


def test_what_is_lost_before_it_is_fetched_is_waited_for_once_more() -> None:
    """Its worker died with it: the scheduler lets another one do it again, and nothing comes twice."""

    class Lost(_Future):
        calls = 0

        def result(self, timeout: float) -> Any:
            self.calls += 1
            if self.calls == 1:
                raise TimeoutError
            return super().result(timeout)

    there = SimpleNamespace(
        status="running",
        cluster=None,
        nthreads=lambda: {"w": 1},
        submit=lambda task, number, **options: Lost("finished", lambda: None, number),
        run=lambda *given, **options: None,
    )
    pieces = [Piece(f"{number}", abs, (number,)) for number in range(5)]
    assert sorted(handed_out(there, pieces, lambda said: None)) == [0, 1, 2, 3, 4]


class _Future:
    def __init__(self, status: str, exception: Callable[[], Any], value: Any = None) -> None:
        self.status, self.exception, self._value = status, exception, value

    def done(self) -> bool:
        return True

    def add_done_callback(self, call: Callable[["_Future"], None]) -> None:
        call(self)

    def result(self, timeout: float) -> Any:
        return self._value
