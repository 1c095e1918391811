"""`hgb reconstruct`: a user's image comes back restored, and a solve that did not converge is flagged."""

import jax.numpy as jnp
import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.data import astronaut

from hypergrad_bench.bench.restoring.solving import solved
from hypergrad_bench.problems import (
    Identity,
    LowerLevel,
    PlugAndPlay,
    WaveletL1,
    save_regularizer,
    total_variation,
)
from hypergrad_bench.solvers import Budget, DualFista

TRUTH = astronaut()[40:53, 200:212]
NOISY = np.clip(TRUTH + np.random.default_rng(0).normal(0, 25, TRUTH.shape), 0, 255).round().astype(np.uint8)
TV = total_variation(jnp.float64(0.1))


@pytest.fixture
def here(tmp_path, hgb):
    """A folder with a model, a noisy image and its truth, in which commands run."""
    save_regularizer(tmp_path / "tv", TV, {"task": "Denoising(noise=0.1)"})
    Image.fromarray(NOISY).save(tmp_path / "noisy.png")
    Image.fromarray(TRUTH).save(tmp_path / "truth.png")
    return tmp_path


def test_restores_as_the_library_does(here, hgb, capsys):
    arguments = ("noisy.png", "-o", "out.npy", "--model", "tv", "--truth", "truth.png")
    assert hgb("reconstruct", *arguments) == 0
    said = capsys.readouterr()
    lower = LowerLevel(Identity(), jnp.asarray(NOISY / 255), TV)
    np.testing.assert_allclose(
        np.load(here / "out.npy"), solved(DualFista(), Budget(3000, 1e-5), lower).x, atol=1e-12
    )
    assert "the model: task Denoising(noise=0.1)" in said.err
    assert "solved by DualFista() with Budget(max_steps=3000, tolerance=1e-05), float64" in said.err
    assert "step 0" not in said.out
    measured, restored = (line for line in said.out.splitlines() if "PSNR" in line)
    assert measured.startswith("measured")
    assert float(restored.split()[2]) > float(measured.split()[2])
    assert "gaussian_weights=True" in said.err


def test_writes_as_many_bits_as_were_measured(here, hgb):
    tifffile.imwrite(here / "noisy.tif", (NOISY[..., 0] / 255 * 65535).astype(np.uint16))
    outs = {"a.png": "noisy.png", "b.tif": "noisy.png", "c.png": "noisy.tif", "d.tif": "noisy.tif"}
    for out, image in outs.items():
        assert hgb("reconstruct", image, "-o", out, "--model", "tv") == 0
    assert np.asarray(Image.open(here / "a.png")).dtype == np.uint8
    np.testing.assert_array_equal(np.asarray(Image.open(here / "a.png")), tifffile.imread(here / "b.tif"))
    grey = tifffile.imread(here / "d.tif")
    assert grey.dtype == np.uint16
    np.testing.assert_array_equal(np.asarray(Image.open(here / "c.png")), grey)
    assert hgb("reconstruct", "noisy.tif", "-o", "e.tif", "--model", "tv", "--bits", "float") == 0
    np.testing.assert_allclose(tifffile.imread(here / "e.tif"), grey / 65535, atol=1e-5)


def test_a_solve_that_does_not_converge_is_flagged(here, hgb, capsys):
    assert hgb("reconstruct", "noisy.png", "-o", "out.png", "--model", "tv", "--max-steps", "3") == 2
    assert "the solve did not converge: max_steps after 3 steps" in capsys.readouterr().err.replace("\n", " ")
    assert (here / "out.png").exists()


def test_tasks_by_kernel_and_mask(here, hgb, capsys):
    kernel = np.zeros((3, 3))
    kernel[1] = 1 / 3
    np.save(here / "kernel.npy", kernel)
    mask = np.random.default_rng(1).random(NOISY.shape[:2]) > 0.3
    np.save(here / "mask.npy", mask)
    blur = ("--task", "deconvolution", "--kernel", "kernel.npy", "--weight", "0.1", "--tolerance", "1e-3")
    assert hgb("reconstruct", "noisy.png", "-o", "a.png", "--model", "tv", *blur) == 0
    holes = ("--task", "inpainting", "--mask", "mask.npy", "--tolerance", "1e-3")
    assert hgb("reconstruct", "noisy.png", "-o", "b.png", "--model", "tv", *holes) == 0
    assert "PrimalDual()" in capsys.readouterr().err
    assert hgb("reconstruct", "noisy.png", "-o", "c.png", "--model", "tv", *holes[:2]) == 2
    assert "inpainting needs --mask" in capsys.readouterr().err
    assert hgb("reconstruct", "noisy.png", "-o", "c.png", "--model", "tv", *blur[2:]) == 2
    assert "--kernel has no place in the task denoising; it has noise" in capsys.readouterr().err
    assert not (here / "c.png").exists()


def test_a_grey_model_with_sides_of_its_own_restores_colour(here, hgb, capsys):
    save_regularizer(here / "wavelets", WaveletL1.initial((16, 16), 0))
    few = ("--solver", "picard", "--max-steps", "5")
    assert hgb("reconstruct", "noisy.png", "-o", "out.tif", "--model", "wavelets", *few) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "the three channels are restored one by one" in said
    assert "does not take 13 x 12 pixels: it is solved for 16 x 16, cut" in said
    assert tifffile.imread(here / "out.tif").shape == NOISY.shape
    assert said.count("the solve did not converge") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gone.png", "-o", "a.png", "--model", "tv"), "cannot be read"),
        (("noisy.png", "-o", "a.png", "--model", "gone"), "'gone' is not there"),
        (("noisy.png", "-o", "a.jpg", "--model", "tv"), "must end in one of .png"),
        (
            ("noisy.png", "-o", "a.png", "--model", "tv", "--bits", "float"),
            "is not for colour in .png; accepted: 8",
        ),
        (
            ("noisy.png", "-o", "a.png", "--model", "tv", "--bits", "16"),
            "--bits 16 is not for colour in .png",
        ),
        (("noisy.png", "-o", "gone/a.png", "--model", "tv"), "there is no folder 'gone'"),
        (("noisy.png", "-o", "a.png", "--model", "tv", "--weight", "0"), "a positive, finite factor"),
        (("noisy.png", "-o", "a.png", "--model", "pnp", "--weight", "2"), "PlugAndPlay has no weight"),
        (("noisy.png", "-o", "a.png", "--model", "tv", "--task", "denoisng"), "did you mean 'denoising'"),
        (("noisy.png", "-o", "a.png", "--model", "tv", "--noise", "-1"), "noise must be"),
        (("noisy.png", "-o", "a.png", "--model", "tv", "--truth", "small.png"), "has shape (12, 12, 3)"),
    ],
)
def test_what_cannot_be_restored_is_refused(arguments, message, here, hgb, capsys):
    save_regularizer(here / "pnp", PlugAndPlay.initial((8, 8), 0))
    Image.fromarray(TRUTH[:12]).save(here / "small.png")
    assert hgb("reconstruct", *arguments) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (here / "a.png").exists()
