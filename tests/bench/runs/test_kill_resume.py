"""kill -9 at random moments of a run, and resume: nothing lost, nothing twice, no line torn."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

KILLS = 10
SELECTION = (
    *("--suite", "smoke", "--task", "denoising", "--regularizer", "analysis-l1", "--size", "8"),
    *("--batch", "1", "--seeds", "200", "--method", "one-step", "--rounds", "1"),
)


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start `hgb run` in a process group of its own."""
    code = "from hypergrad_bench.bench.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "run", *arguments],
        cwd=folder,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def full_lines(journal: Path) -> list[bytes]:
    """The lines that are whole."""
    content = journal.read_bytes() if journal.exists() else b""
    return content.splitlines(keepends=True) if content.endswith(b"\n") else content.splitlines(True)[:-1]


def test_kill_and_resume(tmp_path: Path) -> None:
    """Ten kills, each a random time after the first record of that life; then one resume to the end."""
    moments = random.Random(0)
    run, journal = tmp_path / "run", tmp_path / "run" / "records.jsonl"
    kept: list[bytes] = []
    for kill in range(KILLS):
        process = start(tmp_path, *(("--resume", str(run)) if kill else (*SELECTION, "--out", str(run))))
        deadline = time.monotonic() + 120
        while len(full_lines(journal)) <= len(kept) and time.monotonic() < deadline:
            assert process.poll() is None, "the run ended before it was killed; give it more cases"
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.15))
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        lines = full_lines(journal)
        assert lines[: len(kept)] == kept, "a record that was on the disk has changed"
        assert len(lines) > len(kept)
        kept = lines
    assert start(tmp_path, "--resume", str(run)).wait() == 0
    lines = full_lines(journal)
    assert b"".join(lines) == journal.read_bytes(), "the last line is torn"
    assert lines[: len(kept)] == kept
    ids = [json.loads(line)["id"] for line in lines]
    cases = json.loads((run / "run.json").read_text())["cases"]
    assert len(ids) == len(set(ids)) == cases
