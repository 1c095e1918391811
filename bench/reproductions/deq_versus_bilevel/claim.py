"""Deep equilibrium against bilevel learning: the hypergradients of two conditions."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

from ....hypergrad import Implicit, OneStep
from ....hypergrad.method import AdjointMethod, Backward
from ....problems.values.configuration import configuration
from ....solvers import AndersonRichardson, Budget, Cg, Gmres, GradientDescent, Richardson, Solution, solve
from ...machine.threads import fix_blas_threads
from ...records.status import Status
from ...report.page import Page, Section
from ...report.panels import COLOURS, MARKERS
from ..counted import Counted, counted_verdict, targets_section
from ..reproduction import Row
from ..smooth_instance import SmoothInstance, smooth_instance

CASES = (
    "denoising, 12 x 12, pseudo-Huber",
    "inpainting, 12 x 12, log-cosh",
    "deconvolution, 12 x 12, pseudo-Huber",
    "denoising, 24 x 24, log-cosh",
)
QUICK_CASES = ("denoising, 8 x 8, pseudo-Huber",)
TOLERANCES, QUICK_TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12), (1e-4, 1e-10)
FACTOR, ROUNDING = 10.0, 1e-13
CONTRASTS = {"one step": OneStep(), "damped": Implicit(damping=0.01)}
COLUMNS = (
    "rule",
    "tolerance",
    "solver's residual",
    "adjoint residuals",
    "contraction",
    "bound",
    "difference",
)

RULE = (
    "Both rules look back from the same iterate of gradient descent, so that only their linear solvers can "
    f"set them apart. They agree to solver accuracy if the relative difference is at most {FACTOR:g} times "
    f"the sum of both adjoint residuals (and {ROUNDING:g} of rounding) over one minus the contraction "
    "factor, which bounds what a residual leaves of an error. Claim C1 holds if every row does; one step "
    "and a damping of 0.01 are the contrast and must not, at the tightest tolerance."
)


@configuration
class DeqVersusBilevel:
    """Is a bilevel problem's hypergradient that of the deep equilibrium of its gradient descent?

    Source: Riccio, Ehrhardt and Benning, 2022, claim C1 (an untied filter bank aside).
    """

    def cases(self, quick: bool) -> Sequence[str]:
        """Name tasks, sizes and potentials."""
        return QUICK_CASES if quick else CASES

    def measure(self, case: str, quick: bool) -> list[Row]:
        """Compare both at every tolerance, with several linear solvers."""
        fix_blas_threads()
        instance = smooth_instance(case)
        tolerances = QUICK_TOLERANCES if quick else TOLERANCES
        return [
            {"case": case, "quick": quick, "tightest": tolerance == tolerances[-1]} | row
            for tolerance in tolerances
            for row in _rows(instance, tolerance, quick)
        ]

    def page(self, rows: Sequence[Row]) -> Page:
        """Return tables, figure and verdict."""
        found: list[Any] = list(rows)
        judged = judge(rows)
        cases = dict.fromkeys(row["case"] for row in found)
        return Page(
            title="Deep equilibrium against bilevel: two conditions, one hypergradient",
            question=(
                "Gradient descent on a fields-of-experts energy has the minimiser as its fixed point. Is "
                "differentiating the fixed point (deep equilibrium, I - J^T) the same as differentiating "
                "the optimality condition (bilevel, the Hessian, conjugate gradients)? Differences are "
                "relative, of the hypergradient by all filters and weights; solver and adjoint stop at the "
                "same tolerance. float64, photographs, mean squared error."
            ),
            rule=RULE,
            sections=[
                targets_section(judged),
                *(_table(case, [row for row in found if row["case"] == case]) for case in cases),
            ],
            verdict=counted_verdict(judged),
            figures={"difference_against_residual": _figure(found)} if found else {},
        )


def judge(rows: Sequence[Row]) -> list[Counted]:
    """Apply the rule."""
    found: list[Any] = list(rows)
    same = [row for row in found if row["rule"] not in CONTRASTS]
    contrast = [row for row in found if row["rule"] in CONTRASTS and row["tightest"]]
    worst = max((row["difference"] / row["bound"] for row in same), default=0.0)
    least = min((row["difference"] for row in contrast), default=0.0)
    return [
        Counted(
            "both conditions give the same hypergradient, to solver accuracy",
            sum(row["difference"] <= row["bound"] for row in same),
            len(same),
            f"at most {worst:.1g} of the bound",
        ),
        Counted(
            "one step and damping do not",
            sum(row["difference"] > row["bound"] for row in contrast),
            len(contrast),
            f"at least {least:.1g} off",
        ),
    ]


def _rows(instance: SmoothInstance, tolerance: float, quick: bool) -> list[Row]:
    solver, budget = GradientDescent(), Budget(50_000, tolerance, 10)
    solution = jax.jit(lambda lower: solve(solver, budget, lower))(instance.lower)
    bilevel, account = _gradient(Implicit(Cg(tolerance=tolerance)), instance, solution)
    linear = {
        "richardson": Richardson(tolerance=tolerance),
        "anderson": AndersonRichardson(tolerance=tolerance),
        "gmres": Gmres(tolerance=tolerance),
    }
    rules: dict[str, AdjointMethod] = {
        name: Implicit(one, on="fixed-point")
        for name, one in linear.items()
        if not quick or name == "richardson"
    }
    rows: list[Row] = []
    for name, method in (rules | CONTRASTS).items():
        gradient, other = _gradient(method, instance, solution)
        residuals = [0.0 if one.residual is None else float(one.residual) for one in (account, other)]
        assert account.contraction is not None
        rho = float(account.contraction)
        rows.append(
            {
                "rule": name,
                "tolerance": tolerance,
                "status": (Status.OK if solution.status == 0 else Status.MAX_STEPS).value,
                "residual": float(solution.residual),
                "steps": int(solution.steps),
                "bilevel_residual": residuals[0],
                "adjoint_residual": residuals[1],
                "contraction": rho,
                "bound": FACTOR * (sum(residuals) + ROUNDING) / max(1 - rho, 1e-12),
                "difference": float(jnp.linalg.norm(gradient - bilevel) / jnp.linalg.norm(bilevel)),
            }
        )
    return rows


def _gradient(
    method: AdjointMethod, instance: SmoothInstance, solution: Solution
) -> tuple[jax.Array, Backward]:
    """Return the hypergradient by the regulariser at an iterate, and the backward pass's account."""

    def compute(instance: SmoothInstance, solution: Solution) -> tuple[jax.Array, Backward]:
        cotangent = jax.grad(instance.loss)(solution.x)
        gradient, account = method.backward(GradientDescent(), Budget(), instance.lower, solution, cotangent)
        return ravel_pytree(gradient.regularizer)[0], account

    return jax.jit(compute)(instance, solution)


