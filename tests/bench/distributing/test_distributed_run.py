"""A run on several workers, of which some are killed: every case once, with the numbers of a run on none."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import dask.config
import psutil
import pytest

from hypergrad_bench.bench.distributing import cluster as started_cluster
from hypergrad_bench.bench.distributing.cluster import (
    Workers,
    cluster,
    replace_lost,
    shares,
    workers_asked_for,
)
from hypergrad_bench.bench.distributing.handed_out import handed_out
from hypergrad_bench.bench.distributing.waiting import Piece
from hypergrad_bench.bench.errors import UserError

ASKED = (
    "--suite smoke --task denoising --regularizer fields-of-experts --size 4x4 --batch 1 --seeds {seeds}"
    " --method one-step --solver gradient-descent --solver nesterov --rounds 1"
)
HGB = "import sys; from hypergrad_bench.bench.cli import main; sys.argv[0] = 'hgb'; main()"
SEEDS = int(os.environ.get("HGB_SEEDS", "30"))
KILLS = int(os.environ.get("HGB_KILLS", "2"))
"""250 and 20 make the run of 500 cases."""
GAP = float(os.environ.get("HGB_GAP", "0"))
"""Mean seconds between kills at random moments, which come in bursts; 0 for one after each new record."""
WORKERS = str(min(2, len(os.sched_getaffinity(0))))
OF_NUMBERS = ("steps", "residual", "relative_error", "cosine", "norm_ratio", "loss", "status", "input_hashes")


def begun(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """`hgb run` in a process of its own."""
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)}
    with (folder / "log").open("ab") as log:
        command = [sys.executable, "-c", HGB, "run", *arguments]
        return subprocess.Popen(command, cwd=folder, env=environment, stderr=log, stdout=log)


def records_of(folder: Path) -> list[dict]:
    journal = folder / "records.jsonl"
    content = journal.read_text() if journal.exists() else ""
    return [json.loads(line) for line in content.splitlines(keepends=True) if line.endswith("\n")]


def workers_of(run: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes that Dask started to work."""
    try:
        children = psutil.Process(run.pid).children()
        return [one for one in children if "spawn_main" in " ".join(one.cmdline())]
    except psutil.Error:
        return []


def kill_workers(run: subprocess.Popen[bytes], folder: Path, kills: int) -> None:
    """Kill one or another at random moments, or once there are more records than at the kill before."""
    moments, seen, killed = random.Random(0), 0, 0
    while "handed out" not in (folder.parent / "log").read_text():  # all workers are there
        assert run.poll() is None, (folder.parent / "log").read_text()[-2000:]
        time.sleep(0.1)
    while killed < kills:
        assert run.poll() is None, (folder.parent / "log").read_text()[-2000:]
        recorded = 0 if GAP else len(records_of(folder))
        if GAP or recorded > seen:
            seen = recorded
            time.sleep(until_next(moments) if GAP else moments.uniform(0, 0.3))
            killed += kill_one(workers_of(run), moments)
        time.sleep(0.02)


def until_next(moments: random.Random) -> float:
    """Return a time until the next kill: every tenth in the mean is long enough for a worker to get far."""
    mean = 7 * GAP if moments.random() < 0.1 else GAP / 3
    return moments.expovariate(1 / mean)


def kill_one(workers: list[psutil.Process], moments: random.Random) -> bool:
    """Kill one of them, if there is one and it has not ended already."""
    try:
        moments.choice(workers).kill()
    except (IndexError, psutil.NoSuchProcess):
        return False
    return True


