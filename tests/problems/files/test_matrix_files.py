"""Kernels and masks in the files that people keep them in, written here by the usual programs' libraries."""

import os
import sys

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import tifffile
from PIL import Image

from hypergrad_bench.problems import (
    Inpainting,
    KernelFile,
    MagneticResonance,
    MaskFile,
    SuperResolution,
    measure,
)
from hypergrad_bench.problems.files.hdf5_file import MATLAB_OFFSET

KERNEL = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 9], [1, 0, 3]], np.float64)
OTHER = np.array([[1, 0], [0, 3]], np.float32)
STACK = np.stack([KERNEL[:3] * factor + np.eye(3) for factor in range(4)])
MASK = np.random.default_rng(0).integers(0, 2, (5, 4)).astype(np.uint8)
MASK[0, 0] = 1


def taps(path, *arguments, **named) -> np.ndarray:
    """The kernel that is read, of sum one."""
    return KernelFile(path, *arguments, **named).taps((64, 64))


def cells(*entries) -> np.ndarray:
    """A MATLAB cell array of one row."""
    array = np.empty((1, len(entries)), object)
    for index, entry in enumerate(entries):
        array[0, index] = entry
    return array


def save_matlab_73(path, **variables) -> None:
    """Write a file as MATLAB's `save -v7.3`: axes in reverse order, cells as references to group #refs#."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w", userblock_size=MATLAB_OFFSET) as file:
        for name, value in variables.items():
            if value.dtype != object:
                file[name] = value.T
                file[name].attrs["MATLAB_class"] = np.bytes_("double")
                continue
            for index, cell in enumerate(value.ravel()):
                file[f"#refs#/{name}{index}"] = cell.T
                file[f"#refs#/{name}{index}"].attrs["MATLAB_class"] = np.bytes_("single")
            references = [file[f"#refs#/{name}{index}"].ref for index in range(value.size)]
            file[name] = np.array(references, h5py.ref_dtype).reshape(value.shape[::-1])
            file[name].attrs["MATLAB_class"] = np.bytes_("cell")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(128))


def write_kernels(folder) -> None:
    """Write the kernels in every format that needs no h5py."""
    scipy.io.savemat(folder / "cells.mat", {"kernels": cells(OTHER, KERNEL), "about": "shake"})
    scipy.io.savemat(folder / "matrix.mat", {"f": KERNEL})
    scipy.io.savemat(folder / "last.mat", {"k": np.moveaxis(STACK, 0, -1)})
    scipy.io.savemat(folder / "many.mat", {"x": KERNEL, "f": OTHER})
    scipy.io.savemat(folder / "sparse.mat", {"k": scipy.sparse.csc_array(KERNEL)})
    np.save(folder / "matrix.npy", KERNEL)
    np.save(folder / "first.npy", STACK)
    np.savez(folder / "two.npz", x=OTHER, kernel=KERNEL)
    Image.fromarray((20 * KERNEL).astype(np.uint8)).save(folder / "grey.png")
    Image.fromarray(np.dstack([(20 * KERNEL).astype(np.uint8)] * 3)).save(folder / "equal.png")
    tifffile.imwrite(folder / "deep.tif", (7000 * KERNEL).astype(np.uint16))
    tifffile.imwrite(folder / "real.tiff", (KERNEL / 10).astype(np.float32))


def test_a_kernel_is_the_same_from_every_file(tmp_path):
    write_kernels(tmp_path)
    expected = KERNEL / KERNEL.sum()
    for name in ["matrix.mat", "sparse.mat", "matrix.npy", "two.npz", "grey.png", "equal.png", "deep.tif"]:
        np.testing.assert_allclose(taps(tmp_path / name), expected, rtol=1e-14, err_msg=name)
    np.testing.assert_allclose(taps(tmp_path / "real.tiff"), expected, rtol=1e-6)
    np.testing.assert_allclose(taps(tmp_path / "cells.mat", 1), expected, rtol=1e-14)
    np.testing.assert_allclose(taps(tmp_path / "many.mat", variable="x"), expected, rtol=1e-14)
    for name in ["last.mat", "first.npy"]:
        np.testing.assert_allclose(taps(tmp_path / name, 2), STACK[2] / STACK[2].sum(), rtol=1e-14)


def test_matlab_7_3_has_its_axes_turned(tmp_path):
    save_matlab_73(tmp_path / "levin.mat", kernels=cells(OTHER, KERNEL))
    save_matlab_73(tmp_path / "plain.mat", f=KERNEL, stack=np.moveaxis(STACK, 0, -1))
    expected = KERNEL / KERNEL.sum()
    np.testing.assert_allclose(taps(tmp_path / "levin.mat", 1), expected, rtol=1e-14)
    np.testing.assert_allclose(taps(tmp_path / "plain.mat", variable="f"), expected, rtol=1e-14)
    np.testing.assert_allclose(taps(tmp_path / "plain.mat", 3, variable="stack"), STACK[3] / STACK[3].sum())
    with pytest.raises(ValueError, match=r"'levin\.mat' has 2 kernels, from 0; there is no index 2"):
        KernelFile(tmp_path / "levin.mat", 2)
    whole = (tmp_path / "levin.mat").read_bytes()
    (tmp_path / "torn.mat").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"kernel file 'torn\.mat' cannot be read"):
        KernelFile(tmp_path / "torn.mat")


def test_hdf5_of_others_keeps_its_axes_and_stays_inside_the_file(tmp_path):
    """FastMRI's test files have a mask of lines beside the samples."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "fastmri.h5", "w") as file:
        file["kspace"], file["mask"] = np.zeros((2, 5, 4), np.complex64), MASK[:, 0]
        file["upright"] = KERNEL
        file["elsewhere"] = h5py.ExternalLink("other.h5", "kernel")
        file["group/kernel"], file["text"] = KERNEL, "shake"
    np.testing.assert_array_equal(MaskFile(tmp_path / "fastmri.h5").values(), MASK[:, 0])
    found = taps(tmp_path / "fastmri.h5", variable="upright")
    np.testing.assert_allclose(found, KERNEL / KERNEL.sum(), rtol=1e-14)
    refused = {
        "elsewhere": "is a link to elsewhere",
        "group": "is no matrix of numbers",
        "text": "holds no numbers",
    }
    for variable, message in refused.items():
        with pytest.raises(ValueError, match=f"variable '{variable}' of .*{message}"):
            KernelFile(tmp_path / "fastmri.h5", variable=variable)


