"""What a user asks for: a suite, narrowed and changed by options; stored with the run and read on resume."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MOST_ROUNDS = 10_000
"""Timing rounds at most: quartiles of more say nothing new, and a run would not end."""

MOST_STEPS = 2**31 - 1
"""Steps at most: they are counted in 32 bits."""
MOST_SEEDS = 10_000
"""More would take days, and the plan alone hours: a slip, or a damaged file."""


class Selection(BaseModel):
    """Narrow a suite to some names (none means all), and replace some of its settings (None keeps them)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suite: str = "default"
    tasks: tuple[str, ...] = ()
    regularizers: tuple[str, ...] = ()
    solvers: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    data: str | None = None
    images: Path | None = None
    plugins: tuple[Path, ...] = ()
    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)] | None = None
    batch: Annotated[int, Field(ge=1)] | None = None
    noise: float | None = None
    weight: float | None = None
    max_steps: Annotated[int, Field(le=MOST_STEPS)] | None = None
    tolerance: float | None = None
    rounds: Annotated[int, Field(ge=1, le=MOST_ROUNDS)] | None = None
    save_arrays: bool = False