def test_workers_and_the_client_are_killed_and_no_case_is_lost(tmp_path: Path) -> None:
    """Each case once, and the same numbers to the bit as from a run on no worker."""
    asked = ASKED.format(seeds=SEEDS).split()
    folder = tmp_path / "many"
    run = begun(tmp_path, *asked, "--workers", WORKERS, "--out", "many")
    kill_workers(run, folder, KILLS)
    run.send_signal(signal.SIGKILL)
    run.wait()
    kept = records_of(folder)
    assert 0 < len(kept) < 2 * SEEDS
    again = begun(tmp_path, "--resume", "many", "--workers", WORKERS)
    assert again.wait() == 0, (tmp_path / "log").read_text()[-2000:]
    alone = begun(tmp_path, *asked, "--out", "one")
    assert alone.wait() == 0, (tmp_path / "log").read_text()[-2000:]
    many, one = records_of(folder), records_of(tmp_path / "one")
    assert many[: len(kept)] == kept
    assert len({record["id"] for record in many}) == len(many) == len(one) == 2 * SEEDS
    numbers = [
        {record["id"]: [record[name] for name in OF_NUMBERS] for record in records} for records in (many, one)
    ]
    assert numbers[0] == numbers[1]
    assert {record["status"] for record in many} == {"ok"}
    assert {record["environment"]["worker"] for record in many} <= {"0", "1"}
    assert all(record["environment"]["machine"] for record in many)


def test_a_worker_that_dask_gives_up_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dask takes one off its list that is starting some time after it was lost; a run would wait for it."""
    monkeypatch.setattr(started_cluster, "AWAY", "0.1s")
    with cluster(Workers(here=1)) as client:
        (lost,) = handed_out(client, [Piece("its process", os.getpid, ())], lambda label: None)
        psutil.Process(lost).kill()
        for _ in range(200):
            if not client.cluster.workers:
                break
            time.sleep(0.1)
        assert not client.cluster.workers
        (found,) = handed_out(client, [Piece("another one's", os.getpid, ())], lambda label: None)
        assert found != lost
        while not client.cluster.workers:  # it is there a moment before it is on the list
            time.sleep(0.1)
        (nanny,) = client.cluster.workers.values()
        with dask.config.set({"distributed.deploy.lost-worker-timeout": "1h"}):
            client.cluster.sync(nanny.close)  # as one is whose worker ended before it was there
            (last,) = handed_out(client, [Piece("the last one's", os.getpid, ())], lambda label: None)
        assert last not in {lost, found}


def test_workers_of_somebody_elses_cluster_are_not_replaced() -> None:
    """It may count its workers otherwise, or keep no such list."""
    replace_lost(SimpleNamespace(cluster=SimpleNamespace(worker_spec={"0": {}}, workers={})), 0)
    replace_lost(SimpleNamespace(cluster=None), 0)


def test_a_worker_imports_no_jax_for_its_child_to_measure() -> None:
    """One that is started in place of a lost one would take twice as long."""
    program = "import sys, hypergrad_bench.bench.distributing.group_task\nsys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_processors_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {5, 2, 3, 4, 9}, raising=False)
    assert shares(2) == [[2, 3], [4, 5]]
    assert shares(5) == [[2], [3], [4], [5], [9]]
    assert shares(6)[-1] == [2]
    monkeypatch.delattr(os, "sched_getaffinity")
    assert shares(2) == [[], []]


def test_a_cluster_is_started_or_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is said."""
    assert workers_asked_for(None, None, "cpu") is None
    assert workers_asked_for(1, None, "cuda") == Workers(here=1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
    assert workers_asked_for(2, None, "cpu") == Workers(here=2)
    for asked, said in (
        ((2, "tcp://somewhere:8786", "cpu"), "give one of them"),
        ((3, None, "cpu"), "3 of 2 processors would time each other"),
        ((2, None, "cuda"), "2 on one GPU would time each other"),
    ):
        with pytest.raises(UserError, match=said):
            workers_asked_for(*asked)
    for address in ("tcp://127.0.0.1:1", "tcp://127.0.0.1:port"):
        with (
            pytest.raises(UserError, match=f"no scheduler answers at '{address}'"),
            cluster(Workers(scheduler=address), seconds=1.0),
        ):
            pass

    def fails(**options: object) -> None:
        raise RuntimeError("Cluster failed to start") from RuntimeError("Nanny failed to start.")

    with monkeypatch.context() as patch:
        patch.setattr("distributed.LocalCluster", fails)
        with (
            pytest.raises(UserError, match=r"this machine did not start: Nanny failed to start\."),
            cluster(Workers(here=1)),
        ):
            pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(UserError, match=r"pip install 'hypergrad-bench\[cluster\]'"),
        cluster(Workers(here=1)),
    ):
        pass