def test_without_h5py_the_extra_and_the_conversion_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "levin.mat").write_bytes(bytes(MATLAB_OFFSET) + b"\x89HDF\r\n\x1a\n")
    message = r"pip install 'hypergrad-bench\[hdf5\]', or convert it where MATLAB is: save\(.*'-v7'\)"
    with pytest.raises(ImportError, match=rf"^kernel file 'levin\.mat' is HDF5, .*{message}"):
        KernelFile(tmp_path / "levin.mat")


def test_kernels_of_the_data_folder(shared_data):
    path = shared_data / "kernels" / "kernels_12.mat"
    if not path.is_file():
        pytest.skip(f"no kernels at {path}")
    stored = scipy.io.loadmat(path)["kernels"][0]
    for index, one in enumerate(stored):
        exact = one.astype(np.float64)
        np.testing.assert_allclose(taps(path, index), exact / exact.sum(), rtol=1e-14)


def _objects(path) -> None:
    np.save(path, cells(OTHER, KERNEL), allow_pickle=True)


WRONG_KERNELS = {
    "several variables": (
        lambda path: scipy.io.savemat(path / "a.mat", {"x": KERNEL, "f": OTHER}),
        "a.mat",
        "must have one variable, or its name must be given; it has 'x', 'f'",
    ),
    "a cube": (
        lambda path: np.save(path / "a.npy", np.ones((3, 3, 3))),
        "a.npy",
        r"array of shape \(3, 3, 3\): stack_axis=0 or stack_axis=2 must say",
    ),
    "Python objects": (lambda path: _objects(path / "a.npy"), "a.npy", "holds Python objects, which reading"),
    "words": (
        lambda path: scipy.io.savemat(path / "a.mat", {"kernels": "shake"}),
        "a.mat",
        "variable 'kernels' of kernel file 'a.mat' is no matrix of numbers",
    ),
    "complex numbers": (
        lambda path: np.save(path / "a.npy", KERNEL + 1j),
        "a.npy",
        "must be a finite matrix of real numbers with a positive sum; got complex128",
    ),
    "one axis": (lambda path: np.save(path / "a.npy", np.ones(3)), "a.npy", r"got float64 of shape \(3,\)"),
    "a picture in colour": (
        lambda path: Image.fromarray(STACK[:3].astype(np.uint8)).save(path / "a.png"),
        "a.png",
        "image 'a.png' is in colour; a grey one is accepted",
    ),
    "transparency": (
        lambda path: Image.fromarray(np.full((3, 3, 4), 9, np.uint8)).save(path / "a.png"),
        "a.png",
        "image 'a.png' has transparent pixels",
    ),
    "another ending": (lambda path: (path / "a.txt").touch(), "a.txt", r"must end in one of \.mat, \.npy"),
    "one bit of TIFF": (
        lambda path: tifffile.imwrite(path / "a.tif", KERNEL > 2),
        "a.tif",
        "of one bit, in which programs differ about which bit is white",
    ),
    "no archive": (lambda path: (path / "a.npz").touch(), "a.npz", "cannot be read as an .npz file"),
    "half an array": (
        lambda path: (path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00"),
        "a.npy",
        "cannot be read as an .npy file",
    ),
    "a folder": (lambda path: (path / "a.mat").mkdir(), "a.mat", "is a folder, not a regular file"),
    "a pipe": (lambda path: os.mkfifo(path / "a.mat"), "a.mat", r"'a.mat' is a named pipe \(FIFO\)"),
}


@pytest.mark.parametrize(("write", "name", "message"), WRONG_KERNELS.values(), ids=WRONG_KERNELS)
def test_what_holds_no_kernel_is_named(tmp_path, write, name, message):
    write(tmp_path)
    with pytest.raises(ValueError, match=message):
        KernelFile(tmp_path / name)


def test_a_cube_of_kernels_is_read_along_the_axis_that_is_named(tmp_path):
    np.save(tmp_path / "a.npy", STACK[1:])
    for axis in (0, 2):
        expected = np.take(STACK[1:], 1, axis)
        found = taps(tmp_path / "a.npy", 1, stack_axis=axis)
        np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-14)
    assert (
        repr(KernelFile(tmp_path / "a.npy", 1, stack_axis=2)) == "KernelFile('a.npy', index=1, stack_axis=2)"
    )
    assert SuperResolution(kernel=KernelFile(tmp_path / "a.npy", stack_axis=0)).operator(
        (8, 6), 0
    ).kernel.shape == (3, 3)
    with pytest.raises(ValueError, match="stack_axis must be 0, 2 or None; got 1"):
        KernelFile(tmp_path / "a.npy", stack_axis=1)


