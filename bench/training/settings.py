"""What decides the result of a training."""

from dataclasses import dataclass
from typing import Literal

Goal = Literal["denoiser", "potential"]


@dataclass(frozen=True)
class Training:
    """Settings of a training run: what decides its result.

    Attributes:
        goal: "denoiser" trains N(y) to be the image, "potential" trains y - J_N(y)^T 1 to be it.
        steps: of Adam, at a rate that rises over the first 100 and falls along a cosine to 1% of `rate`.
        batch: crops per step, of `side` pixels along each side, half of them at each of scales 1 and 2.
        sigma: standard deviations of the noise are drawn from 0 to this, one per crop.
        seed: of start, crops and noise.
    """

    goal: Goal = "denoiser"
    steps: int = 1600
    batch: int = 8
    side: int = 48
    rate: float = 2e-3
    sigma: float = 0.2
    seed: int = 0
