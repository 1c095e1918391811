"""Files of tensors: what is read, and what is refused before anything could run."""

import json
import os
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from hypergrad_bench.problems.files.tensor_file import read_tensors, require_match, under_prefix

TENSORS = {"a.weight": np.arange(6, dtype="float32").reshape(2, 3), "b": np.asarray(0.5, "float32")}


class StandIn(types.ModuleType):
    """As much of PyTorch as the reader uses: its files hold what `saved` says."""

    __version__ = "2.10.0+cpu"
    float64 = "float64"

    class Tensor:
        """An array with PyTorch's methods."""

        def __init__(self, array: np.ndarray) -> None:
            self.array = array

        def detach(self) -> "StandIn.Tensor":
            return self

        def to(self, dtype: str) -> "StandIn.Tensor":
            return StandIn.Tensor(self.array.astype(dtype))

        def numpy(self) -> np.ndarray:
            return self.array

    def __init__(self, saved: object) -> None:
        super().__init__("torch")
        self.saved = saved

    def load(self, path: Path, *, map_location: str, weights_only: bool) -> object:
        assert weights_only
        assert map_location == "cpu"
        if isinstance(self.saved, Exception):
            raise self.saved
        return self.saved


@pytest.fixture
def pytorch(monkeypatch, tmp_path):
    """Put the stand-in in PyTorch's place; returns a function that makes a file."""

    def put(saved: object, version: str = StandIn.__version__) -> Path:
        module = StandIn(saved)
        module.__version__ = version
        monkeypatch.setitem(sys.modules, "torch", module)
        (tmp_path / "weights.pth").touch()
        return tmp_path / "weights.pth"

    return put


def _eight_bits() -> bytes:
    """A safetensors file, written by hand, of two numbers of 8 bits, a type that numpy lacks."""
    header = json.dumps({"a": {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(2)


def test_safetensors_are_read_by_name(tmp_path):
    save_file(TENSORS, tmp_path / "weights.safetensors")
    found = read_tensors(tmp_path / "weights.safetensors")
    assert found.keys() == TENSORS.keys()
    np.testing.assert_array_equal(found["a.weight"], TENSORS["a.weight"])


def test_files_of_pytorch_are_read_as_weights_only(pytorch):
    found = read_tensors(pytorch({name: StandIn.Tensor(one) for name, one in TENSORS.items()}))
    assert {one.dtype for one in found.values()} == {np.dtype("float64")}
    np.testing.assert_array_equal(found["a.weight"], TENSORS["a.weight"])


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (
            RuntimeError("retry with weights_only=False"),
            "holds more than weights, or is damaged; where you trust it",
        ),
        ([1, 2], "holds a list; a dictionary of tensors is expected"),
        ({"model": {}, "epoch": 3}, "holds no tensors; it holds model, epoch"),
    ],
)
def test_what_is_no_dictionary_of_tensors_is_refused(pytorch, saved, message):
    with pytest.raises(ValueError, match=message):
        read_tensors(pytorch(saved))


def test_tensors_of_a_training_checkpoint_have_the_keys_for_their_names(pytorch):
    """Lightning's layout, and that of KAIR: dictionaries of tensors beside what is none."""
    weights = {name: StandIn.Tensor(one) for name, one in TENSORS.items()}
    moments = {"state": {0: {"exp_avg": StandIn.Tensor(np.zeros(2))}}, "param_groups": [{"lr": 0.1}]}
    found = read_tensors(pytorch({"epoch": 3, "state_dict": weights, "optimizer": moments, "callbacks": {}}))
    assert found.keys() == {"state_dict.a.weight", "state_dict.b", "optimizer.state.0.exp_avg"}
    np.testing.assert_array_equal(found["state_dict.a.weight"], TENSORS["a.weight"])


PREFIXES = ["module.", "params.", "state_dict.", "state_dict.student_grad.model.", "denoiser.net."]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_prefix_of_all_names_is_found(prefix):
    held = {prefix + name: one for name, one in TENSORS.items()} | {"optimizer.0.exp_avg": np.zeros(2)}
    assert under_prefix(held, TENSORS, None, "file").keys() == TENSORS.keys()
    assert under_prefix(held, TENSORS, prefix, "file").keys() == TENSORS.keys()
    # Where names are missing, what is there is still known by its prefix, and told without it.
    expected = {**TENSORS, "c": np.zeros(1)}
    assert under_prefix(held, expected, None, "file").keys() == TENSORS.keys()
    with pytest.raises(ValueError, match=f"file under the prefix 'net.'; prefixes that fit: '{prefix}'$"):
        under_prefix(held, TENSORS, "net.", "file")


def test_weights_that_are_there_twice_are_not_chosen_between():
    averaged = {
        f"{prefix}.{name}": one for prefix in ("params", "params_ema") for name, one in TENSORS.items()
    }
    message = r"^file in one place: say which by prefix=, one of 'params\.', 'params_ema\.'$"
    with pytest.raises(ValueError, match=message):
        under_prefix(averaged, TENSORS, None, "file")
    assert under_prefix(averaged, TENSORS, "params_ema.", "file").keys() == TENSORS.keys()
    # Beside names without a prefix others are strangers, which `require_match` refuses.
    assert under_prefix(averaged | TENSORS, TENSORS, None, "file").keys() == {*averaged, *TENSORS}


def test_a_pipe_in_the_place_of_a_checkpoint_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match=r"checkpoint 'weights\.safetensors' is a named pipe"):
        read_tensors(tmp_path / "weights.safetensors")


