"""What the command line refuses, and how: one sentence, exit status 2."""

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import pytest
from generated import Ended, nothing_measured
from generated import hgb as run_hgb

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.grid import expand
from hypergrad_bench.bench.machine.environment import environment
from hypergrad_bench.bench.machine.matmul_precision import require_matmul_precision
from hypergrad_bench.bench.measure import kept_arrays

Hgb = Callable[..., int]
TINY = (
    "--suite",
    "smoke",
    "--task",
    "denoising",
    "--regularizer",
    "analysis-l1",
    "--size",
    "8",
    "--batch",
    "1",
)
DUAL = ("--method", "closed-form", "--solver", "dual-fista")
LONG = "a" * 300


@pytest.fixture
def unmeasured(tmp_path: Path) -> Iterator[Callable[..., Ended]]:
    """`hgb` in an empty folder, with nothing compiled or timed."""
    with nothing_measured(tmp_path):
        yield run_hgb


@pytest.mark.parametrize("message", ["", "no such platform\nand more"])
def test_a_device_that_jax_does_not_find(
    message: str, hgb: Hgb, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its plug-in JAX asserts that there is a device, and says nothing."""
    error = RuntimeError(message) if message else AssertionError()

    def devices() -> None:
        raise error

    monkeypatch.setattr(jax, "devices", devices)
    assert hgb("run", *TINY, "--device", "cuda") == 2
    assert f"'cuda' cannot be reached ({message.splitlines()[0] if message else 'JAX finds none'})" in (
        capsys.readouterr().err
    )


def test_a_device_that_jax_does_not_compute_on(hgb: Hgb, capsys: pytest.CaptureFixture[str]) -> None:
    """A process that has begun on the CPU stays there, and its numbers are not another device's."""
    before = jax.config.jax_platforms
    jax.devices()
    assert hgb("run", *TINY, "--device", "cuda") == 2
    assert "JAX computes on 'cpu' already" in capsys.readouterr().err
    assert jax.config.jax_platforms == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", *TINY, "--out", LONG),
        ("run", "--resume", LONG),
        ("run", *TINY, "--plugin", f"{LONG}.py"),
        ("run", *TINY, "--images", LONG),
        ("table", LONG),
        ("rerun", "0123", "--run", LONG),
        ("check", f"{LONG}.py"),
        ("list", "--plugin", f"{LONG}.py"),
        ("advise", "--size", "64", "--params", "1", "--from", LONG),
        ("reproduce", "blorc-timing", "--out", LONG),
        ("reproduce", "--resume", LONG),
        ("train", "--out", LONG),
        ("train", "--resume", LONG),
        ("compare-training", "--method", "one-step", "--method", "implicit", "--out", LONG),
        ("train-denoiser", "--out", f"{LONG}.safetensors"),
        ("train-denoiser", "--out", f"{LONG}/a.safetensors"),
    ],
)
def test_a_name_that_is_too_long(
    arguments: tuple[str, ...], hgb: Hgb, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the path is for."""
    assert hgb(*arguments) == 2
    assert "ile name too long" in capsys.readouterr().err.replace("\n", "")


def test_an_output_that_cannot_encode_the_signs(hgb: Hgb, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are printed as escapes."""
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="ascii"))
    assert hgb("list") == 0
    assert b"closed-form" in printed.getvalue()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_an_output_that_is_full(
    hgb: Hgb, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was to be printed is lost, and that is said."""
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert hgb("list") == 2
    assert os.strerror(errno.ENOSPC) in capsys.readouterr().err


def test_arrays_on_a_full_disk(unmeasured: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends with a sentence, and goes on where there is room."""
    write, refused = kept_arrays.replace_durably, []

    def full(path: Path, content: bytes) -> None:
        if path.suffix == ".npz":
            refused.append(path)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(path, content)

    monkeypatch.setattr(kept_arrays, "replace_durably", full)
    ended = unmeasured("run", *TINY, *DUAL, "--save-arrays", "--out", "run")
    assert ended.status == 2
    assert f"cannot write to {refused[0]}: No space left on device" in ended.err
    assert not list(Path("run/arrays").iterdir())
    monkeypatch.setattr(kept_arrays, "replace_durably", write)
    assert unmeasured("run", "--resume", "run").status == 0
    assert list(Path("run/arrays").glob("*.npz"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--rounds", "1000000000"), "10000"),
        (("--max-steps", str(2**31)), str(2**31 - 1)),
        (("--tolerance", "1"), "tolerance must be at least 0 and below 1, a relative residual; got 1.0"),
        (("--noise", "inf"), "noise must be a standard deviation, at least 0 and finite; got inf"),
        (("--seeds", "9" * 25), "10000"),
        (("--seeds", "10000"), "cases or more, at most 100000 are accepted"),
        (("--batch", str(2**60)), "GiB for its ground truths and measurements; the limit is"),
        (("--size", "9" * 9), "GiB for its ground truths and measurements; the limit is"),
        (("--size", "9" * 25), f"size is '{'9' * 25}'; a length such as 64"),
        (("--images", ".", "--data", "dct-sparse"), "are both ground truths; give one"),
    ],
)
def test_options_out_of_range(
    given: tuple[str, ...],
    message: str,
    unmeasured: Callable[..., Ended],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each would run for ever, need more memory than there is, or mean nothing."""
    monkeypatch.setattr(expand, "memory_limit", lambda: 2.0**33)
    arguments = [one for one in TINY if not (given[0] == "--size" and one in ("--size", "8"))]
    ended = unmeasured("run", *arguments, *given)
    assert ended.status == 2
    assert message in ended.err
    assert not Path("results").exists()


@pytest.mark.parametrize(
    ("precision", "message"),
    [
        ("F32_F32_F32", "a product in float64 is off by"),
        ("BF16_BF16_F32", "is not computed"),
        ("TF32_TF32_F32", "is not supported by dot_general on CPU"),
        ("highest", ""),
        ("bfloat16", ""),
    ],
)
def test_a_precision_of_products(precision: str, message: str) -> None:
    """An algorithm that converts float64 would make references wrong that agree with each other."""
    jax.config.update("jax_default_matmul_precision", precision)
    try:
        assert environment()["matmul_precision"] == precision
        if message:
            with pytest.raises(UserError, match=f"PRECISION is '{precision}'.*{message}"):
                require_matmul_precision()
        else:
            require_matmul_precision()
    finally:
        jax.config.update("jax_default_matmul_precision", None)
