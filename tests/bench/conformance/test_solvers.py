"""Solvers that break a contract are found."""

import jax
import jax.numpy as jnp
import pytest

from findings import SMOOTH, failed
from hypergrad_bench.bench.conformance.solvers import check_solver, check_transformations
from hypergrad_bench.problems import configuration
from hypergrad_bench.solvers import (
    GradientDescent,
    Lbfgs,
    SolverTraits,
    gradient_residual,
)


@configuration
class Impostor:
    """Gradient descent with one contract broken, whichever `broken` names."""

    broken: str = ""
    traits = SolverTraits()

    def supports(self, lower):
        """Support what gradient descent does."""
        return GradientDescent().supports(lower)

    def init(self, lower):
        """Start as gradient descent does."""
        return GradientDescent().init(lower)

    def step(self, lower, state):
        """Step: elsewhere, hardly, in another layout, or twice under jit."""
        new = GradientDescent().step(lower, state)
        if self.broken == "biased":
            return new._replace(x=new.x + 1e-4)
        if self.broken == "lazy":
            return new._replace(x=state.x + 0.01 * (new.x - state.x))
        if self.broken == "widening":
            return new._replace(step_size=new.step_size.astype(jnp.float64))
        if self.broken == "impure" and isinstance(new.x, jax.core.Tracer):
            return GradientDescent().step(lower, new)
        return new

    def iterate(self, lower, state):
        """Read the iterate."""
        del lower
        return state.x

    def residual(self, lower, state):
        """Measure the gradient, or nothing."""
        true = gradient_residual(lower, state.x)
        return jnp.zeros_like(true) if self.broken in ("blind", "biased", "lazy") else true


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("", set()),
        ("biased", {"right solution", "residual sees the distance"}),
        ("lazy", {"right solution", "residual sees the distance", "solution is a fixed point"}),
        ("blind", {"residual sees the distance"}),
        ("widening", {"step keeps the state's layout, float32", "keeps float32"}),
        ("impure", {"jit changes nothing"}),
    ],
)
def test_solvers_that_do_not_conform(broken, expected) -> None:
    """Each defect is named."""
    solver = Impostor(broken)
    found = failed(check_solver("solver", solver, SMOOTH))
    assert expected <= found | failed(check_transformations("solver", solver, SMOOTH))
    assert bool(expected) or not found


@configuration
class Opaque:
    """L-BFGS that does not say that reverse mode cannot cross its step."""

    traits = SolverTraits()

    def supports(self, lower):
        """Support what L-BFGS does."""
        return Lbfgs().supports(lower)

    def init(self, lower):
        """Start as L-BFGS does."""
        return Lbfgs().init(lower)

    def step(self, lower, state):
        """Step as L-BFGS does."""
        return Lbfgs().step(lower, state)

    def iterate(self, lower, state):
        """Read the iterate."""
        return Lbfgs().iterate(lower, state)

    def residual(self, lower, state):
        """Measure the gradient."""
        return Lbfgs().residual(lower, state)


def test_a_solver_must_say_that_reverse_mode_cannot_cross_it() -> None:
    """Else unrolling would fail in the middle of a run."""
    assert failed(check_solver("solver", Opaque(), SMOOTH)) == {"reverse mode crosses the step"}
