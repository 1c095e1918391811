"""Every differentiation rule, with the variants that behave differently, and the solver it looks back at."""

from typing import NamedTuple

from ....hypergrad import (
    ClosedForm,
    FiniteDifference,
    ForwardMode,
    Implicit,
    OneStep,
    Phantom,
    Restarted,
    Shine,
    Spsa,
    SupportReduced,
    Unrolled,
)
from ....hypergrad.method import Method
from ....problems import LowerLevel
from ....solvers import (
    ActiveSet,
    Admm,
    AndersonRichardson,
    BiCgStab,
    Cg,
    CirculantPreconditioner,
    Dense,
    DualFista,
    Gmres,
    GradientDescent,
    Lbfgs,
    Minres,
    Neumann,
    NormalCg,
    PrimalDual,
    Richardson,
    Solver,
)
from ...contenders import JaxoptImplicit, JaxoptUnrolled


class Contestant(NamedTuple):
    """A rule under its label, and the solvers that it is tried with: on smooth energies, and on l1."""

    label: str
    method: Method
    smooth: Solver = GradientDescent()
    l1: tuple[Solver, ...] = (DualFista(), Admm())

    def solver(self, lower: LowerLevel, smooth: bool) -> Solver:
        """Return the first solver that supports the problem, or the last."""
        solvers = (self.smooth,) if smooth else self.l1
        return next((one for one in solvers if one.supports(lower) is None), solvers[-1])


_LINEAR = {
    "cg": Cg(),
    "minres": Minres(),
    "gmres": Gmres(),
    "bicgstab": BiCgStab(),
    "normal cg": NormalCg(),
    "richardson": Richardson(),
    "anderson": AndersonRichardson(),
    "neumann 50": Neumann(50),
    "dense": Dense(),
}
_GENERAL = ("gmres", "bicgstab", "normal cg", "richardson", "anderson", "neumann 50", "dense")
_CERTIFYING = (ActiveSet(),)

CONTESTANTS = (
    Contestant("closed form, certified solver", ClosedForm(), l1=_CERTIFYING),
    Contestant("closed form", ClosedForm()),
    Contestant("closed form, iterative", ClosedForm(factored_up_to=0), l1=(Admm(),)),
    Contestant("closed form, primal-dual", ClosedForm(), l1=(PrimalDual(),)),
    Contestant("support-reduced", SupportReduced()),
    *(Contestant(f"implicit, {name}", Implicit(linear)) for name, linear in _LINEAR.items()),
    Contestant("implicit, default", Implicit()),
    Contestant("implicit, one cg step", Implicit(Cg(max_steps=1))),
    Contestant("implicit, cg, circulant", Implicit(Cg(), preconditioner=CirculantPreconditioner())),
    Contestant("implicit, cg, damped", Implicit(Cg(), damping=0.01)),
    *(Contestant(f"fixed point, {name}", Implicit(_LINEAR[name], on="fixed-point")) for name in _GENERAL),
    Contestant("one step", OneStep()),
    Contestant("phantom 5", Phantom(5)),
    Contestant("phantom 50, undamped", Phantom(50, 1.0)),
    Contestant("shine", Shine(), Lbfgs()),
    Contestant("shine, 5 refinements", Shine(5), Lbfgs()),
    Contestant("unrolled", Unrolled()),
    Contestant("unrolled, last 20", Unrolled(last=20)),
    Contestant("restarted 20", Restarted(20)),
    Contestant("forward mode", ForwardMode()),
    Contestant("finite differences", FiniteDifference()),
    Contestant("spsa 64", Spsa(64)),
    Contestant("jaxopt, implicit", JaxoptImplicit()),
    Contestant("jaxopt, unrolled", JaxoptUnrolled()),
)
QUICK = ("implicit, cg", "implicit, one cg step", "fixed point, richardson", "one step", "closed form")
