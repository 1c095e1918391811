"""The problems that are certified: images, random operators, total variation on 4 x 4 pixels."""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ....hypergrad import random_directions
from ....problems import (
    AnalysisL1,
    Deconvolution,
    Denoising,
    Dense,
    Identity,
    Inpainting,
    LowerLevel,
    Photographs,
    PiecewiseConstant,
    Task,
    measure,
)
from ..training_pair import TrainingPair

Kind = Literal["image", "random A", "total variation"]

TASKS: dict[str, Task] = {
    "denoising": Denoising(),
    "inpainting": Inpainting(),
    "deconvolution": Deconvolution(),
}
WEIGHT_PER_NOISE = 0.2
LARGEST_DIFFERENCED = 128
SEEDS, LARGEST_OF_ALL_SEEDS = (0, 1, 2), 64
NEARBY = 1e-3
"""By how much of its norm W moves for a second solve."""
EVERYTHING = "all"
PARTS = {"W": "regularizer.W", "weight": "regularizer.weight", "y": "y", "A": "A"}
DIRECTIONS, LARGEST_OF_ALL_DIRECTIONS = 3, 64


@dataclass(frozen=True)
class CertifiedCase:
    """What is solved: `shape` is the image's, or that of a random A."""

    kind: Kind
    task: str
    shape: tuple[int, int]

    @property
    def name(self) -> str:
        """Task and size: "denoising 12 x 12"."""
        return f"{self.task} {self.size}"

    @property
    def size(self) -> str:
        """The shape as rows hold it."""
        return f"{self.shape[0]} x {self.shape[1]}"

    @property
    def seeds(self) -> tuple[int, ...]:
        """Draws of the problem: the first alone where a solve takes long."""
        return SEEDS if self.shape[0] <= LARGEST_OF_ALL_SEEDS else SEEDS[:1]

    @property
    def moves(self) -> tuple[str, ...]:
        """Along what differences are taken: everything at once, or parts apart; nothing where too large."""
        if self.kind == "random A":
            return tuple(PARTS)
        return (EVERYTHING,) if self.shape[0] <= LARGEST_DIFFERENCED else ()

    @property
    def directions(self) -> int:
        """Along how many directions differences are taken: one where every one takes minutes."""
        return DIRECTIONS if self.shape[0] <= LARGEST_OF_ALL_DIRECTIONS else 1


def all_cases(quick: bool) -> list[CertifiedCase]:
    """Return every case; with `quick` one of each kind."""
    sizes = (12,) if quick else (12, 16, 32, 64, 128, 256)
    tasks = ("inpainting",) if quick else tuple(TASKS)
    images = [CertifiedCase("image", task, (size, size)) for size in sizes for task in tasks]
    shapes = ((9, 12),) if quick else ((9, 12), (40, 64))
    random = [CertifiedCase("random A", "random A", shape) for shape in shapes]
    return [*images, *random, CertifiedCase("total variation", "total variation", (4, 4))]


def draw_pair(case: CertifiedCase, seed: int) -> TrainingPair:
    """Draw one problem of a case."""
    if case.kind == "image":
        return _image(TASKS[case.task], case.shape, seed)
    return _random_operator(case.shape, seed) if case.kind == "random A" else _total_variation(seed)


def nearby(lower: LowerLevel, seed: int) -> LowerLevel:
    """Move W along a random direction, by a thousandth of its norm."""
    directions = directions_of(lower, "W", seed, DIRECTIONS)

    def moved(leaf: Array, along: Array) -> Array:
        return leaf + NEARBY * jnp.linalg.norm(leaf.ravel()) * along[0]

    return jax.tree.map(moved, lower, directions)


def directions_of(lower: LowerLevel, moves: str, seed: int, count: int) -> LowerLevel:
    """Draw unit directions that move everything, or one part alone."""
    directions = random_directions(lower, count, seed, ("A", "y", "regularizer"))
    if moves == EVERYTHING:
        return directions

    def keep(path: tuple[object, ...], leaf: Array) -> Array:
        name = "".join(map(str, path)).lstrip(".")
        return leaf if name.startswith(PARTS[moves]) else jnp.zeros_like(leaf)

    kept = jax.tree_util.tree_map_with_path(keep, directions)
    squares = sum(jnp.sum(jnp.square(leaf.reshape(count, -1)), axis=1) for leaf in jax.tree.leaves(kept))
    norms = jnp.sqrt(jnp.asarray(squares))
    return jax.tree.map(lambda leaf: leaf / norms.reshape((-1,) + (1,) * (leaf.ndim - 1)), kept)


def _image(task: Task, shape: tuple[int, int], seed: int) -> TrainingPair:
    truths = Photographs().sample(shape, 1, seed)
    A, y = measure(task, truths, seed)
    weight = jnp.asarray(WEIGHT_PER_NOISE * task.noise)
    regularizer = AnalysisL1(AnalysisL1.initial(shape, seed).W, weight)
    return TrainingPair(LowerLevel(A, y[0], regularizer), jnp.asarray(truths[0]))


def _random_operator(shape: tuple[int, int], seed: int) -> TrainingPair:
    """Measure a piecewise-constant signal of n samples m times, A normal with columns of norm about one."""
    generator = np.random.default_rng([seed, 7])
    truth = PiecewiseConstant().sample((shape[1],), 1, seed)[0]
    matrix = generator.normal(size=shape) / np.sqrt(shape[0])
    y = matrix @ truth + 0.05 * generator.normal(size=shape[0])
    regularizer = AnalysisL1(AnalysisL1.initial((shape[1],), seed).W, jnp.asarray(0.05))
    return TrainingPair(
        LowerLevel(Dense(jnp.asarray(matrix)), jnp.asarray(y), regularizer), jnp.asarray(truth)
    )


def _total_variation(seed: int) -> TrainingPair:
    """Denoise two flat halves of an image by all 24 differences of neighbours, which are dependent."""
    truth = np.repeat([0.0, 1.0], 2)[None, :].repeat(4, axis=0).ravel()
    y = truth + 0.1 * np.random.default_rng([seed, 8]).normal(size=16)
    difference, unit = np.diff(np.eye(4), axis=0), np.eye(4)
    W = np.concatenate([np.kron(difference, unit), np.kron(unit, difference)])
    regularizer = AnalysisL1(Dense(jnp.asarray(W)), jnp.asarray(0.2))
    return TrainingPair(LowerLevel(Identity(), jnp.asarray(y), regularizer), jnp.asarray(truth))
