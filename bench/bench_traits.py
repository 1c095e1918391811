"""What the bench has to know of a method that is no business of the library's."""

from typing import Protocol, runtime_checkable

from ..hypergrad.method import Method
from ..hypergrad.rules.finite_difference import FiniteDifference
from ..hypergrad.rules.forward_mode import ForwardMode
from ..hypergrad.rules.spsa import Spsa
from ..problems.values.traits import traits


@traits
class BenchTraits:
    """Say how a method is checked and measured.

    Attributes:
        granted_error: relative error in float64 that the conformance checks grant an exact method with a
            generous budget; more than the default where that is out of its reach.
        costly: whether a gradient takes many solves, or one for each parameter; the conformance checks then
            meet it on one problem.
        in_a_child: whether it runs in another process, whose memory the compiler does not know.
    """

    granted_error: float = 1e-6
    costly: bool = False
    in_a_child: bool = False


@runtime_checkable
class BenchedMethod(Protocol):
    """A method that says itself how it is checked and measured: a contender, or a plug-in's."""

    @property
    def bench_traits(self) -> BenchTraits:
        """What the bench has to know."""
        ...


# The library does not import the bench, so that its own rules stand here.
_OF_LIBRARY: dict[type, BenchTraits] = {
    FiniteDifference: BenchTraits(granted_error=1e-4, costly=True),
    ForwardMode: BenchTraits(costly=True),
    Spsa: BenchTraits(costly=True),
}


def bench_traits_of(method: Method) -> BenchTraits:
    """Return what the bench has to know of a method; the defaults where nobody says anything."""
    if isinstance(method, BenchedMethod):
        return method.bench_traits
    return _OF_LIBRARY.get(type(method), BenchTraits())
