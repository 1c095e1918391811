"""The photographs inside scikit-image's wheel."""

import importlib.metadata
import importlib.resources
from collections.abc import Callable

import numpy as np
from jaxtyping import Float64


def read_photograph(
    name: str, scale: int, decode: Callable[[bytes, str], Float64[np.ndarray, "height width *channels"]]
) -> Float64[np.ndarray, "rows columns *channels"]:
    """Decode a photograph and shrink it by the mean over blocks of scale x scale pixels; read-only.

    What is left over at the right and at the bottom is dropped.

    Raises:
        FileNotFoundError: if the installed scikit-image lacks the photograph, which the message names.
    """
    try:
        content = importlib.resources.files("skimage").joinpath("data", name).read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"photograph {name!r} is missing from the data of scikit-image "
            f"{importlib.metadata.version('scikit-image')}; install its wheel again, or another version"
        ) from error
    pixels = decode(content, name)
    height, width = (side // scale for side in pixels.shape[:2])
    whole = pixels[: height * scale, : width * scale]
    shrunk = whole.reshape(height, scale, width, scale, *pixels.shape[2:]).mean(axis=(1, 3))
    # Callers keep it, and hand the same array to everybody.
    shrunk.setflags(write=False)
    return shrunk
