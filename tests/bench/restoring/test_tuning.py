"""The weight with the best score is found from any start, and an end of the search is said."""

import numpy as np
import pytest

from hypergrad_bench.bench.restoring.tuning import FURTHEST, best_factor


@pytest.mark.parametrize("best", [0.01, 0.4, 1.0, 3.3, 500.0])
def test_finds_a_maximum(best):
    tried = []

    def score(factor):
        tried.append(factor)
        return -((np.log2(factor) - np.log2(best)) ** 2)

    found = best_factor(score, start=0.1)
    assert abs(np.log2(found.factor / best)) <= 0.125 + 1e-9
    assert len(tried) == len(set(tried)) == found.tries
    assert not found.at_the_edge


def test_a_score_that_only_rises_ends_at_the_edge():
    found = best_factor(lambda factor: factor)
    assert found.at_the_edge
    assert found.factor >= 2**FURTHEST


def test_of_equal_scores_the_start_stays():
    assert best_factor(lambda factor: 1.0, start=0.3).factor == 0.3
