"""Which pairs a step of training sees."""

import numpy as np

from hypergrad_bench.bench.training.pairs import batch_indices


def test_an_epoch_takes_every_pair_at_most_once():
    taken = batch_indices(seed=3, pairs=11, batch=2, first=0, count=15)
    for epoch in range(3):
        members = taken[5 * epoch : 5 * epoch + 5].ravel()
        assert len(set(members)) == 10
        assert set(members) <= set(range(11))
    assert not np.array_equal(taken[:5], taken[5:10])


def test_a_training_that_goes_on_sees_the_batches_that_it_would_have_seen():
    whole = batch_indices(seed=0, pairs=7, batch=3, first=0, count=9)
    parts = [batch_indices(0, 7, 3, first, count) for first, count in ((0, 1), (1, 4), (5, 4))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(batch_indices(1, 7, 3, 0, 9), whole)
