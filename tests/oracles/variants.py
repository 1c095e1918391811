"""Operators and regularisers with settings that neither their defaults nor their examples have."""

import dataclasses
from typing import Any, get_args

import jax.numpy as jnp

from hypergrad_bench.problems.arrays.normal import normal
from hypergrad_bench.problems.linear_operator import LinearOperator
from hypergrad_bench.problems.operators.convolution_chain import initial_chain
from hypergrad_bench.problems.operators.decimated_blur import DecimatedBlur
from hypergrad_bench.problems.operators.dense import Dense
from hypergrad_bench.problems.operators.filter_bank import Boundary, FilterBank
from hypergrad_bench.problems.operators.masked_fourier import MaskedFourier
from hypergrad_bench.problems.operators.wavelet_transform import WaveletTransform
from hypergrad_bench.problems.regularizer import Regularizer
from hypergrad_bench.problems.regularizers.denoisers.denoiser import Denoiser
from hypergrad_bench.problems.regularizers.denoisers.gradient_step import GradientStep
from hypergrad_bench.problems.regularizers.denoisers.implicit_denoiser import ImplicitDenoiser
from hypergrad_bench.problems.regularizers.denoisers.plug_and_play import PlugAndPlay
from hypergrad_bench.problems.regularizers.denoisers.red import Red
from hypergrad_bench.problems.regularizers.denoisers.scalar_potential import ScalarPotential
from hypergrad_bench.problems.regularizers.experts.fields_of_experts import FieldsOfExperts
from hypergrad_bench.problems.regularizers.experts.potentials import LogCosh
from hypergrad_bench.problems.regularizers.experts.untied_experts import UntiedExperts
from hypergrad_bench.problems.regularizers.input_convex_network import InputConvexNetwork
from hypergrad_bench.problems.regularizers.ridge.convex_ridge import ConvexRidge
from hypergrad_bench.problems.regularizers.ridge.weakly_convex_ridge import WeaklyConvexRidge
from hypergrad_bench.problems.regularizers.sparse.analysis_l1 import AnalysisL1
from hypergrad_bench.problems.regularizers.sparse.total_variation import total_variation
from hypergrad_bench.problems.regularizers.sparse.wavelet_l1 import WaveletL1
from hypergrad_bench.problems.regularizers.sparse.wavelet_l12 import WaveletL12

Shape = tuple[int, ...]


def operators() -> dict[str, tuple[LinearOperator, Shape]]:
    """Return operators with random parameters and the shape of their signals, by label.

    Filters of even and odd size at every boundary, a matrix with more rows than columns, a decimation by an
    odd factor, a mask of lines.
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
        "Dense, tall": (Dense(normal((9, 5), 0)), (5,)),
        "DecimatedBlur, by 3": (DecimatedBlur(normal((4,), 0), factor=3), (12,)),
        "MaskedFourier, centred lines": (MaskedFourier(normal((6,), 0), centred=True), (5, 6)),
        "WaveletTransform, haar, colour": (WaveletTransform(2, "haar"), (4, 8, 3)),
        "FilterBank, colour": (FilterBank(normal((2, 3, 3), 0), "replicate"), (4, 5, 3)),
        **banks,
    }


def regularizers() -> dict[str, tuple[Regularizer, Shape]]:
    """Return regularisers with other potentials, boundaries and weights than their defaults, by label."""
    shape = (6, 7)
    experts = FieldsOfExperts.initial(shape, 0)
    weights = jnp.linspace(0, 1, experts.weights.size, dtype=jnp.float64)
    untied = dataclasses.replace(UntiedExperts.initial(shape, 0), biases=0.1 * weights)
    return {
        "FieldsOfExperts, LogCosh(scale=2.0)": (
            dataclasses.replace(experts, potential=LogCosh(scale=2.0)),
            shape,
        ),
        "FieldsOfExperts, reflect": (dataclasses.replace(experts, boundary="reflect"), shape),
        "FieldsOfExperts, a weight per filter": (dataclasses.replace(experts, weights=weights), shape),
        "UntiedExperts, biases": (untied, shape),
        "UntiedExperts, LogCosh, zero": (
            dataclasses.replace(untied, potential=LogCosh(scale=0.01), boundary="zero", weights=weights),
            shape,
        ),
        "ConvexRidge, few filters": (_ridge(ConvexRidge), shape),
        "WeaklyConvexRidge, few filters": (_ridge(WeaklyConvexRidge), shape),
        "InputConvexNetwork, wide": (
            dataclasses.replace(InputConvexNetwork.initial(shape, 0), width=0.5),
            shape,
        ),
        "WaveletL1, haar, colour": (_haar(WaveletL1.initial((6, 4, 3), 0)), (6, 4, 3)),
        "WaveletL12, bands, colour": (WaveletL12.initial((4, 4), 0), (4, 8, 3)),
        **_colour_samples(),
        "AnalysisL1, a weight per filter": (AnalysisL1(experts.W, weights), shape),
        "AnalysisL1, a weight per row": (AnalysisL1(Dense(normal((4, 6), 0)), weights[:4]), (6,)),
        "AnalysisL1, wavelets": (AnalysisL1(WaveletTransform(1), jnp.abs(normal((4, 6), 0))), (4, 6)),
        "Total variation, isotropic": (total_variation(0.1, isotropic=True), (4, 5)),
        "Total variation, a map, colour": (total_variation(jnp.abs(normal((2, 4, 5), 0))), (4, 5, 3)),
    }


def _ridge(cls: Any) -> Any:
    """Return a ridge regulariser with few small filters, every parameter away from its start."""
    return cls(
        alpha=jnp.asarray(-0.5),
        scale=jnp.asarray(0.4),
        beta=jnp.asarray(1.2),
        scaling=jnp.linspace(0.5, 1.5, 5),
        W=initial_chain(0, (2, 3, 5), 3),
    )


def _haar(regularizer: WaveletL1) -> WaveletL1:
    """Return it with Haar's wavelet and a weight of its own for each scale, band and channel."""
    detail = jnp.linspace(-4, 0, regularizer.detail.size).reshape(regularizer.detail.shape)
    return dataclasses.replace(regularizer, detail=detail, wavelet="haar")


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
