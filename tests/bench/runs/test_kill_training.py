"""kill -9 at five moments of a training, and resume: it ends in the bits of one that was left alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

from safetensors.numpy import load_file

LIVES = '''
import os, random, signal, sys, time
from pathlib import Path
from hypergrad_bench.bench.cli import main
from hypergrad_bench.bench.commands import train
from hypergrad_bench.bench.runs import training_run

training_run.BETWEEN_LOOKS = training_run.BETWEEN_STATES = 0.02

def live(*arguments):
    """Train in a process of its own that has imported everything already."""
    child = os.fork()
    if not child:
        sys.argv = ["hgb", "train", *arguments]
        main()
        os._exit(0)
    return child

def wait(child):
    assert os.waitpid(child, 0)[1] == 0

asked = "--size 8 --pairs 6 --batch 2 --steps 2000 --solver dual-fista --method one-step".split()
wait(live(*asked, "--out", "alone"))
moments, killed = random.Random(0), Path("killed")
seen = 0
for kill in range(5):
    child = live(*(("--resume", "killed") if kill else (*asked, "--out", "killed")))
    curve = killed / "curve.jsonl"
    while not curve.exists() or curve.stat().st_size <= seen:
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "training ended before it was killed"
        time.sleep(0.001)
    time.sleep(moments.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    seen = curve.stat().st_size
    print(seen)
wait(live("--resume", "killed"))
'''


def test_killed_and_resumed_is_bit_for_bit_the_same(tmp_path: Path) -> None:
    """The lives share one process that imports, and compile by the cache on the disk: most of their time."""
    cache = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache"), "JAX_PLATFORMS": "cpu"}
    eager = {
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    }
    ran = subprocess.run(
        [sys.executable, "-c", LIVES],
        cwd=tmp_path,
        env={**os.environ, **cache, **eager, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    assert len(ran.stdout.split()) >= 5
    states = [load_file(folder / "state.safetensors") for folder in (alone, killed)]
    assert {name: array.tobytes() for name, array in states[0].items()} == {
        name: array.tobytes() for name, array in states[1].items()
    }
    assert saved(alone) == saved(killed)
    assert curve(alone) == curve(killed)
    assert len(curve(alone)) == 2000
    assert int(states[0]["step"]) == 2000


def saved(folder: Path) -> list[bytes]:
    """The files of the regulariser that was learned."""
    names = ("regularizer.json", "leaves-*")
    return [path.read_bytes() for name in names for path in sorted(folder.glob(name))]


def curve(folder: Path) -> list[dict[str, object]]:
    """What is recorded of every step, but for when that was."""
    lines = (folder / "curve.jsonl").read_text().splitlines()
    return [{**json.loads(line), "seconds": None} for line in lines]
