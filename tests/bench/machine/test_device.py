"""What a device is told before anything is computed; a run on an NVIDIA GPU is skipped without one."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

from hypergrad_bench.bench.machine import device
from hypergrad_bench.bench.machine.device import use_device

HGB = "import sys; from hypergrad_bench.bench.cli import main; sys.argv[0] = 'hgb'; main()"
ASKED = (
    "--suite smoke --task denoising --regularizer fields-of-experts --size 8x8 --seeds 1 --rounds 3"
    " --solver nesterov --method implicit --method one-step --device cuda"
)


@pytest.fixture
def _as_it_was() -> Iterator[None]:
    names = ("jax_platforms", "jax_default_matmul_precision")
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.mark.usefixtures("_as_it_was")
@pytest.mark.parametrize(
    ("name", "chosen", "used"),
    [("cuda", None, "highest"), ("cuda", "default", "default"), ("cpu", None, None)],
)
def test_a_gpu_multiplies_in_full_float32_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, name: str, chosen: str | None, used: str | None
) -> None:
    monkeypatch.setattr(device, "_unreachable", lambda name: "")
    monkeypatch.setattr(device, "require_matmul_precision", lambda: None)
    monkeypatch.setattr(device, "PLATFORMS", {"cpu": "cpu", "cuda": "cpu"})
    jax.config.update("jax_default_matmul_precision", chosen)
    use_device(name)
    assert jax.config.jax_default_matmul_precision == used  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.gpu
def test_a_run_on_a_gpu_is_like_one_on_a_cpu(tmp_path: Path) -> None:
    """The same cases with the same gradients; memory is the allocator's, products are in full float32."""
    if shutil.which("nvidia-smi") is None:
        pytest.skip("there is no NVIDIA GPU")
    environment = {
        name: value for name, value in os.environ.items() if name not in ("JAX_PLATFORMS", "XLA_FLAGS")
    }
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", HGB, "run", *ASKED.split(), "--isolate", "--out", "gpu"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    if "cannot be reached" in done.stderr:
        pytest.skip("JAX has no build for this GPU here: pip install 'hypergrad-bench[cuda]'")
    assert done.returncode == 0, done.stderr[-2000:]
    records = [json.loads(line) for line in (tmp_path / "gpu" / "records.jsonl").read_text().splitlines()]
    assert records
    for record in records:
        assert record["environment"]["device_platform"] in ("cuda", "gpu")
        assert record["environment"]["matmul_precision"] == "highest"
        assert record["status"] != "failed", record["reason"]
        if record["dtype"] == "float64" and record["method"].startswith("Implicit"):
            assert record["relative_error"] < 1e-6
    about = json.loads((tmp_path / "gpu" / "run.json").read_text())
    assert about["clock_tests"]
