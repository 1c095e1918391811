"""What the checked models say of sizes that nobody here can measure."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from . import analysis_costs, network_costs, smooth_costs
from .curve_checks import CurveCheck, MethodErrors
from .figure_fit import Misjudged, own_factors
from .filter_problem import FilterProblem
from .network_costs import NetworkProblem, dncnn
from .program_cost import DeviceFigures, Number, ProgramCost
from .reproduced_points import KERNEL_REACH
from .smooth_costs import Effort, SmoothCost, directions_bytes

MEGAPIXELS = 10_000_000
LARGEST_MEASURED = Effort(steps=260, adjoint_steps=500)
"""ADMM's steps to 1e-5 at 1024 x 1024, and the limit of the adjoint iteration, which it met at every size."""
EXPERTS = Effort(steps=30, adjoint_steps=18)
"""Nesterov's and conjugate gradients' steps to 1e-10, which were the same from 16 x 16 to 64 x 64."""
UNROLLED_STEPS, SEGMENT = 300, 17
NETWORK = dncnn(17, 86)
"""A DnCNN of a million parameters."""
CROPS = NetworkProblem(NETWORK, 256 * 256, batch=8)
EQUILIBRIUM = Effort(steps=50, adjoint_steps=50)


class FarPrediction(NamedTuple):
    """What one program would need.

    Attributes:
        method: in words.
        seconds: None where seconds were not checked.
        seconds_within: the factor that the check gives: up to so many times as much, or as little.
        held_bytes: of the program.
        held_within: likewise.
        beside_bytes: that the compiler's figure leaves out, and that have to be held too.
    """

    method: str
    seconds: Number | None
    seconds_within: Number | None
    held_bytes: Number
    held_within: Number
    beside_bytes: Number = 0.0

    def fits(self, limit: Number) -> str:
        """Say whether it fits into so many bytes, by its range."""
        least = self.held_bytes / self.held_within + self.beside_bytes
        most = self.held_bytes * self.held_within + self.beside_bytes
        return "yes" if most <= limit else "no" if least > limit else "perhaps"


def large_image(checks: Mapping[str, CurveCheck]) -> list[FarPrediction]:
    """Predict l1 hypergradients of ten million pixels, from figures of 512 x 512, checked on 1024 x 1024."""
    check, factor = checks["images, 512 to 1024"], checks["factors, 64 and 128 to 1024"]
    problem = FilterProblem(MEGAPIXELS)
    blurred = FilterProblem(MEGAPIXELS, task="deconvolution")
    unrolled = Effort(UNROLLED_STEPS, every=SEGMENT)
    rows = [
        ("solve alone, ADMM", analysis_costs.admm(problem, LARGEST_MEASURED)),
        ("closed form, conjugate gradients", analysis_costs.closed_form_iterated(problem, LARGEST_MEASURED)),
        ("closed form, MINRES", analysis_costs.closed_form_iterated(blurred, LARGEST_MEASURED)),
        ("unrolled, checkpoints", analysis_costs.unrolled_checkpoints(problem, unrolled)),
        ("unrolled", analysis_costs.unrolled(problem, unrolled)),
    ]
    predictions = [_scaled(method, cost, check) for method, cost in rows]
    for task, reach in (("denoising", problem.side - 1), ("deconvolution", KERNEL_REACH)):
        cost = analysis_costs.closed_form_factorised(FilterProblem(MEGAPIXELS, task=task), reach)
        predictions.append(_scaled(f"closed form, factorised, {task}", cost, factor))
    return predictions


