"""Samples of registered operators and regularisers that no task's or regulariser's defaults reach."""

import dataclasses
from typing import get_args

import jax.numpy as jnp

from ...problems.analysis_l1 import AnalysisL1
from ...problems.blur import Blur
from ...problems.denoiser import Denoiser
from ...problems.dense import Dense
from ...problems.fields_of_experts import FieldsOfExperts
from ...problems.filter_bank import Boundary, FilterBank
from ...problems.gradient_step import GradientStep
from ...problems.identity import Identity
from ...problems.implicit_denoiser import ImplicitDenoiser
from ...problems.linear_operator import LinearOperator
from ...problems.mask import Mask
from ...problems.plug_and_play import PlugAndPlay
from ...problems.potentials import LogCosh, Lorentzian, PseudoHuber
from ...problems.red import Red
from ...problems.regularizer import Regularizer
from ...problems.scalar_potential import ScalarPotential
from ...problems.untied_experts import UntiedExperts
from .operators import normal

Shape = tuple[int, ...]


def operator_samples() -> dict[str, tuple[LinearOperator, Shape]]:
    """Return operators with random parameters and the shape of their signals, by label.

    Filters of even and odd size at every boundary, matrices with more and with fewer rows than columns,
    kernels of even size in one and two dimensions, a mask that is no indicator.
    """
    banks = {
        f"FilterBank, {size}x{size} filters, {boundary}": (
            FilterBank(normal((3, size, size), size), boundary),
            (7, 6),
        )
        for boundary in get_args(Boundary)
        for size in (2, 3)
    }
    return {
        "Identity": (Identity(), (5, 4)),
        "Dense, wide": (Dense(normal((5, 9), 0)), (9,)),
        "Dense, tall": (Dense(normal((9, 5), 0)), (5,)),
        "Mask, weights": (Mask(normal((5, 4), 0)), (5, 4)),
        "Blur, 4 taps": (Blur(normal((4,), 0)), (9,)),
        "Blur, 3x4 taps": (Blur(normal((3, 4), 0)), (6, 7)),
        **banks,
    }


def regularizer_samples() -> dict[str, tuple[Regularizer, Shape]]:
    """Return regularisers with other potentials, boundaries and weights than their defaults, by label."""
    shape = (6, 7)
    experts = FieldsOfExperts.initial(shape, 0)
    weights = jnp.linspace(0, 1, experts.weights.size, dtype=jnp.float64)
    untied = dataclasses.replace(UntiedExperts.initial(shape, 0), biases=0.1 * weights)
    return {
        **{
            f"FieldsOfExperts, {potential!r}": (dataclasses.replace(experts, potential=potential), shape)
            for potential in (PseudoHuber(), LogCosh(), Lorentzian(), LogCosh(scale=2.0))
        },
        "FieldsOfExperts, reflect": (dataclasses.replace(experts, boundary="reflect"), shape),
        "FieldsOfExperts, a weight a filter": (dataclasses.replace(experts, weights=weights), shape),
        "UntiedExperts, biases": (untied, shape),
        "UntiedExperts, LogCosh, zero": (
            dataclasses.replace(untied, potential=LogCosh(scale=0.01), boundary="zero", weights=weights),
            shape,
        ),
        **_colour_samples(),
        "AnalysisL1, a weight a filter": (AnalysisL1(experts.W, weights), shape),
        "AnalysisL1, a weight a row": (AnalysisL1(Dense(normal((4, 6), 0)), weights[:4]), (6,)),
    }


def _colour_samples() -> dict[str, tuple[Regularizer, Shape]]:
    """Return the regularisers made of a denoiser, on a colour image of odd sides."""
    shape, weight = (3, 5, 3), jnp.asarray(0.5, jnp.float64)
    denoiser, potential = Denoiser.shipped(shape), Denoiser.shipped(shape, "potential")
    return {
        "GradientStep, colour": (GradientStep(denoiser, weight), shape),
        "Red, colour": (Red(denoiser, weight), shape),
        "ScalarPotential, colour": (ScalarPotential(potential, weight), shape),
        "ImplicitDenoiser, colour": (ImplicitDenoiser(denoiser, weight), shape),
        "PlugAndPlay, colour": (PlugAndPlay(denoiser, weight), shape),
    }