def write_masks(folder) -> list[str]:
    """Write the mask in the types that people keep masks in."""
    for number, array in enumerate([MASK, MASK > 0, MASK * 255.0, MASK.astype(np.complex128), MASK * 7]):
        np.save(folder / f"{number}.npy", array)
    scipy.io.savemat(folder / "a.mat", {"mask": MASK, "acceleration": 2.0})
    scipy.io.savemat(folder / "logical.mat", {"M": MASK > 0})
    Image.fromarray(MASK * 255).save(folder / "white.png")
    Image.fromarray(MASK).save(folder / "one.png")
    Image.fromarray(MASK > 0).save(folder / "bit.png")
    tifffile.imwrite(folder / "a.tif", MASK * 255)
    return sorted(os.listdir(folder))


def test_a_mask_is_the_same_from_every_file(tmp_path):
    for name in write_masks(tmp_path):
        np.testing.assert_array_equal(MaskFile(tmp_path / name).values(), MASK, err_msg=name)
        np.testing.assert_array_equal(MaskFile(tmp_path / name, "missing").values(), 1 - MASK, err_msg=name)
    assert repr(MaskFile(tmp_path / "one.png", "missing")) == "MaskFile('one.png', marks='missing')"


WRONG_MASKS = {
    "weights": (
        np.array([[0.0, 0.5], [1, 0.2]]),
        "known",
        "zero and one other value, positive; got 3 others",
    ),
    "nothing known": (np.zeros((2, 2)), "known", "with marks='known', leaves nothing that is known"),
    "nothing missing": (np.ones((2, 2)), "missing", "with marks='missing', leaves nothing that is known"),
    "a sign": (np.array([0.0, -1]), "known", "one other value, positive"),
    "NaN": (np.array([0, np.nan]), "known", "one other value, positive"),
    "four axes": (
        np.ones((1, 1, 2, 2)),
        "known",
        r"a mask \(h, w\) or lines \(n,\); got shape \(1, 1, 2, 2\)",
    ),
}