def _table(case: str, rows: Sequence[Any]) -> Section:
    lines = [
        [
            row["rule"],
            f"{row['tolerance']:.0e}",
            f"{row['residual']:.1e}",
            f"{row['bilevel_residual']:.1e}, {row['adjoint_residual']:.1e}",
            f"{row['contraction']:.4f}",
            f"{row['bound']:.1e}",
            f"{row['difference']:.1e}",
        ]
        for row in rows
    ]
    return Section(case, "", COLUMNS, lines)


def _figure(rows: Sequence[Any]) -> Figure:
    """Draw the difference against the tolerance: a colour a rule, a marker a problem."""
    figure = Figure(figsize=(6.5, 4.6), layout="constrained")
    axes = figure.subplots()
    cases = list(dict.fromkeys(row["case"] for row in rows))
    for number, rule in enumerate(dict.fromkeys(row["rule"] for row in rows)):
        for which, case in enumerate(cases):
            here = [row for row in rows if (row["rule"], row["case"]) == (rule, case)]
            axes.plot(
                [row["tolerance"] for row in here],
                [max(row["difference"], 1e-16) for row in here],
                color=COLOURS[number],
                marker=MARKERS[which],
                linewidth=1,
                label=rule if not which else None,
            )
    tolerances = sorted({row["tolerance"] for row in rows})
    axes.plot(tolerances, tolerances, color="0.5", linestyle=":", label="equal to the tolerance")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="tolerance of the solver and of the adjoint",
        ylabel="relative difference from the bilevel hypergradient",
    )
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.legend(fontsize=8, frameon=False)
    return figure
