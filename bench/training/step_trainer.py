"""What every way to train offers to the folder that it runs in."""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Array, Int

from .pairs import Pairs
from .training_step import Measures


@runtime_checkable
class StepState(Protocol):
    """What a training goes on from: a pytree of arrays, all of which a checkpoint holds."""

    @property
    def step(self) -> Int[Array, ""]:
        """Steps made, whether they were taken or failed."""
        ...

    @property
    def ended(self) -> Int[Array, ""]:
        """GOING_ON, DIVERGED or STUCK."""
        ...


@runtime_checkable
class StepTrainer(Protocol):
    """Train a regulariser step by step; `Trainer` by an optimiser, `LevelTrainer` by an upper level."""

    @property
    def pairs(self) -> Pairs:
        """What is trained on."""
        ...

    @property
    def patience(self) -> int:
        """How many steps in a row may fail before the training ends."""
        ...

    def keeping(self) -> dict[str, str]:
        """Say of every parameter, by its name, how it is kept in its range."""
        ...

    def start(self) -> Any:
        """Return the state before the first step; raise `ValueError` for what does not fit together."""
        ...

    def compile(self, state: Any) -> None:
        """Compile the loop of steps."""
        ...

    def advance(self, state: Any, steps: int) -> tuple[Any, Measures]:
        """Make up to so many steps, and return what is known of those that were made."""
        ...

    def learned(self, state: Any) -> Any:
        """Return the regulariser that a state holds, the last good one where training did not go on."""
        ...

    def placed(self, state: Any) -> Any:
        """Return a state that was read from a file, where this training can use it."""
        ...