@pytest.mark.parametrize("version", ["2.4.1", "2.9.1+cu128"])
def test_pytorch_that_can_be_made_to_run_code_is_not_used(pytorch, version):
    with pytest.raises(
        ImportError, match=r"can run code that weights\.pth hides: install 2\.10 or newer, or"
    ):
        read_tensors(pytorch({}, version))


def test_without_pytorch_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "weights.pth").touch()
    with pytest.raises(ImportError, match=r"pip install 'hypergrad-bench\[torch\]', or convert it"):
        read_tensors(tmp_path / "weights.pth")


def test_the_real_pytorch_reads_weights_and_refuses_code(tmp_path):
    torch = pytest.importorskip("torch", minversion="2.10")
    torch.save({name: torch.from_numpy(one) for name, one in TENSORS.items()}, tmp_path / "weights.pt")
    found = read_tensors(tmp_path / "weights.pt")
    assert found.keys() == TENSORS.keys()
    np.testing.assert_array_equal(found["a.weight"], TENSORS["a.weight"])
    torch.save({"state_dict": {"a": torch.ones(2)}, "epoch": 3, "loops": [{"k": 1}]}, tmp_path / "epoch.ckpt")
    np.testing.assert_array_equal(read_tensors(tmp_path / "epoch.ckpt")["state_dict.a"], np.ones(2))
    torch.save({"a.weight": pytest.approx}, tmp_path / "code.pth")
    with pytest.raises(ValueError, match=r"code\.pth holds more than weights"):
        read_tensors(tmp_path / "code.pth")


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("gone.safetensors", None, FileNotFoundError, "no checkpoint at"),
        ("weights.npz", b"", ValueError, r"ends in \.safetensors, \.pth, \.pt, \.ckpt; got weights\.npz"),
        ("torn.safetensors", b"nothing of the kind", ValueError, "or damaged: "),
        (
            "tiny.safetensors",
            _eight_bits(),
            ValueError,
            r"tiny\.safetensors is no safetensors file of numbers",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, error, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        read_tensors(tmp_path / name)


def test_what_does_not_match_is_listed():
    shapes = {"a": (2,), "b": (3, 3)}
    require_match("file", shapes, dict(reversed(shapes.items())))
    with pytest.raises(ValueError, match=r"^file; missing: b; unexpected: c; of another shape: a \(1,\) ins"):
        require_match("file", shapes, {"a": (1,), "c": ()})
    with pytest.raises(ValueError, match=r"missing: (\d, ){7}7 and 2 more$"):
        require_match("file", {str(count): () for count in range(10)}, {})
