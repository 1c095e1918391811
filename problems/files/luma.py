"""Grey values and colours of an image file."""

import io

import numpy as np
from jaxtyping import Float64
from PIL import Image, ImageFile, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "BMP")
# Pillow's names of 16-bit grey; older versions open such a PNG as 32-bit "I".
SIXTEEN_BIT_MODES = ("I;16", "I;16L", "I;16B", "I")


def rgb(content: bytes, name: str) -> Float64[np.ndarray, "height width 3"]:
    """Decode the bytes of a PNG, JPEG or BMP file to the stored, gamma-encoded R, G and B, in [0, 1].

    Grey files have three equal channels; transparent pixels are laid over white. Limits and errors are those
    of `luma`.

    Args:
        content: the whole file.
        name: the file's name, for messages.

    Raises:
        ValueError: as `luma` does.
    """
    image = _open(content, name)
    if image.mode in SIXTEEN_BIT_MODES or image.mode == "L":
        return np.repeat(_grey(image)[..., None], 3, axis=2)
    values = np.asarray(image, dtype=np.int32)
    if image.mode == "RGB":
        return values / np.float64(255)
    opacity = values[..., 3:]
    return (opacity * values[..., :3] + (255 - opacity) * 255) / np.float64(255 * 255)


def luma(content: bytes, name: str) -> Float64[np.ndarray, "height width"]:
    """Decode the bytes of a PNG, JPEG or BMP file to luma in [0, 1]: 0.299 R + 0.587 G + 0.114 B.

    R, G and B are the stored, gamma-encoded values. A grey file keeps its values, with all bits of 16-bit
    ones; transparent pixels are laid over white.
    Caveat: colour with 16 bits per channel is read with 8, as Pillow does; colour profiles and tags of the
    orientation are not applied.
    Source: ITU-R recommendation BT.601-7, 2011.

    Args:
        content: the whole file.
        name: the file's name, for messages.

    Raises:
        ValueError: if it is no such file, or damaged or truncated, with the reason; or if Pillow is set to
            load truncated images, since it then fills what is missing with grey and says nothing.
    """
    return _grey(_open(content, name))


def is_opaque(content: bytes, name: str) -> bool:
    """Say whether no pixel of a PNG, JPEG or BMP file is transparent; errors are those of `luma`."""
    image = _open(content, name)
    return image.mode != "RGBA" or image.getchannel("A").getextrema() == (255, 255)


def _open(content: bytes, name: str) -> Image.Image:
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise ValueError(
            f"damage to image {name!r} would go unseen, because PIL.ImageFile.LOAD_TRUNCATED_IMAGES is set; "
            "set it to False"
        )
    try:
        return _decode(content)
    except UnidentifiedImageError as error:
        raise ValueError(f"image {name!r} cannot be read: it is not a PNG, JPEG or BMP file") from error
    # Pillow reports damage by errors of many types: OSError, SyntaxError, struct.error, zlib.error, others.
    except Exception as error:
        raise ValueError(f"image {name!r} cannot be read: {error}") from error


def _decode(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    image.load()
    if image.format == "BMP":
        _require_whole_bitmap(content, image.size)
    has_transparency = "transparency" in image.info or image.mode in ("LA", "PA", "RGBA")
    if image.mode in SIXTEEN_BIT_MODES or (image.mode == "L" and not has_transparency):
        return image
    return image.convert("RGBA" if has_transparency else "RGB")


def _require_whole_bitmap(content: bytes, size: tuple[int, int]) -> None:
    """Refuse a bitmap with more rows than its header announces: Pillow leaves them and says nothing."""
    places = ((10, 14), (14, 18), (28, 30), (30, 34))
    start, head, bits, packing = (int.from_bytes(content[slice(*place)], "little") for place in places)
    row = (size[0] * bits + 31) // 32 * 4
    # Neither the short header of OS/2, which has other places, nor lengths of runs.
    if head >= 40 and packing in (0, 3) and len(content) - start >= row * (size[1] + 1):
        raise ValueError(f"it holds more rows of pixels than the {size[1]} that its header announces")


def _grey(image: Image.Image) -> Float64[np.ndarray, "height width"]:
    if image.mode in SIXTEEN_BIT_MODES:
        return np.asarray(image) / np.float64(65535)
    values = np.asarray(image, dtype=np.int32)
    if image.mode == "L":
        return values / np.float64(255)
    # Whole numbers up to the one division: grey stored as colour gives the same bits as grey stored as grey.
    thousandths = 299 * values[..., 0] + 587 * values[..., 1] + 114 * values[..., 2]
    if image.mode == "RGB":
        return thousandths / np.float64(255 * 1000)
    opacity = values[..., 3]
    return (opacity * thousandths + (255 - opacity) * 255_000) / np.float64(255 * 255_000)
