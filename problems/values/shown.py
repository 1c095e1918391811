"""What a notebook shows of a value: its facts as a table, its image as a picture."""

import base64
from collections.abc import Mapping
from html import escape
from io import BytesIO

import numpy as np
from jaxtyping import Float


def facts_html(heading: str, facts: Mapping[str, object]) -> str:
    """Return facts as an HTML table of two columns; names and values are text in it."""
    lines = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(value))}</td></tr>'
        for name, value in facts.items()
    )
    return f"<table><caption>{escape(heading)}</caption><tbody>{lines}</tbody></table>"


def picture_html(alt: str, image: Float[np.ndarray, "h w"] | Float[np.ndarray, "h w 3"]) -> str:
    """Return an image as HTML, from black at its smallest value to white; what is not finite is black."""
    from PIL import Image  # here: few programs show a picture

    finite = image[np.isfinite(image)]
    # Halves: the range of the largest numbers is none.
    low, high = (finite.min() / 2, finite.max() / 2) if finite.size else (0.0, 1.0)
    grey = np.where(
        np.isfinite(image), (np.where(np.isfinite(image), image, 0) / 2 - low) / (high - low or 1), 0
    )
    content = BytesIO()
    Image.fromarray(np.round(255 * grey).astype(np.uint8)).save(content, format="PNG")
    encoded = base64.b64encode(content.getvalue()).decode()
    # Small images are shown larger, with their pixels.
    width = image.shape[1] * max(1, 192 // max(image.shape[:2]))
    return (
        f'<img src="data:image/png;base64,{encoded}" alt="{escape(alt)}" width="{width}" '
        'style="image-rendering: pixelated">'
    )
