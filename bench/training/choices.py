"""The choices of a training that are one of a few words; needs no JAX, so that the command line has them."""

from typing import Literal

FailedSteps = Literal["skip", "take"]
"""What becomes of a step whose solve or adjoint equation missed its tolerance."""
Keeping = Literal["projection", "exp", "softplus"]
"""What keeps a parameter in its range: the nearest value after every step, or a function of a free number."""
Schedule = Literal["constant", "cosine"]
"""How the learning rate goes: it stays, or falls along a cosine to 1%."""
Starts = Literal["warm", "cold"]
"""Where solves begin: at the pair's last solution, or at the solver's own start."""
