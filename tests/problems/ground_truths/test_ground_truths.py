"""Ground truths: what is drawn, that it repeats, that streams are independent, and how bad input is told."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import scipy.fft
import scipy.stats
from PIL import Image

from hypergrad_bench.problems.ground_truth import GroundTruth, Split
from hypergrad_bench.problems.ground_truths.dct_sparse import DctSparse
from hypergrad_bench.problems.ground_truths.draws import seed_sequence
from hypergrad_bench.problems.ground_truths.image_folder import ImageFolder
from hypergrad_bench.problems.ground_truths.photographs import Photographs
from hypergrad_bench.problems.ground_truths.piecewise_constant import PiecewiseConstant

Pair = tuple[GroundTruth, tuple[int, ...]]


@pytest.fixture(params=["PiecewiseConstant", "DctSparse", "Photographs", "ImageFolder"])
def truth_and_shape(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    """Return each ground truth with a shape that it supports."""
    for index, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (7, 20, 24), dtype=np.uint8)):
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    return {
        "PiecewiseConstant": (PiecewiseConstant(), (64,)),
        "DctSparse": (DctSparse(), (64,)),
        "Photographs": (Photographs(), (16, 12)),
        "ImageFolder": (ImageFolder(tmp_path), (8, 6)),
    }[request.param]


class TestEveryGroundTruth:
    def test_keeps_the_contract(self, truth_and_shape: Pair):
        truth, shape = truth_and_shape
        assert isinstance(truth, GroundTruth)
        fields = dataclasses.fields(cast(Any, truth))
        assert all(field.default is not dataclasses.MISSING for field in fields)
        assert truth.supports(shape) is None
        samples = truth.sample(shape, 3, 0)
        assert samples.shape == (3, *shape)
        assert samples.dtype == np.float64
        assert np.isfinite(samples).all()

    def test_same_arguments_give_the_same_bits(self, truth_and_shape: Pair):
        truth, shape = truth_and_shape
        again = dataclasses.replace(cast(Any, truth))
        assert again == truth
        assert hash(again) == hash(truth)
        assert truth.sample(shape, 5, 7).tobytes() == again.sample(shape, 5, 7).tobytes()

    def test_larger_count_only_appends(self, truth_and_shape: Pair):
        truth, shape = truth_and_shape
        np.testing.assert_array_equal(truth.sample(shape, 3, 1), truth.sample(shape, 9, 1)[:3])

    @pytest.mark.parametrize(("seed", "split"), [(1, "train"), (0, "test")])
    def test_other_seed_or_split_gives_other_samples(self, truth_and_shape: Pair, seed: int, split: Split):
        truth, shape = truth_and_shape
        samples = truth.sample(shape, 4, 0)
        different = truth.sample(shape, 4, seed, split)
        assert not any(np.array_equal(a, b) for a in samples for b in different)

    def test_samples_of_one_call_differ(self, truth_and_shape: Pair):
        truth, shape = truth_and_shape
        assert len(np.unique(truth.sample(shape, 20, 0), axis=0)) == 20

    def test_refuses_another_number_of_axes_or_an_empty_axis(self, truth_and_shape: Pair):
        truth, shape = truth_and_shape
        for wrong in [(), (*shape, 2), (*shape[:-1], 0)]:
            reason = truth.supports(wrong)
            assert reason is not None
            assert f"got shape {wrong}" in reason
            with pytest.raises(ValueError, match=re.escape(reason)):
                truth.sample(wrong, 1, 0)

    def test_refuses_a_bad_count_seed_or_split(self, truth_and_shape: Pair):
        truth, shape = truth_and_shape
        with pytest.raises(ValueError, match="count must be a whole number, at least 1; got 0"):
            truth.sample(shape, 0, 0)
        with pytest.raises(ValueError, match="seed must be a whole number, at least 0; got -1"):
            truth.sample(shape, 1, -1)
        # The checker of annotations is first to refuse it, with its own words.
        unknown: Any = "validation"
        with pytest.raises((ValueError, TypeError), match="validation"):
            truth.sample(shape, 1, 0, unknown)


def run_python(code: str, **environment: str) -> str:
    """Return what `code` prints in a new process, where no annotation is checked."""
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return ran.stdout.strip()


class TestSeedSequence:
    def test_streams_are_independent(self):
        names: list[tuple[str, int, Split]] = [
            ("A", 0, "train"),
            ("A", 0, "test"),
            ("A", 1, "train"),
            ("B", 0, "train"),
        ]
        draws = [np.random.default_rng(seed_sequence(*name)).standard_normal(20_000) for name in names]
        correlation = np.corrcoef(draws) - np.eye(len(names))
        # Independent streams stay within five standard deviations, 5 / sqrt(20000).
        assert np.abs(correlation).max() < 5 / np.sqrt(20_000)

    def test_is_the_same_in_another_process(self):
        code = (
            "from hypergrad_bench.problems.ground_truths.piecewise_constant import PiecewiseConstant;"
            "print(PiecewiseConstant().sample((16,), 2, 5).tobytes().hex())"
        )
        # Another hash seed, so that a stream made from hash() would change.
        output = run_python(code, PYTHONHASHSEED="12345")
        assert output == PiecewiseConstant().sample((16,), 2, 5).tobytes().hex()

    def test_numpy_integers_are_whole_numbers(self):
        # In a process of its own: the annotations, checked here, ask for Python's own integers.
        code = (
            "from numpy import int64; from hypergrad_bench.problems import Photographs;"
            "print(Photographs().sample((int64(8), int64(9)), int64(2), int64(5)).tobytes().hex())"
        )
        assert run_python(code) == Photographs().sample((8, 9), 2, 5).tobytes().hex()

    def test_refuses_an_unknown_split_where_no_annotation_is_checked(self):
        code = (
            "from hypergrad_bench.problems.ground_truths.dct_sparse import DctSparse\n"
            "try: DctSparse().sample((8,), 1, 0, 'validation')\n"
            "except ValueError as error: print(error)"
        )
        assert run_python(code) == "split must be 'train' or 'test'; got 'validation'"


class TestPiecewiseConstant:
    @pytest.mark.parametrize("probability", [0.1, 0.4])
    def test_jumps_as_often_as_asked(self, probability: float):
        signals = PiecewiseConstant(probability).sample((64,), 2000, 0)
        jumps = np.diff(signals, axis=1) != 0
        low, high = scipy.stats.binom.interval(1 - 1e-6, jumps.size, probability)
        assert low <= jumps.sum() <= high
        # Every position jumps equally often: a fixed grid of plateaus has the right rate too.
        low, high = scipy.stats.binom.interval(1 - 1e-8, len(jumps), probability)
        assert ((low <= jumps.sum(axis=0)) & (jumps.sum(axis=0) <= high)).all()

    def test_plateau_heights_are_uniform_and_independent(self):
        signals = PiecewiseConstant().sample((200,), 500, 3)
        starts = np.diff(signals, axis=1, prepend=-1) != 0
        assert signals.min() >= 0
        assert signals.max() < 1
        assert scipy.stats.kstest(signals[starts], "uniform").pvalue > 1e-4
        heights = signals[starts]
        assert abs(np.corrcoef(heights[:-1], heights[1:])[0, 1]) < 5 / np.sqrt(heights.size)

    def test_extreme_probabilities(self):
        constant = PiecewiseConstant(0.0).sample((50,), 20, 0)
        assert (np.ptp(constant, axis=1) == 0).all()
        assert len(np.unique(constant)) == 20
        assert (np.diff(PiecewiseConstant(1.0).sample((50,), 20, 0), axis=1) != 0).all()

    def test_a_signal_of_one_sample(self):
        assert PiecewiseConstant().sample((1,), 4, 0).shape == (4, 1)

    @pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan")])
    def test_refuses_what_is_no_probability(self, probability: float):
        with pytest.raises(
            ValueError, match=rf"jump_probability must be a number in \[0, 1\]; got {probability}"
        ):
            PiecewiseConstant(probability)


class TestDctSparse:
    @pytest.mark.parametrize("density", [0.1, 0.5])
    def test_support_is_as_dense_as_asked(self, density: float):
        support = np.abs(self.coefficients(density)) > 1e-12
        low, high = scipy.stats.binom.interval(1 - 1e-6, support.size, density)
        assert low <= support.sum() <= high
        low, high = scipy.stats.binom.interval(1 - 1e-8, len(support), density)
        assert ((low <= support.sum(axis=0)) & (support.sum(axis=0) <= high)).all()

    def test_coefficients_on_the_support_are_uniform(self):
        coefficients = self.coefficients(0.1)
        values = coefficients[np.abs(coefficients) > 1e-12]
        assert scipy.stats.kstest(values, "uniform", args=(-1, 2)).pvalue > 1e-4

    def test_extreme_densities(self):
        np.testing.assert_array_equal(DctSparse(0.0).sample((8,), 3, 0), np.zeros((3, 8)))
        dense = np.asarray(scipy.fft.dct(DctSparse(1.0).sample((32,), 20, 0), norm="ortho"))
        assert (np.abs(dense) > 1e-12).all()

    @pytest.mark.parametrize("density", [-0.1, 1.5, float("nan")])
    def test_refuses_what_is_no_probability(self, density: float):
        with pytest.raises(ValueError, match=rf"density must be a number in \[0, 1\]; got {density}"):
            DctSparse(density)

    def coefficients(self, density: float) -> np.ndarray:
        """Analyse signals with the DCT-II matrix written out, not with the library that made them."""
        n = 64
        rows, columns = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
        dct = np.sqrt(2 / n) * np.cos(np.pi * rows * (2 * columns + 1) / (2 * n))
        dct[0] /= np.sqrt(2)
        return DctSparse(density).sample((n,), 2000, 0) @ dct.T
