"""Provenance names versions, device and settings, and neither the machine nor its user."""

import getpass
import json
import platform
import socket
import subprocess
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic_records import Record, measured

from hypergrad_bench.bench.machine import environment as module
from hypergrad_bench.bench.machine.environment import environment
from hypergrad_bench.bench.measure.hashes import hash_arrays


def test_it_says_what_ran():
    found = environment()
    assert found["python"] == platform.python_version()
    assert found["jax"] == jax.__version__
    assert found["hypergrad_bench"]
    assert found["device_platform"] == "cpu"
    assert found["x64"] is True
    assert isinstance(found["total_memory_bytes"], int)
    assert set(found["threads"]) == {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}


def test_it_fits_into_a_record():
    kept = measured(environment=environment())
    assert Record.from_line(kept.to_line()) == kept


def test_it_names_neither_host_nor_user_nor_paths(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", f"--xla_dump_to={Path.home()}/dump --xla_cpu_enable_fast_math=false")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/somewhere/else")
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "secret-host:1234")
    text = json.dumps(environment())
    assert "--xla_dump_to=<path> --xla_cpu_enable_fast_math=false" in text
    for word in (str(Path.home()), "/somewhere", "secret-host", str(Path(module.__file__).parent)):
        assert word not in text
    words = text.replace('"', " ").replace(",", " ").split()
    assert socket.gethostname() not in words
    assert getpass.getuser() not in words


@pytest.fixture
def checkout(tmp_path):
    """A repository with one commit."""
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *command], check=True)
    return tmp_path.resolve()


def test_commit_and_dirtiness_of_a_checkout(checkout):
    head = subprocess.check_output(["git", "-C", str(checkout), "rev-parse", "HEAD"], text=True).strip()
    assert module._checkout(checkout) == {"commit": head, "dirty": False}
    (checkout / "new.py").write_text("")
    assert module._checkout(checkout) == {"commit": head, "dirty": True}


def test_a_package_inside_another_checkout_has_no_commit(checkout):
    (checkout / "site-packages").mkdir()
    assert module._checkout(checkout / "site-packages") == {"commit": None, "dirty": None}


def test_no_git_is_fine(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert module._checkout(checkout) == {"commit": None, "dirty": None}


def test_persistent_cache_is_recorded():
    jax.config.update("jax_compilation_cache_dir", "/nowhere")
    try:
        assert environment()["persistent_compilation_cache"] is True
    finally:
        jax.config.update("jax_compilation_cache_dir", None)
    assert environment()["persistent_compilation_cache"] is False


def test_hashes_tell_values_dtypes_and_shapes_apart():
    arrays = {
        "a": np.zeros(4, np.float32),
        "b": np.zeros(2, np.float64),
        "c": np.zeros((2, 2), np.float32),
        "d": np.ones(4, np.float32),
    }
    hashes = hash_arrays(arrays)
    assert list(hashes) == ["['a']", "['b']", "['c']", "['d']"]
    assert len(set(hashes.values())) == 4


def test_hashes_do_not_depend_on_layout_or_library():
    array = np.arange(6.0).reshape(2, 3)
    same = [array, np.asfortranarray(array), jnp.asarray(array), array[::-1][::-1]]
    assert len({hash_arrays(each)[""] for each in same}) == 1


def test_random_keys_are_hashed():
    assert hash_arrays(jax.random.key(0)) != hash_arrays(jax.random.key(1))
