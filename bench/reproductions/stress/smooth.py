"""Smooth energies that are hard to differentiate, each for one known reason."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ....problems import Blur, FieldsOfExperts, Identity, Lorentzian, LowerLevel, Photographs, Task, measure
from ....solvers import Budget
from .challenge import Challenge, along


def experts(name: str, why: str, task: Task, weight: float = 0.2) -> Challenge:
    """Make a fields-of-experts problem of a task on one crop of a photograph."""
    truth = Photographs().sample((6, 6), 1, 0)
    A, y = measure(task, truth, 0)
    filters = FieldsOfExperts.initial((6, 6), 0).filters[:3]
    experts = FieldsOfExperts(filters, jnp.full(3, weight))
    return Challenge(name, why, along(LowerLevel(A, y[0], experts), 3), 3, jnp.asarray(truth[0]), "smooth")


def unseen() -> Challenge:
    """Neither A (a derivative filter) nor the experts see a constant; theta moves the weights alone."""
    truth = jnp.asarray(Photographs().sample((6, 6), 1, 0)[0])
    A = Blur(jnp.asarray([[0.0, -1.0, 0.0], [0.0, 2.0, -1.0], [0.0, 0.0, 0.0]]))
    filters = FieldsOfExperts.initial((6, 6), 0).filters[:3]
    filters = filters - jnp.mean(filters, axis=(1, 2), keepdims=True)
    y = A(truth) + 0.05 * jnp.asarray(np.random.default_rng(2).normal(size=(6, 6)))

    def family(theta: Array) -> LowerLevel:
        return LowerLevel(A, y, FieldsOfExperts(filters, jnp.full(3, 0.2) + theta))

    why = "constants are invisible to A and to the regulariser, and the loss sees them"
    return Challenge("non-unique x*", why, family, 3, truth, "smooth")


def saddle() -> Challenge:
    """Constant images are a symmetric critical point; alternating ones descend from it.

    With the filter (1, -2) and the response r = -a of a constant a, phi''(r) = -1/4 at a = sqrt(3) scale, so
    that the Hessian's eigenvalues 1 + w phi'' |f^|^2 are 0.85 for constants and -0.35 for stripes. theta
    moves the weight and stripes of y.
    """
    potential = Lorentzian(scale=0.1)
    a, weight = 0.1 * 3**0.5, 0.6
    kernel = jnp.asarray([[[0.0, 0.0, 0.0], [0.0, 1.0, -2.0], [0.0, 0.0, 0.0]]])
    stripes = jnp.tile(jnp.asarray([1.0, -1.0]), (4, 2))
    y = jnp.full((4, 4), a + weight * float(potential.derivative(jnp.asarray(a))))
    target = y + 0.1 * jnp.asarray(np.random.default_rng(3).normal(size=(4, 4)))

    def family(theta: Array) -> LowerLevel:
        experts = FieldsOfExperts(kernel, weight + theta[:1], potential)
        return LowerLevel(Identity(), y + theta[1] * stripes, experts)

    why = "a nonconvex energy whose symmetric critical point is a saddle: the adjoint iteration expands"
    return Challenge("saddle", why, family, 2, target, "smooth", Budget(20_000, 1e-8, 20), 400)


def heavy(smooth: Challenge) -> Challenge:
    """Multiply the weights by a thousand."""
    family = smooth.family

    def heavier(theta: Array) -> LowerLevel:
        lower = family(theta)
        experts = lower.regularizer
        assert isinstance(experts, FieldsOfExperts)
        return lower.replace(regularizer=FieldsOfExperts(experts.filters, 1e3 * experts.weights))

    return smooth._replace(
        name="huge weight", why="weights of 200: the Hessian is badly conditioned", family=heavier
    )