def large_experts(checks: Mapping[str, CurveCheck]) -> list[FarPrediction]:
    """Predict hypergradients of fields of experts on as many pixels.

    Seconds come from the figures of large l1 problems, since those of small ones are a cache's; the errors of
    both checks multiply.
    """
    every, far = checks["experts, 16 to 32"], checks["images, 512 to 1024"]
    device = far.device
    assert device is not None
    apart = max(one.seconds.worst for one in far.errors().values() if one.seconds is not None)
    errors, factors = every.errors(), own_factors(every.known, None)
    problem, effort = FilterProblem(MEGAPIXELS), EXPERTS
    unrolled = Effort(effort.steps, every=math.isqrt(int(effort.steps)))
    rows: list[tuple[str, SmoothCost, Effort]] = [
        ("one step", smooth_costs.one_step, effort),
        ("implicit, conjugate gradients", smooth_costs.implicit_cg, effort),
        ("phantom", smooth_costs.phantom, Effort(effort.steps, 5)),
        ("unrolled, recursive checkpoints", smooth_costs.unrolled_recursive, unrolled),
        ("unrolled", smooth_costs.unrolled, unrolled),
        ("SPSA", smooth_costs.spsa, effort),
        ("finite differences", smooth_costs.finite_difference, effort),
        ("forward mode", smooth_costs.forward_mode, effort),
        ("implicit, dense", smooth_costs.implicit_dense, effort),
    ]
    predictions = []
    for method, rule, one in rows:
        cost = rule(problem, one)
        beside = 0.0
        if method in ("finite differences", "forward mode"):
            leaves = problem.pixels + problem.parameters
            beside = directions_bytes(problem.parameters, leaves, problem.itemsize)
        predictions.append(
            FarPrediction(
                method,
                device.seconds(cost.work),
                apart * _worst(errors[method].seconds),
                factors[method] * cost.held_bytes,
                _worst(errors[method].held_scaled),
                beside,
            )
        )
    return predictions


def large_network(checks: Mapping[str, CurveCheck]) -> list[FarPrediction]:
    """Predict hypergradients by a million parameters of a network in the place of a proximal operator."""
    timed, weighed = checks["network, solve to gradient"], checks["network, 10 to 1000 steps"]
    device = timed.device
    assert device is not None
    once = timed.errors()["implicit, network"]
    within, larger = _worst(once.seconds), _worst(once.held)
    errors = weighed.errors()
    rows = [
        ("one step", network_costs.one_step, "one step"),
        ("implicit", network_costs.implicit, "implicit"),
        (
            "unrolled, recursive checkpoints",
            network_costs.unrolled_recursive,
            "unrolled, recursive checkpoints",
        ),
        ("unrolled", network_costs.unrolled, "unrolled"),
        ("finite differences", network_costs.one_at_a_time, "one step"),
    ]
    predictions = []
    for method, rule, judged in rows:
        cost = rule(CROPS, EQUILIBRIUM)
        beside = 0.0
        if method == "finite differences":
            p = NETWORK.parameters
            beside = directions_bytes(p, p + CROPS.pixels * CROPS.batch, CROPS.itemsize)
        # Of a larger image the implicit rule alone was weighed; tapes were right, what is beside them not.
        held_within = max(_worst(errors[judged].held), larger if judged != "unrolled" else 1.0)
        predictions.append(
            FarPrediction(method, device.seconds(cost.work), within, cost.held_bytes, held_within, beside)
        )
    return predictions


def _scaled(method: str, cost: ProgramCost, check: CurveCheck) -> FarPrediction:
    """Predict by a check's figures and the method's own factors, within what the check was off."""
    device, errors = check.device, check.errors().get(method, MethodErrors(None, None, None, None))
    held = own_factors(check.known, None).get(method, 1.0)
    seconds = None if device is None else _seconds(method, cost, check, device)
    within = None if seconds is None else _worst(errors.seconds_scaled or errors.seconds)
    return FarPrediction(
        method, seconds, within, held * cost.held_bytes, _worst(errors.held_scaled or errors.held)
    )


def _seconds(method: str, cost: ProgramCost, check: CurveCheck, device: DeviceFigures) -> Number:
    return own_factors(check.known, device).get(method, 1.0) * device.seconds(cost.work)


def _worst(found: Misjudged | None) -> Number:
    """Return the factor of a check; where nothing was checked, it is not known, and is infinite."""
    return math.inf if found is None else found.worst


def by_name(checks: Sequence[CurveCheck]) -> dict[str, CurveCheck]:
    """Return the checks by their names."""
    return {check.name: check for check in checks}
