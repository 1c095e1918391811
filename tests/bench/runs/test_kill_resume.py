"""kill -9 at random moments of a run, and resume: nothing lost, nothing twice, no line torn."""

import json
import os
import subprocess
import sys
from pathlib import Path

LIVES = '''
import os, random, signal, sys, time
from pathlib import Path
from hypergrad_bench.bench.cli import main
from hypergrad_bench.bench.commands import run

asked = (
    "--suite smoke --task denoising --regularizer fields-of-experts --size 4x4 --batch 1 --seeds 100"
    " --method one-step --solver gradient-descent --solver nesterov --rounds 1"
).split()
journal = Path("run") / "records.jsonl"

def live(*arguments):
    """Run in a process, and a group, of its own that has imported everything already."""
    child = os.fork()
    if not child:
        os.setsid()
        sys.argv = ["hgb", "run", *arguments]
        main()
        os._exit(0)
    return child

def full_lines():
    """The lines that are whole."""
    content = journal.read_bytes() if journal.exists() else b""
    return content.splitlines(keepends=True) if content.endswith(b"\\n") else content.splitlines(True)[:-1]

moments = random.Random(0)
kept = []
for kill in range(10):
    child = live(*(("--resume", "run") if kill else (*asked, "--out", "run")))
    deadline = time.monotonic() + 120
    while len(full_lines()) <= len(kept) and time.monotonic() < deadline:
        ended = "the run ended before it was killed; give it more cases"
        assert os.waitpid(child, os.WNOHANG) == (0, 0), ended
        time.sleep(0.005)
    time.sleep(moments.uniform(0, 0.15))
    os.killpg(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    lines = full_lines()
    assert lines[: len(kept)] == kept, "a record that was on the disk has changed"
    assert len(lines) > len(kept)
    kept = lines
assert os.waitpid(live("--resume", "run"), 0)[1] == 0
lines = full_lines()
assert b"".join(lines) == journal.read_bytes(), "the last line is torn"
assert lines[: len(kept)] == kept
'''


def test_kill_and_resume(tmp_path: Path) -> None:
    """Ten kills, each a random time after the first record of that life; then one resume to the end.

    The lives share one process that imports: most of the time of a process of their own.
    """
    ran = subprocess.run(
        [sys.executable, "-c", LIVES],
        cwd=tmp_path,
        env={**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    run = tmp_path / "run"
    ids = [json.loads(line)["id"] for line in (run / "records.jsonl").read_text().splitlines()]
    cases = json.loads((run / "run.json").read_text())["cases"]
    assert len(ids) == len(set(ids)) == cases
