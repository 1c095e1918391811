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


class TriedRule(NamedTuple):
    """A rule under a name, and the solvers that it is tried with: on smooth energies, and on l1."""

    name: str
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

TRIED_RULES = (
    TriedRule("closed form, certified solver", ClosedForm(), l1=_CERTIFYING),
    TriedRule("closed form", ClosedForm()),
    TriedRule("closed form, iterative", ClosedForm(factored_up_to=0), l1=(Admm(),)),
    TriedRule("closed form, primal-dual", ClosedForm(), l1=(PrimalDual(),)),
    TriedRule("support-reduced", SupportReduced()),
    *(TriedRule(f"implicit, {name}", Implicit(linear)) for name, linear in _LINEAR.items()),
    TriedRule("implicit, default", Implicit()),
    TriedRule("implicit, one cg step", Implicit(Cg(max_steps=1))),
    TriedRule("implicit, cg, circulant", Implicit(Cg(), preconditioner=CirculantPreconditioner())),
    TriedRule("implicit, cg, damped", Implicit(Cg(), damping=0.01)),
    *(TriedRule(f"fixed point, {name}", Implicit(_LINEAR[name], on="fixed-point")) for name in _GENERAL),
    TriedRule("one step", OneStep()),
    TriedRule("phantom 5", Phantom(5)),
    TriedRule("phantom 50, undamped", Phantom(50, 1.0)),
    TriedRule("shine", Shine(), Lbfgs()),
    TriedRule("shine, 5 refinements", Shine(5), Lbfgs()),
    TriedRule("unrolled", Unrolled()),
    TriedRule("unrolled, last 20", Unrolled(last=20)),
    TriedRule("restarted 20", Restarted(20)),
    TriedRule("forward mode", ForwardMode()),
    TriedRule("finite differences", FiniteDifference()),
    TriedRule("spsa 64", Spsa(64)),
    TriedRule("jaxopt, implicit", JaxoptImplicit()),
    TriedRule("jaxopt, unrolled", JaxoptUnrolled()),
)
QUICK = ("implicit, cg", "implicit, one cg step", "fixed point, richardson", "one step", "closed form")
