"""A solve that is watched ends as the library's, and is told about."""

import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.restoring.solve_progress import SolveProgress
from hypergrad_bench.bench.restoring.solving import (
    budget_for,
    chosen_solver,
    outcome_of,
    solved,
    watched_solve,
)
from hypergrad_bench.problems import (
    Blur,
    FieldsOfExperts,
    Identity,
    ImplicitDenoiser,
    LowerLevel,
    WaveletL1,
    total_variation,
)
from hypergrad_bench.solvers import Budget, DualFista

Y = jnp.asarray(np.random.default_rng(0).random((8, 8)))
BLUR = Blur(jnp.full((3, 3), 1 / 9))
LOWER = LowerLevel(Identity(), Y, total_variation(0.1))


def test_a_watched_solve_is_the_librarys():
    seen = []
    budget = Budget(500, 1e-6)
    solution = watched_solve(
        DualFista(), budget, LOWER, lambda steps, residual: seen.append((steps, residual))
    )
    expected = solved(DualFista(), budget, LOWER)
    assert outcome_of(solution) == outcome_of(expected) == "converged"
    assert int(solution.steps) == int(expected.steps) == seen[-1][0]
    np.testing.assert_allclose(solution.x, expected.x, atol=1e-13)
    assert seen[0][0] == 0
    assert len(seen) > 5


def test_a_solve_that_runs_out_of_steps_says_so():
    solution = watched_solve(DualFista(), Budget(20, 1e-12), LOWER, lambda steps, residual: None)
    assert (outcome_of(solution), int(solution.steps)) == ("max_steps", 20)


@pytest.mark.parametrize(
    ("lower", "name"),
    [
        (LOWER, "DualFista"),
        (LowerLevel(BLUR, Y, total_variation(0.1)), "PrimalDual"),
        (LowerLevel(BLUR, Y, FieldsOfExperts.initial((8, 8), 0)), "NonmonotoneAcceleratedGradient"),
        (LowerLevel(BLUR, Y, WaveletL1.initial((8, 8), 0)), "NonmonotoneAcceleratedGradient"),
        (LowerLevel(BLUR, Y, ImplicitDenoiser.initial((8, 8), 0)), "Anderson"),
    ],
)
def test_each_kind_has_its_solver(lower, name):
    assert type(chosen_solver(lower, None, built_in())).__name__ == name


def test_what_was_asked_for_is_taken_or_refused():
    assert type(chosen_solver(LOWER, "admm", built_in())).__name__ == "Admm"
    with pytest.raises(UserError, match="--solver picard: AnalysisL1 offers neither"):
        chosen_solver(LOWER, "picard", built_in())
    assert budget_for(LOWER, 7, None) == Budget(7, 1e-5)
    denoiser = LowerLevel(BLUR, Y, ImplicitDenoiser.initial((8, 8), 0))
    assert budget_for(denoiser, None, None) == Budget(3000, 1e-4)
    with pytest.raises(UserError, match="tolerance must be at least 0"):
        budget_for(LOWER, None, 2.0)


def test_progress_counts_digits_and_ends_with_a_line(capsys):
    with SolveProgress(2, 1e-4, Console(stderr=True, force_terminal=False)) as progress:
        progress.begin(0, "red")
        progress.seen(0, 1.0)
        assert progress.fraction(1e-2) == pytest.approx(0.5)
        assert (progress.fraction(3.0), progress.fraction(1e-5)) == (0.0, 1.0)
        progress.seen(40, 1e-5)
        progress.begin(1, "green")
    err = capsys.readouterr().err
    assert "red: step 40, residual 1.0e-05 (until 1e-04)" in err
    assert "green: begun" in err
