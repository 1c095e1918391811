"""A batch, and one image, on four devices: what one device gives, or a sentence."""

import json
import math
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import many_devices
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from hypergrad_bench import hypergrad, problems, solvers
from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.catalogue.entry import Origin


@pytest.fixture(scope="module")
def found(repository) -> dict[str, dict]:
    """What the script finds, in a process whose processor JAX takes for four devices."""
    oracles = repository / "tests" / "oracles"
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4"
    path = os.pathsep.join((str(oracles), *sys.path))
    ran = subprocess.run(
        [sys.executable, oracles / "many_devices.py"],
        env={**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return {line["name"]: line for line in map(json.loads, ran.stdout.splitlines())}


def test_every_rule_gives_one_devices_hypergradient(found):
    """Inside `jax.shard_map` as JAX has it by default; rounding is all that L-BFGS hands on magnified."""
    for name in many_devices.RULES:
        assert found[name]["mapped"] < (1e-8 if name == "shine" else 1e-12), name
    for name in many_devices.DIVIDED:
        assert found[name]["divided"] < 1e-12, name


def test_no_rule_is_left_out():
    tried = {type(rule) for rule, _ in many_devices.RULES.values()}
    # `Checked` hands a closed form on, and `Spsa` solves along other directions as `FiniteDifference` does.
    tried |= {hypergrad.ClosedForm, hypergrad.FiniteDifference}
    methods = built_in().methods.values()
    assert tried >= {type(one) for one in methods if built_in().origin_of(one) is not Origin.CONTENDER}


def test_a_gradient_by_filters_that_devices_share_is_their_sum(found):
    for side in (6, 32):
        assert found[f"filters-{side}"]["mapped"] < 1e-12


def test_what_hypergradient_finds_on_each_device_adds_up(found):
    assert found["inside"]["mapped"] < 1e-12


def test_one_image_on_four_devices_is_solved_and_differentiated_as_on_one(found):
    """Devices exchange rows, and none holds a result as large as half of the image."""
    image = found["image"]
    assert image["x"] < 1e-13
    assert image["gradient"] < 1e-12
    assert 0 < image["whole"] < math.prod(many_devices.SHAPE) / 2
    assert image["halos"] > 0
    alone, divided = image["bytes"]
    assert divided < alone / 3


def test_what_cannot_be_divided_is_refused_with_a_sentence(found):
    assert "Blur needs the whole image" in found["blur"]["said"]
    for check in (True, False):
        assert "share the batch by jax.jit with NamedSharding" in found[f"gmres-{check}"]["said"]


def test_a_mesh_with_explicit_axes_is_refused_with_a_sentence():
    """JAX makes such a mesh unless told otherwise."""
    explicit = NamedSharding(jax.make_mesh((1,), ("batch",)), P("batch"))
    y = jax.device_put(jnp.ones((2, 4)), explicit)
    with pytest.raises(TypeError, match=r"a mesh with explicit axes \('batch',\).*AxisType.Auto"):
        problems.LowerLevel(problems.Identity(), y[0], problems.AnalysisL1.initial((4,), 0))


@pytest.mark.parametrize("rule", [hypergrad.OneStep(), hypergrad.FiniteDifference()])
def test_a_map_over_devices_that_is_not_compiled_is_refused_with_a_sentence(rule):
    regularizer = problems.AnalysisL1.initial((4,), 0)

    def restored(y: jax.Array) -> jax.Array:
        lower = problems.LowerLevel(problems.Identity(), y[0], regularizer)
        return rule(solvers.DualFista(), solvers.Budget(2), lower).x[None]

    mesh = Mesh(np.asarray(jax.devices()[:1]), ("batch",))
    mapped = jax.shard_map(restored, mesh=mesh, in_specs=P("batch"), out_specs=P("batch"))
    with pytest.raises(NotImplementedError, match=r"is not compiled: call jax\.jit of it"):
        mapped(jnp.ones((1, 4)))
