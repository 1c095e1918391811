"""Pictures in a page: figures, what was restored, and filters that were learned."""

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.figure import Figure

from ..records.durable import refuse_special
from ..records.record import Record
from ..records.status import Status
from ..report.columns import scientific
from ..report.tables import by_problem, unbracketed
from .blocks import Drawing, Words

MOST_RESTORED = 12
MOST_FILTERS = 64


def drawing_of(heading: str, alt: str, figure: Figure) -> Drawing:
    """Return a figure as it stands in a page."""
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=120, metadata={"Software": None}, facecolor="white")
    return Drawing(heading, alt, base64.b64encode(content.getvalue()).decode())


def restored_pictures(records: Sequence[Record], arrays: Path) -> list[Drawing | Words]:
    """Return truth, measurement, solution and its error on each image problem whose arrays were saved.

    Each by the least wrong record that is ok; of more than 12 problems the first. Arrays that cannot be read
    are named.
    """
    pictures: list[Drawing | Words] = []
    for problem, group in by_problem(records).items():
        if "x" not in problem.size or len(pictures) == MOST_RESTORED:
            continue
        known = [one for one in group if one.status is Status.OK and one.relative_error is not None]
        saved = [one for one in known if (arrays / f"{one.id}.npz").exists()]
        if saved:
            best = min(saved, key=lambda one: one.relative_error or 0.0)
            path = arrays / f"{best.id}.npz"
            try:
                pictures += _restored(problem.title(), best, path)
            # The file may be anybody's, and damage shows as errors of many types.
            except Exception as error:
                pictures.append(Words(f"{path} cannot be read: {error}", "Warning", warning=True))
    return pictures


def filter_picture(regularizer: Any) -> Drawing | None:
    """Return the filters of a regulariser, each by its own scale; None if it has none that are images."""
    leaves = jax.tree_util.tree_leaves_with_path(regularizer)
    banks = [np.asarray(leaf) for path, leaf in leaves if jax.tree_util.keystr(path).endswith(".filters")]
    bank = next((one for one in banks if one.ndim == 3 and min(one.shape) > 0), None)
    if bank is None:
        return None
    shown = bank[:MOST_FILTERS]
    size = f"{bank.shape[1]} x {bank.shape[2]}"
    alt = f"{len(shown)} of {len(bank)} learned filters of {size}, from black to white"
    return drawing_of("Learned filters", alt, _grid(shown))


def _restored(title: str, record: Record, path: Path) -> list[Drawing]:
    refuse_special(path)
    with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
        held: dict[str, Shaped[np.ndarray, "..."]] = {name: saved[name] for name in saved.files}
    images = _images(held)
    if images is None:
        return []
    method = f"{unbracketed(record.method)} with {unbracketed(record.solver)}"
    heading = f"{title}: {method}, record {record.id}"
    error = scientific(record.relative_error or 0.0)
    alt = f"{', '.join(images)} of {title}; the hypergradient's error is {error}"
    return [drawing_of(heading, alt, _row(images))]


def _images(held: Mapping[str, Shaped[np.ndarray, "..."]]) -> dict[str, Float[np.ndarray, "h w *c"]] | None:
    """Return the first image of a batch in all its states; the measurement only where it is an image."""
    if "x" not in held or "inputs.truths" not in held:
        return None
    x, truth = held["x"][0], held["inputs.truths"][0]
    found = {"truth": truth}
    if "inputs.y" in held and held["inputs.y"][0].shape == truth.shape and held["inputs.y"].dtype.kind == "f":
        found["measurement"] = held["inputs.y"][0]
    return found | {"solution": x, "error": np.abs(x - truth)}


def _row(images: Mapping[str, Float[np.ndarray, "h w *c"]]) -> Figure:
    figure = Figure(figsize=(2.6 * len(images), 2.9), layout="constrained")
    for axes, (name, image) in zip(figure.subplots(1, len(images)), images.items(), strict=True):
        most = max(float(image.max()), 1e-12) if name == "error" else 1.0
        axes.imshow(np.clip(image / most, 0, 1), cmap="gray", vmin=0, vmax=1)
        axes.set_title(f"error, white is {most:.2g}" if name == "error" else name, fontsize=9)
        axes.set_axis_off()
    return figure


def _grid(bank: Float[np.ndarray, "k h w"]) -> Figure:
    columns = min(8, len(bank))
    rows = -(-len(bank) // columns)
    figure = Figure(figsize=(0.9 * columns, 0.9 * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for number, axes in enumerate(places):
        axes.set_axis_off()
        if number < len(bank):
            most = max(float(np.abs(bank[number]).max()), 1e-12)
            axes.imshow(bank[number], cmap="gray", vmin=-most, vmax=most)
    return figure
