"""The regularisers that are trained: three with an energy, one without."""

from dataclasses import dataclass

import jax.numpy as jnp

from ....hypergrad import Implicit
from ....problems import Denoiser, GradientStep, ImplicitDenoiser, Red, ScalarPotential
from ....problems.networks.drunet import Drunet
from ....problems.networks.network import Parameters
from ....solvers import Anderson, Budget, Gmres, Minres
from ....solvers.solver import Solver
from ...training.settings import Goal
from .resting_energy import RestingEnergy

SIGMA = 0.05
"""The noise level that networks are told at first; it is trained too."""
MOST_STEPS = 100
RESTING, ZERO = 1e-6, 1e-4
"""Tolerances: of an energy that rests, and of an operator's relative norm where there is none."""
ADJOINT = 1e-2
"""Relative residual to which adjoint equations are solved."""
Trainable = GradientStep | Red | ScalarPotential | ImplicitDenoiser


@dataclass(frozen=True)
class ElderModel:
    """A kind of regulariser, and how its equilibrium is found and differentiated.

    Attributes:
        name: in words.
        kind: its class.
        goal: what its network is pre-trained for.
        explicit: whether it has an energy.
        solver: of the equilibrium.
        budget: of the solver.
        method: of the hypergradient, implicit.
    """

    name: str
    kind: type[Trainable]
    goal: Goal
    explicit: bool
    solver: Solver
    budget: Budget
    method: Implicit

    def regularizer(self, network: Drunet, parameters: Parameters, weight: float) -> Trainable:
        """Make the regulariser of a network, float32."""
        denoiser = Denoiser(parameters, jnp.asarray(SIGMA, jnp.float32), network)
        return self.kind(denoiser, jnp.asarray(weight, jnp.float32))


def _with_energy(name: str, kind: type[Trainable], goal: Goal) -> ElderModel:
    budget = Budget(MOST_STEPS, RESTING, check_every=1)
    return ElderModel(name, kind, goal, True, RestingEnergy(), budget, Implicit(Minres(100, ADJOINT)))


IMPLICIT = ElderModel(
    "no energy",
    ImplicitDenoiser,
    "denoiser",
    False,
    Anderson(),
    Budget(MOST_STEPS, ZERO, check_every=5),
    Implicit(Gmres(5, ADJOINT, restart=20)),
)
MODELS = (
    _with_energy("gradient step", GradientStep, "denoiser"),
    _with_energy("regularisation by denoising", Red, "denoiser"),
    _with_energy("scalar potential", ScalarPotential, "potential"),
    IMPLICIT,
)
EXPLICIT = tuple(one.name for one in MODELS if one.explicit)
