"""What a user asks for: a suite, narrowed and changed by options; stored with the run and read on resume."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from .limits import MOST_ROUNDS, MOST_SEEDS, MOST_STEPS


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
