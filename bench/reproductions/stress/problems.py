"""Small lower levels that are hard to differentiate, each for one known reason."""

import functools

import numpy as np

from ....problems import Deconvolution, Denoising, Inpainting
from ....solvers import Budget
from .challenge import Challenge, in_float32
from .edges import (
    equal_columns,
    equal_columns_unseen,
    in_other_units,
    nothing_measured,
    unmeasured_experts,
    unmeasured_l1,
    zero_weight,
)
from .l1 import hinge, l1, total_variation, unseen_l1, weighted
from .smooth import experts, heavy, saddle, unseen

CONTROLS = ("smooth control", "l1 control")


@functools.cache
def challenges() -> tuple[Challenge, ...]:
    """Make all of them; the first of each kind is the control, where nothing is hard."""
    smooth = experts("smooth control", "nothing: fields of experts, denoising, 6 x 6", Denoising())
    blur = Deconvolution(size=5, width=1.5, noise=0.01)
    flat = experts(
        "flat energy", "deconvolution that may stop at a residual of 1e-4, and does", blur, weight=1e-3
    )
    few = smooth._replace(
        name="few steps",
        why="five steps of the solver",
        budget=Budget(5, 1e-10, 5),
        steps=5,
        base=smooth.name,
    )
    single = in_float32(smooth)._replace(name="float32", why="the same, in float32, tolerance 3e-6")
    tiny = smooth._replace(name="tiny loss", why="the loss times 1e-200", scale=1e-200, base=smooth.name)
    tiny32 = single._replace(name="tiny loss, float32", why="the loss times 1e-25", scale=1e-25)
    plain = l1("l1 control", "nothing: l1 denoising, n = 12", Denoising())
    inpainting = l1(
        "l1 inpainting", "an iterate that may stop at a residual of 1e-4, and does", Inpainting(), length=32
    )
    zero = weighted("l1, x* = 0", "a weight of 10 on every entry: x* = 0", np.eye(6), 10.0)
    return (
        smooth,
        few,
        tiny,
        single,
        tiny32,
        unseen(),
        saddle(),
        in_float32(saddle())._replace(name="saddle, float32", why="the same in float32, tolerance 3e-6"),
        flat._replace(budget=Budget(20_000, 1e-4, 1), steps=300),
        in_float32(flat)._replace(
            name="flat energy, float32", why="deconvolution in float32, tolerance 3e-6"
        ),
        heavy(smooth),
        nothing_measured("nothing measured", unmeasured_experts()),
        plain,
        plain._replace(name="l1, tiny loss", why="the loss times 1e-200", scale=1e-200, base=plain.name),
        in_float32(plain)._replace(name="l1, float32", why="the same, in float32, tolerance 3e-6"),
        in_float32(plain)._replace(name="l1, tiny loss, float32", why="the loss times 1e-25", scale=1e-25),
        unseen_l1(),
        total_variation(),
        hinge(),
        inpainting._replace(budget=Budget(20_000, 1e-4, 1), steps=300),
        inpainting._replace(
            name="l1 inpainting, tiny loss", why="the loss times 1e-200", scale=1e-200, base=inpainting.name
        ),
        zero,
        weighted(
            "l1, W x* = 0", "a weight of 10 on differences: x* is the mean", np.diff(np.eye(6), axis=0), 10.0
        ),
        zero_weight(),
        in_other_units(plain, "l1, A = 100 I", 100.0),
        in_other_units(plain, "l1, A = I / 100", 0.01),
        equal_columns(),
        equal_columns_unseen(),
        nothing_measured("l1, nothing measured", unmeasured_l1()),
    )


def named(name: str) -> Challenge:
    """Return a problem by name."""
    return next(one for one in challenges() if one.name == name)
