"""Importing the problems costs little more than importing JAX."""

import json
import subprocess
import sys

import pytest

LATER = ("PIL", "flax", "h5py", "lineax", "optax", "pywt", "scipy", "skimage", "tifffile", "torch")
LIST = "import json, sys; print(json.dumps(sorted(sys.modules)))"


def imported(code: str) -> set[str]:
    """The modules of a process that ran some code."""
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}; {LIST}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(ran.stdout))


def test_problems_leave_to_their_users_what_only_some_of_them_need() -> None:
    # JAX brings parts of SciPy or not, as its release has it.
    extra = imported("from hypergrad_bench import problems") - imported("import jax")
    assert extra & set(LATER) == set()


@pytest.mark.parametrize(
    ("code", "library"),
    [
        ("problems.DctSparse().sample((8,), 1, 0)", "scipy.fft"),
        ("problems.Photographs().sample((8, 8), 1, 0)", "PIL"),
        ("problems.WaveletTransform()", "pywt"),
        ("problems.PlugAndPlay.initial((8, 8), 0).denoiser(jax.numpy.ones((8, 8)))", "flax"),
    ],
)
def test_who_needs_a_library_imports_it(code: str, library: str) -> None:
    """The list above is of what is there: a name that nobody ever imports would prove nothing."""
    assert library in imported(f"import jax; from hypergrad_bench import problems; {code}")
