"""`hgb evaluate`: PSNR and SSIM on a folder, with weights tuned on other images alone."""

import csv
import io

import jax.numpy as jnp
import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.data import camera
from skimage.metrics import peak_signal_noise_ratio

from hypergrad_bench.bench.restoring.image_set import read_folder, require_apart, seed_of
from hypergrad_bench.bench.restoring.solving import solved
from hypergrad_bench.problems import (
    Denoising,
    Identity,
    LowerLevel,
    measure,
    save_regularizer,
    total_variation,
)
from hypergrad_bench.solvers import Budget, DualFista

TV = total_variation(jnp.float64(0.05))


@pytest.fixture
def here(tmp_path, hgb):
    """Two images to judge by, one to tune on, and a model."""
    for place, (top, left) in {"test/a": (100, 200), "test/b": (60, 250), "train/c": (200, 100)}.items():
        path = tmp_path / f"{place}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(camera()[top : top + 48 : 4, left : left + 44 : 4]).save(path)
    save_regularizer(tmp_path / "model", TV)
    return tmp_path


def _rows(out):
    return list(csv.DictReader(io.StringIO(out)))


def test_a_line_is_what_the_library_restores(here, hgb, capsys):
    assert hgb("evaluate", "--images", "test", "--model", "model", "--noise", "0.1", "--format", "csv") == 0
    rows = _rows(capsys.readouterr().out)
    assert [(row["image"], row["regularizer"]) for row in rows] == [
        (image, name)
        for name in ("none: the measurement", "model")
        for image in ("a.png", "b.png", "mean of 2")
    ]
    picture = read_folder(here / "test", color=False)[0]
    _, y = measure(Denoising(noise=0.1), picture.truth[None], seed_of(picture, 0))
    x = solved(DualFista(), Budget(3000, 1e-5), LowerLevel(Identity(), y[0], TV)).x
    row = rows[3]
    assert (row["status"], row["weight"]) == ("converged", "1.0")
    expected = peak_signal_noise_ratio(picture.truth, np.asarray(x), data_range=1)
    np.testing.assert_allclose(float(row["psnr"]), expected, rtol=1e-9)
    for field in ("psnr", "ssim"):
        np.testing.assert_allclose(
            float(rows[5][field]), np.mean([float(one[field]) for one in rows[3:5]]), rtol=1e-12
        )


def test_weights_are_tuned_on_the_other_folder_alone(here, hgb, capsys):
    options = ("--images", "test", "--tune", "train", "--noise", "0.1", "--format", "csv")
    assert hgb("evaluate", *options, "--model", "model", "--baseline", "tv") == 0
    rows = {(row["regularizer"], row["image"]): row for row in _rows(capsys.readouterr().out)}
    tuned = float(rows["tv", "a.png"]["weight"])
    # The model is total variation of weight 0.05: both find about the same, from two starts.
    np.testing.assert_allclose(0.05 * float(rows["model", "a.png"]["weight"]), tuned, rtol=0.2)
    assert float(rows["tv", "mean of 2"]["psnr"]) > float(rows["none: the measurement", "mean of 2"]["psnr"])
    Image.fromarray(camera()[300:348:4, 300:344:4]).save(here / "test" / "d.png")
    assert hgb("evaluate", *options, "--baseline", "tv") == 0
    again = {(row["regularizer"], row["image"]): row for row in _rows(capsys.readouterr().out)}
    assert float(again["tv", "a.png"]["weight"]) == tuned
    assert again["tv", "a.png"]["psnr"] == rows["tv", "a.png"]["psnr"]


def test_an_image_in_both_folders_is_refused_whatever_its_name(here, hgb, capsys):
    tifffile.imwrite(here / "train" / "other.tif", np.asarray(Image.open(here / "test" / "b.png")))
    assert hgb("evaluate", "--images", "test", "--tune", "train", "--baseline", "tv") == 2
    assert "(other.tif is b.png)" in " ".join(capsys.readouterr().err.split())
    require_apart(read_folder(here / "train", color=False)[:1], read_folder(here / "test", color=False))


def test_a_solve_that_does_not_converge_is_flagged_in_the_table(here, hgb, capsys):
    arguments = ("--images", "test", "--model", "model", "--max-steps", "2", "--format", "markdown")
    assert hgb("evaluate", *arguments) == 2
    said = capsys.readouterr()
    assert "max\\_steps" in said.out
    assert "0 of 2 converged" in said.out
    assert "data\\_range=1" in said.out
    assert "3 lines are of solves that did not converge" in said.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--images", "test"), "neither was given"),
        (("--images", "test", "--baseline", "tv"), "a baseline has no weight of its own: --tune"),
        (("--images", "test", "--tune", "train", "--baseline", "tvv"), "did you mean 'tv'"),
        (("--images", "gone", "--model", "model"), "does not exist"),
        (("--images", "model", "--model", "model"), "holds no image; left out are 1 .json"),
        (("--images", "small", "--model", "model"), "11 x 11 pixels at least; image 's.png' has fewer"),
        (("--images", "test", "--model", "test"), "'test' is not there"),
        (("--images", "test", "--model", "model", "--mask", "m.npy"), "--mask has no place in the task"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(arguments, message, here, hgb, capsys):
    (here / "small").mkdir()
    Image.fromarray(camera()[:10, :10]).save(here / "small" / "s.png")
    assert hgb("evaluate", *arguments) == 2
    assert message in " ".join(capsys.readouterr().err.split())
