"""Every regulariser comes back from its folder bit for bit; what is strange, damaged or newer is refused."""

import dataclasses
import json
import os
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import variants
from safetensors.numpy import load_file

from hypergrad_bench import problems
from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.problems import (
    AnalysisL1,
    AnalysisL12,
    Dense,
    FieldsOfExperts,
    FilterBank,
    GradientStep,
    PseudoHuber,
    load_regularizer,
    pytree,
    save_regularizer,
    static,
)
from hypergrad_bench.problems.files import saved_regularizer, whole_file
from hypergrad_bench.problems.files.described_tree import same_bits
from hypergrad_bench.problems.files.saved_regularizer import about_regularizer
from hypergrad_bench.problems.networks import DnCnn
from hypergrad_bench.problems.regularizers.denoisers.denoiser import Denoiser
from hypergrad_bench.problems.values import known_classes

SHAPES = ((16,), (16, 16), (16, 16, 3))


def _starts():
    """Yield the start of every registered regulariser at every shape that it takes."""
    for name, cls in built_in().regularizers.items():
        for shape in SHAPES:
            try:
                start = cls.initial(shape, 3)
            except ValueError:
                continue
            yield f"{name}, {shape}", start


def _nested():
    """Yield regularisers of parts that no start has."""
    bank = FilterBank(jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 3))), "replicate")
    network = DnCnn(depth=2, width=2, activation="elu")
    denoiser = Denoiser(network.init(0), jnp.asarray(0.1), network)
    learned = PseudoHuber(jnp.asarray([0.1, 0.2]))
    yield "a filter bank, a weight per filter", AnalysisL1(bank, jnp.asarray([0.3, 0.1]))
    yield "groups", AnalysisL12(bank, 0.2)
    yield "another network", GradientStep(denoiser, jnp.asarray(0.5))
    yield "a learned scale", FieldsOfExperts(bank.filters, jnp.ones(2), learned, "zero")
    yield "a map of weak type", problems.total_variation(jnp.full((2, 4, 4), 0.1))
    yield "float32", jax.tree.map(lambda leaf: leaf.astype("float32"), FieldsOfExperts.initial((4, 4), 0))
    yield "minus zero and the smallest number", AnalysisL1(Dense(jnp.asarray([[-0.0, 5e-324]])), 0.1)
    yield "filters normalised beforehand", problems.ConvexRidge.initial((9, 9), 0).prepared()


CASES = dict(_starts()) | {name: one for name, (one, _) in variants.regularizers().items()} | dict(_nested())


@pytest.mark.parametrize("name", CASES)
def test_comes_back_bit_for_bit(name, tmp_path):
    regularizer = CASES[name]
    save_regularizer(tmp_path / "new" / "folder", regularizer)
    loaded = load_regularizer(tmp_path / "new" / "folder")
    assert type(loaded) is type(regularizer)
    assert repr(loaded) == repr(regularizer)
    assert same_bits(loaded, regularizer)


def test_every_registered_one_is_among_the_cases():
    assert {type(one) for one in CASES.values()} >= set(built_in().regularizers.values())


def test_the_comparison_sees_a_bit(tmp_path):
    """Of a value, a type, a weak type, a setting, and of a number that is no array."""
    one = FieldsOfExperts(jnp.ones((1, 2, 2)), jnp.ones(1), PseudoHuber(0.1))
    others = [
        dataclasses.replace(one, weights=jnp.nextafter(one.weights, 2.0)),
        jax.tree.map(lambda leaf: leaf.astype("float32"), one),
        dataclasses.replace(one, weights=jnp.full(1, 1.0)),
        dataclasses.replace(one, boundary="zero"),
        dataclasses.replace(one, potential=PseudoHuber(0.2)),
    ]
    assert same_bits(one, one)
    assert [same_bits(one, other) for other in others] == [False] * len(others)