@pytest.mark.parametrize(("array", "marks", "message"), WRONG_MASKS.values(), ids=WRONG_MASKS)
def test_what_is_no_mask_is_named(tmp_path, array, marks, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ValueError, match=message):
        MaskFile(tmp_path / "a.npy", marks)


def test_tasks_measure_with_the_mask_of_a_file(tmp_path):
    lines = np.array([1, 1, 1, 0, 0, 1, 0, 1, 1], np.float64)
    np.save(tmp_path / "mask.npy", MASK)
    scipy.io.savemat(tmp_path / "lines.mat", {"mask": np.fft.fftshift(lines)})
    truths = np.random.default_rng(1).normal(size=(2, 5, 4, 3))
    _, y = measure(Inpainting(noise=0.0, mask=MaskFile(tmp_path / "mask.npy")), truths, 0)
    np.testing.assert_array_equal(y, MASK[..., None] * truths)
    with pytest.raises(ValueError, match=r"holds a mask of shape \(5, 4\); the signal has shape \(4, 5\)"):
        Inpainting(mask=MaskFile(tmp_path / "mask.npy")).operator((4, 5), 0)
    task = MagneticResonance(mask=MaskFile(tmp_path / "lines.mat"), centred=True)
    x = np.random.default_rng(2).normal(size=(6, 9))
    found = np.asarray(task.operator((6, 9), 0)(jnp.asarray(x)))
    expected = np.fft.fftshift(lines * np.fft.fft2(np.fft.ifftshift(x), norm="ortho"))
    np.testing.assert_allclose(found[..., 0] + 1j * found[..., 1], expected, atol=1e-14)
    assert task.operator((9,), 0).mask.shape == (9,)
    with pytest.raises(ValueError, match="mask must have the signal's shape"):
        task.operator((9, 6), 0)


@pytest.mark.usefixtures("as_users_run")
def test_a_mask_replaces_what_is_drawn(tmp_path):
    np.save(tmp_path / "a.npy", MASK)
    mask = MaskFile(tmp_path / "a.npy")
    with pytest.raises(ValueError, match=r"missing=0\.5 has no place beside it"):
        Inpainting(missing=0.5, mask=mask)
    with pytest.raises(ValueError, match=r"fraction=0\.5 and centre=0\.08 have no place beside it"):
        MagneticResonance(fraction=0.5, mask=mask)
    for task in (Inpainting, MagneticResonance):
        with pytest.raises(TypeError, match="mask must be a MaskFile or None; got ndarray"):
            task(mask=MASK)
    with pytest.raises(ValueError, match="marks must be 'known' or 'missing'; got 'white'"):
        MaskFile(tmp_path / "a.npy", "white")
