"""Colour images: two axes of space and a last one of three channels."""

CHANNELS = 3


def spatial_shape(shape: tuple[int, ...], axes: int) -> tuple[int, ...] | None:
    """Return the sizes along the axes of space; None if there are not `axes` of them.

    A colour image (h, w, 3) has two axes of space; signals (n,) and grey images (h, w) have no others.
    """
    if len(shape) == axes or (axes == 2 and is_colour(shape)):
        return tuple(shape[:axes])
    return None


def is_colour(shape: tuple[int, ...]) -> bool:
    """Say whether `shape` is that of a colour image, (h, w, 3)."""
    return len(shape) == 3 and shape[-1] == CHANNELS


def require_grey(what: str, shape: tuple[int, ...]) -> None:
    """Raise `ValueError` unless `shape` is that of a grey image."""
    if len(shape) != 2:
        raise ValueError(f"{what} needs a grey image (h, w); got shape {tuple(shape)}")