def test_what_lies_in_the_folder(tmp_path):
    regularizer = AnalysisL1(Dense(jnp.asarray([[1.0, -1.0]])), jnp.float64(0.25))
    save_regularizer(tmp_path, regularizer, {"trained": "on signals"})
    save_regularizer(tmp_path, dataclasses.replace(regularizer, weight=jnp.float64(0.5)), {"trained": "more"})
    described = json.loads((tmp_path / "regularizer.json").read_text())
    assert described["regularizer"] == {
        "class": "problems.AnalysisL1",
        "fields": {
            "W": {"class": "problems.Dense", "fields": {"matrix": {"array": "W.matrix"}}},
            "weight": {"array": "weight"},
        },
    }
    assert about_regularizer(tmp_path) == {"trained": "more"}
    (leaves,) = tmp_path.glob("*.safetensors")
    assert load_file(leaves)["weight"] == 0.5
    assert {path.name for path in tmp_path.iterdir()} == {"regularizer.json", leaves.name}


@pytest.mark.parametrize("stop", [1, 2])
def test_a_stop_between_the_files_leaves_the_old_one(stop, tmp_path, monkeypatch):
    """Whichever of the two files is being put in its place."""
    old, new = (AnalysisL12(problems.ForwardDifferences(), weight) for weight in (0.1, 0.2))
    save_regularizer(tmp_path, old)
    calls = []

    def replace(source, target):
        calls.append(target)
        if len(calls) == stop:
            raise KeyboardInterrupt
        os.replace(source, target)

    monkeypatch.setattr(whole_file.Path, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        save_regularizer(tmp_path, new)
    assert same_bits(load_regularizer(tmp_path), old)
    assert not list(tmp_path.glob(".*partial"))


def _edited(folder, change):
    """Change a description and seal it anew, as somebody would who wants something else to be loaded."""
    path = folder / saved_regularizer.DESCRIPTION
    body = json.loads(path.read_text())
    del body["sha256"]
    change(body)
    path.write_text(json.dumps({**body, "sha256": saved_regularizer._seal(body)}))


def _as(**parts):
    return lambda body: body.update(parts)


def _class(name, **fields):
    return _as(regularizer={"class": name, "fields": fields})


NOBODY = {"array": "weight"}
STRANGE = {
    "another version": (_as(version=2), "newer hypergrad-bench, in version 2"),
    "another kind": (_as(format="a recipe"), "of another kind"),
    "more parts": (_as(more=1), "other parts than about, format"),
    "no texts": (_as(about=3), "other parts than"),
    "a class of another folder": (_class("solvers.Bisection"), "'solvers.Bisection' is not known"),
    "a class of Python": (_class("subprocess.Popen", args="true"), "'subprocess.Popen' is not known"),
    "a plug-in's class": (_class("NotImported"), "--plugin"),
    "no regulariser": (_class("problems.Denoising"), "holds a Denoising|no place for the arrays"),
    "a field too many": (_class("problems.AnalysisL1", harm=1), "has no harm: a newer version may"),
    "a field too few": (
        _class("problems.AnalysisL1", weight=0.1),
        "missing a required argument|missing 1 required positional",
    ),
    "an unknown node": (_as(regularizer={"eval": "1"}), "stands for nothing that is known"),
    "an array twice": (
        _class("problems.AnalysisL1", W=NOBODY, weight=NOBODY),
        "missing, or stands in two places",
    ),
    "a file elsewhere": (_as(leaves={"file": "../x", "sha256": ""}), "names no file"),
    "no file": (_as(leaves={"file": "leaves-0.safetensors", "sha256": ""}), "cannot be read: No such file"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_strange_is_refused(name, tmp_path):
    change, message = STRANGE[name]
    save_regularizer(tmp_path, AnalysisL1(Dense(jnp.ones((1, 2))), jnp.asarray(0.1)))
    _edited(tmp_path, change)
    with pytest.raises(ValueError, match=message):
        load_regularizer(tmp_path)


def test_a_parameter_out_of_range_is_refused_both_ways(tmp_path):
    regularizer = FieldsOfExperts(jnp.ones((1, 2, 2)), jnp.ones(1))
    negative = jax.tree.map(lambda leaf: -leaf, regularizer)
    with pytest.raises(ValueError, match="weights must not be negative"):
        save_regularizer(tmp_path, negative)
    assert not any(tmp_path.iterdir())
    save_regularizer(tmp_path, regularizer)
    _edited(tmp_path, lambda body: body["regularizer"]["fields"]["potential"]["fields"].update(scale=-1.0))
    with pytest.raises(ValueError, match="a potential's scale must be positive"):
        load_regularizer(tmp_path)


DAMAGE = {
    "cut off": lambda text: text[: len(text) // 2],
    "a number changed": lambda text: text.replace(b"0.1", b"0.3"),
    "not a number": lambda text: text.replace(b"0.1", b"NaN"),
    "a key twice": lambda text: text.replace(b'"version": 1', b'"version": 1, "version": 1'),
    "brackets": lambda text: b"[" * 100_000,
    "no text": lambda text: b"\xff" + text,
    "empty": lambda text: b"",
    "another value": lambda text: b"3",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_description_is_refused(name, tmp_path):
    save_regularizer(tmp_path, FieldsOfExperts(jnp.ones((1, 2, 2)), jnp.ones(1), PseudoHuber(0.1)))
    path = tmp_path / "regularizer.json"
    path.write_bytes(DAMAGE[name](path.read_bytes()))
    with pytest.raises(ValueError, match=re.escape(f"the saved regularizer {tmp_path.name!r}")):
        load_regularizer(tmp_path)


def test_a_bit_of_the_leaves_is_seen(tmp_path):
    save_regularizer(tmp_path, AnalysisL1(Dense(jnp.ones((1, 2))), jnp.asarray(0.1)))
    (leaves,) = tmp_path.glob("*.safetensors")
    content = bytearray(leaves.read_bytes())
    content[-1] ^= 1
    leaves.write_bytes(content)
    with pytest.raises(ValueError, match="damaged, or another than the one that was saved"):
        load_regularizer(tmp_path)
    with pytest.raises(ValueError, match="'nowhere' is not there"):
        load_regularizer(tmp_path / "nowhere")


def test_what_cannot_come_back_is_not_written(tmp_path):
    regularizer = AnalysisL1(Dense(jnp.ones((1, 2))), jnp.asarray(0.1))
    with pytest.raises(TypeError, match=r"a regularizer is saved|Type-check"):
        save_regularizer(tmp_path, Dense(jnp.ones((1, 2))))
    with pytest.raises(TypeError, match="matrix is a object"):
        save_regularizer(tmp_path, jax.tree.map(lambda leaf: object(), regularizer))
    with pytest.raises(ValueError, match="is being traced"):
        jax.jit(lambda one: save_regularizer(tmp_path, one))(regularizer)
    with pytest.raises(ValueError, match="numbers of bfloat16"):
        save_regularizer(tmp_path, jax.tree.map(lambda leaf: leaf.astype("bfloat16"), regularizer))
    assert not any(tmp_path.iterdir())


def test_float64_is_not_cut_to_float32(tmp_path):
    save_regularizer(tmp_path, AnalysisL1(Dense(jnp.ones((1, 2))), jnp.asarray(0.1)))
    with jax.enable_x64(False), pytest.raises(ValueError, match="which JAX would cut to 32 bits"):
        load_regularizer(tmp_path)


def _of_a_user(times):
    @pytree
    class OfAUser:
        """Somebody's own regulariser."""

        scale: jax.Array
        factor: int = static(default=times)

        @classmethod
        def initial(cls, shape, seed):
            """Start."""
            return cls(jnp.asarray(1.0))

    return OfAUser


def test_a_users_class_is_found_where_it_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(known_classes, "_KNOWN", set(known_classes._KNOWN))
    mine = _of_a_user(3)
    save_regularizer(tmp_path, mine(jnp.asarray(2.0)))
    assert load_regularizer(tmp_path).factor == 3
    _of_a_user(4)
    with pytest.raises(ValueError, match="stands for several classes"):
        load_regularizer(tmp_path)
    known_classes._KNOWN.clear()
    with pytest.raises(ValueError, match="'OfAUser' is not known here"):
        load_regularizer(tmp_path)


def test_names_of_the_library_are_its_own():
    """No two classes of the library have one name in files."""
    for cls in {type(one) for tree in CASES.values() for one in _parts(tree)}:
        assert known_classes.class_named(known_classes.class_name(cls)) is cls


def _parts(tree):
    yield tree
    for field in dataclasses.fields(tree):
        if dataclasses.is_dataclass(value := getattr(tree, field.name)):
            yield from _parts(value)
