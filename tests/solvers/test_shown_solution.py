"""Solutions in a notebook."""

import base64
import io
import re

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from hypergrad_bench.problems import Denoising, LowerLevel, Photographs, measure, total_variation
from hypergrad_bench.solvers import Budget, DualFista, Outcome, Solution, solve

TRUTHS = Photographs().sample((8, 10), 3, 0)
OPERATOR, Y = measure(Denoising(noise=0.1), TRUTHS, seed=0)


def solved(y: jax.Array) -> Solution:
    return solve(DualFista(), Budget(max_steps=5), LowerLevel(OPERATOR, y, total_variation(0.1)))


def test_one_is_shown_with_its_image() -> None:
    """The smallest value is black, the largest white."""
    solution = solved(Y[0])
    shown = solution._repr_html_()
    assert shown is not None
    for text in (">MAX_STEPS<", ">5<", ">float64 (8, 10)<", ">0 of 1<", 'alt="x, its smallest value black"'):
        assert text in shown
    encoded = re.search('base64,([^"]*)', shown)
    assert encoded is not None
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded[1]))))
    assert picture.shape == (8, 10)
    assert (picture.min(), picture.max()) == (0, 255)
    assert np.unravel_index(picture.argmax(), (8, 10)) == np.unravel_index(solution.x.argmax(), (8, 10))


def test_a_batch_is_counted_and_its_first_is_shown() -> None:
    batch = jax.vmap(solved)(Y)
    failed = batch._replace(
        status=batch.status.at[1].set(Outcome.DIVERGED), x=batch.x.at[0, 0, 0].set(jnp.nan)
    )
    shown = failed._repr_html_()
    assert shown is not None
    assert "2 of 3 MAX_STEPS, 1 of 3 DIVERGED" in shown
    assert ">float64 (3, 8, 10)<" in shown
    assert shown.count("<img") == 1


def test_signals_empty_batches_and_constant_images_are_shown() -> None:
    """No picture of a signal; nothing is divided by a range of zero."""
    solution = solved(Y[0])
    for x, pictures in (
        (Y[0, 0], 0),
        (jnp.zeros((4, 4)), 1),
        (jnp.full((4, 4), jnp.nan), 1),
        (jnp.zeros((0, 4)), 0),
        (jnp.asarray([[1e308, -1e308]]), 1),
        (TRUTHS[:3], 0),
    ):
        shown = solution._replace(x=jnp.asarray(x))._repr_html_()
        assert shown is not None
        assert shown.count("<img") == pictures
    none = jax.tree.map(lambda leaf: leaf[:0], jax.vmap(solved)(Y)._replace(state=None))
    shown = none._repr_html_()
    assert shown is not None
    assert "<img" not in shown


def test_inside_jit_there_is_nothing_to_show() -> None:
    """A notebook then falls back to the text."""
    shown = []
    jax.jit(lambda y: shown.append(solved(y)._repr_html_()))(Y[0])
    assert shown == [None]
