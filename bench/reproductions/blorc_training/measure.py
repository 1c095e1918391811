"""Train, compare the learned W with known operators, and denoise with all of them."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float64

from ...machine.threads import fix_blas_threads
from ...records.status import Status
from .denoising import error_on, noisy_error, tuned
from .likeness import in_order, likeness
from .patches import draw_patches
from .pictures import TUNING_SIDE, Pictures
from .rows import ImageRow, Matrix, SignalRow, TrainingCost, TrainingJudged
from .signals import NOISE, SignalKind, Signals, draw_signals, expected_rows, first_operator
from .training import AS_PUBLISHED, TENFOLD, Descent, Trained, train
from .whole_image import GAP, METHODS, by_patches, tuned_image

DESCENTS = (AS_PUBLISHED, TENFOLD)
NOISY, LEARNED = "noisy", "learned"
OPERATORS = ("differences", "cosine transform")
CROP = 64
"""Pixels along each side of the square that is shown of an image."""


class Size(NamedTuple):
    """How much is trained and tested on.

    Attributes:
        length: of the signals.
        training: signals, or patches, to train on.
        tuning: of them, to choose the baselines' weights on.
        testing: signals.
        steps: of training at most, where a descent has more.
    """

    length: int
    training: int
    tuning: int
    testing: int
    steps: int


def measure_signals(kind: SignalKind, seed: int, size: Size, quick: bool) -> list[SignalRow]:
    """Train on one kind of signals at each rate, and test beside the tuned operators."""
    fix_blas_threads()
    training = draw_signals(kind, size.length, size.training, seed)
    testing = draw_signals(kind, size.length, size.testing, seed, "test")
    tuning = Signals(*(part[: size.tuning] for part in training))
    baselines = {operator: tuned(operator, tuning, testing) for operator in OPERATORS}
    expected = expected_rows(kind.operator, size.length)
    untrusted = sum(found.uncertified for found in baselines.values())
    rows = []
    for descent in DESCENTS:
        trained = train(first_operator(size.length), training, descent.cut(size.steps), seed)
        error, uncertified = error_on(jnp.asarray(trained.W), testing)
        uncertified += untrusted
        doubt = f"{uncertified} solutions behind the errors are not certified" if uncertified else ""
        like = likeness(trained.W, expected)
        row: SignalRow = {
            **_cost(descent, trained, seed, quick, expected),
            **_judged(trained, doubt),
            "what": "signals",
            "signals": kind.name,
            "operator": kind.operator,
            "likeness_of_rows": like.of_rows,
            "likeness_of_expected": like.of_expected,
            "likeness_on_the_way": [round(likeness(W, expected).of_rows, 4) for W in trained.path],
            "rows": like.rows,
            "mean_squared_error": {
                NOISY: noisy_error(testing),
                LEARNED: error,
                **{operator: found.error for operator, found in baselines.items()},
            },
            "weight": {operator: found.weight for operator, found in baselines.items()},
            "uncertified": uncertified,
        }
        rows.append(row)
    return rows


def measure_image(pictures: Pictures, seed: int, size: Size, quick: bool) -> list[ImageRow]:
    """Train on patches of one image at each rate, and denoise another beside tuned baselines."""
    fix_blas_threads()
    clean, truth = pictures.training.pixels, pictures.testing.pixels
    noisy, testing = (_noisy(picture, seed, role) for role, picture in enumerate((clean, truth)))
    patches = Signals(*(jnp.asarray(draw_patches(one, size.training, seed)) for one in (clean, noisy)))
    tuning = _middle(clean, TUNING_SIDE), _middle(noisy, TUNING_SIDE)
    baselines = {method: tuned_image(method, *tuning, testing) for method in METHODS}
    missed = sum(one.missed for one in baselines.values())
    images = {"truth": truth, NOISY: testing, **{name: one.image for name, one in baselines.items()}}
    rows = []
    for descent in DESCENTS:
        trained = train(first_operator(size.length), patches, descent.cut(size.steps), seed)
        learned, residual = by_patches(trained.W, testing)
        shown = {**images, LEARNED: learned}
        row: ImageRow = {
            **_cost(descent, trained, seed, quick, None),
            **_judged(trained, _doubt_of_image(missed, residual)),
            "what": "image",
            "trained_on": pictures.training.name,
            "denoised": pictures.testing.name,
            "shape": list(truth.shape),
            "mean_squared_error": {
                name: float(np.mean(np.square(image - truth)))
                for name, image in shown.items()
                if name != "truth"
            },
            "weight": {name: one.weight for name, one in baselines.items()},
            "residual": residual,
            "missed": missed,
            "crops": None if seed else {name: _crop(image) for name, image in shown.items()},
        }
        rows.append(row)
    return rows


def _cost(
    descent: Descent,
    trained: Trained,
    seed: int,
    quick: bool,
    expected: Float64[np.ndarray, "rows n"] | None,
) -> TrainingCost:
    W = trained.W if expected is None else in_order(trained.W, expected)
    return TrainingCost(
        quick=quick,
        rate=descent.rate,
        seed=seed,
        steps=trained.steps,
        refused=trained.refused,
        rank_deficient=trained.rank_deficient,
        dual_steps=trained.dual_steps,
        seconds=trained.seconds,
        losses=trained.losses,
        learned=None if seed else _rounded(W),
    )


def _judged(trained: Trained, doubt: str) -> TrainingJudged:
    """Return ok where every step was taken and nothing is doubtful behind the errors."""
    reasons = "; ".join(filter(None, [_refusals(trained), doubt]))
    return TrainingJudged(status=(Status.NOT_CERTIFIED if reasons else Status.OK).value, reason=reasons)


def _doubt_of_image(missed: int, residual: float) -> str:
    doubts = [f"{missed} solves of total variation missed their tolerance"] if missed else []
    if not residual <= GAP:
        doubts.append(f"a patch has a duality gap of {residual:.0e}, above {GAP:.0e}")
    return "; ".join(doubts)


def _refusals(trained: Trained) -> str:
    if not trained.refused:
        return ""
    depended = f", {trained.rank_deficient} of them as active rows depend on each other"
    return f"{trained.refused} steps were not taken{depended if trained.rank_deficient else ''}"


def _rounded(W: Float64[np.ndarray, "k n"]) -> Matrix:
    """Return W with four digits below its largest entry: enough for a picture."""
    digits = 4 - int(np.floor(np.log10(max(np.abs(W).max(), 1e-300))))
    return [[round(float(entry), digits) for entry in row] for row in W]


def _noisy(picture: Float[np.ndarray, "h w"], seed: int, role: int) -> Float64[np.ndarray, "h w"]:
    """Add noise of another seed for training and for testing."""
    return picture + NOISE * np.random.default_rng([seed, role, 23]).normal(size=picture.shape)


def _crop(image: Float64[np.ndarray, "h w"]) -> list[list[int]]:
    """Return the middle square, in grey values from 0 to 255."""
    return np.clip(np.rint(255 * _middle(image, CROP)), 0, 255).astype(int).tolist()


def _middle(image: Float[np.ndarray, "h w"], side: int) -> Float[np.ndarray, "rows columns"]:
    """Return the middle square, or what there is of it in a smaller image."""
    top, left = (max(0, (length - side) // 2) for length in image.shape)
    return image[top : top + side, left : left + side]
