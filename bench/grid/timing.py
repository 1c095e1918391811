"""How the cases of a run are timed and compiled; recorded, so that a later version can do it again."""

from dataclasses import replace
from typing import Self

from pydantic import BaseModel, ConfigDict

from .clock_settings import ClockSettings
from .suites import Suite


class Timing(BaseModel):
    """Hold the settings of the clock and of the compiler that all cases of a run share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clock: ClockSettings
    compiler_options: dict[str, int]
    """XLA's, where they are not its defaults."""

    @classmethod
    def of(cls, suite: Suite, rounds: int | None) -> Self:
        """Return the suite's settings; `rounds`, unless null, is exactly how many timing rounds there are."""
        clock = suite.clock
        if rounds is not None:
            clock = replace(clock, rounds_min=rounds, rounds_max=rounds)
        return cls(clock=clock, compiler_options=dict(suite.compiler_options))

    def compiled(self, suite: Suite) -> Suite:
        """Return the suite with these compiler options in place of its own."""
        return replace(suite, compiler_options=tuple(self.compiler_options.items()))

    def sentence(self) -> str:
        """Say in one line what the settings are."""
        clock = self.clock
        if clock.rounds_min == clock.rounds_max:
            rounds = f"exactly {clock.rounds_min} rounds"
        else:
            rounds = f"{clock.rounds_min} to {clock.rounds_max} rounds within {clock.seconds:g} s"
        options = ", ".join(f"{name}={value}" for name, value in self.compiler_options.items())
        return (
            f"{rounds}, warm-up calls: {clock.warmup}, limit of one call: {clock.limit_seconds:g} s, "
            f"least sample: {clock.sample_seconds:g} s, compiler options: {options or 'none'}"
        )
