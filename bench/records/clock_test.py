"""How the clock did in its own test."""

from pydantic import BaseModel, ConfigDict

LEAST_SHARE = 0.5
"""A clock that does not wait charges a hundredth; what else a machine does moves the share by far less."""


class ClockTest(BaseModel):
    """Hold what the clock charged for work of known length, begun by a call that returns before its end.

    Caveat: where a device computes before the call returns (`returned_seconds` near `work_seconds`), no clock
    can be fooled, and the test says nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    work_seconds: float
    """Seconds of the work by a wait of its own; the least of two."""
    returned_seconds: float
    """Seconds after which the call had returned; the least of two."""
    charged_seconds: float | None
    """What the clock charged, in seconds, the median of two rounds; null if the call failed."""
    charged_share: float | None
    """Charged over work; about 1 is right, and below 0.5 the clock stops before results are ready."""
    created: str
    """ISO 8601, UTC."""

    @property
    def fault(self) -> str:
        """Say in a sentence how the clock fails; empty if it does not."""
        if self.charged_share is not None and self.charged_share >= LEAST_SHARE:
            return ""
        charged = "nothing" if self.charged_seconds is None else f"{self.charged_seconds:.3g} s"
        return (
            f"the clock failed its self-test of {self.created}: it charged {charged} for work of "
            f"{self.work_seconds:.3g} s. It stops before results are ready, and no time that was measured "
            "then can be trusted"
        )
