"""Annotations of the package are checked while the tests run, at the first call and later ones."""

import os
import subprocess
import sys

import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from hypergrad_bench.problems.operators.dense import Dense


def test_a_wrong_dimension_is_found_at_every_call() -> None:
    operator = Dense(jnp.ones((2, 3)))
    for _ in range(2):
        with pytest.raises(TypeCheckError, match="parameters of"):
            operator(jnp.ones((3, 1)))
        assert operator(jnp.ones(3)).shape == (2,)


IMPORT_ALL = """
import importlib, pkgutil
from jaxtyping import install_import_hook
install_import_hook("hypergrad_bench", "checked_annotations.checked_at_once")
import hypergrad_bench
for module in pkgutil.walk_packages(hypergrad_bench.__path__, "hypergrad_bench."):
    if module.name.split(".")[1] in ("problems", "solvers", "hypergrad", "bench"):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:  # an extra that is not installed
            print(module.name, error)
"""


def test_every_annotation_can_be_checked() -> None:
    """Also of functions that no test calls."""
    path = os.pathsep.join(sys.path)
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
