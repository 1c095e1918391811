"""What a program does and holds, and how long a device of few figures takes for it."""

from dataclasses import dataclass

Number = float | int
"""A count or a figure: a whole one too."""


@dataclass(frozen=True)
class ProgramWork:
    """Count what a program does.

    Attributes:
        flops: floating-point operations.
        moved_bytes: read from memory and written to it, every operand and every result once.
        loops: turns of loops, those inside of others too.
        calls: programs that are started.
    """

    flops: Number = 0.0
    moved_bytes: Number = 0.0
    loops: Number = 0.0
    calls: Number = 0.0

    def __add__(self, other: "ProgramWork") -> "ProgramWork":
        """Return both, one after the other."""
        return ProgramWork(
            self.flops + other.flops,
            self.moved_bytes + other.moved_bytes,
            self.loops + other.loops,
            self.calls + other.calls,
        )

    def __rmul__(self, count: Number) -> "ProgramWork":
        """Return it so many times."""
        return ProgramWork(
            count * self.flops, count * self.moved_bytes, count * self.loops, count * self.calls
        )

    @property
    def counts(self) -> tuple[Number, Number, Number, Number]:
        """The four counts, in the order of `DeviceFigures.prices`."""
        return (self.flops, self.moved_bytes, self.loops, self.calls)


KINDS = ("flop", "moved_byte", "loop", "call")
"""Of work, in the order in which `ProgramWork.counts` and `DeviceFigures.prices` have them."""
LOOP = ProgramWork(loops=1.0)
CALL = ProgramWork(calls=1.0)


@dataclass(frozen=True)
class ProgramCost:
    """What a program does, and the bytes that it holds at most: arguments, results and temporaries."""

    work: ProgramWork
    held_bytes: Number


@dataclass(frozen=True)
class DeviceFigures:
    """Describe a device by what one unit of each kind of work takes.

    The kinds are added, not overlapped: a sum is linear in the figures, so that measured times give them by
    least squares. Caveat: a device with a cache has more than one speed of memory.

    Attributes:
        flop: seconds per floating-point operation.
        moved_byte: seconds per byte.
        loop: seconds per turn of a loop, whatever is in it.
        call: seconds per program.
    """

    flop: Number
    moved_byte: Number
    loop: Number
    call: Number

    @property
    def prices(self) -> tuple[Number, Number, Number, Number]:
        """The four figures, in the order of `ProgramWork.counts`."""
        return (self.flop, self.moved_byte, self.loop, self.call)

    def seconds(self, work: ProgramWork) -> Number:
        """Return how long it takes."""
        return sum(price * count for price, count in zip(self.prices, work.counts, strict=True))
