"""Built-in operators and regularisers conform with other settings than their defaults and examples have."""

import pytest
import variants

from findings import failed
from hypergrad_bench.bench.conformance.operators import check_operator
from hypergrad_bench.bench.conformance.regularizers import check_regularizer

OPERATORS, REGULARIZERS = variants.operators(), variants.regularizers()


@pytest.mark.parametrize("label", OPERATORS)
def test_operators_conform_with_other_settings(label: str) -> None:
    assert failed(check_operator(label, *OPERATORS[label])) == set()


@pytest.mark.parametrize(
    "label",
    [pytest.param(one, marks=pytest.mark.optimised if "colour" in one else ()) for one in REGULARIZERS],
)
def test_regularizers_conform_with_other_settings(label: str) -> None:
    assert failed(check_regularizer(label, *REGULARIZERS[label])) == set()
