"""The same problem in other units: what it means for the lower level, for x and for a gradient."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...problems.regularizers.experts.fields_of_experts import FieldsOfExperts
from ...problems.regularizers.experts.untied_experts import UntiedExperts
from ...problems.regularizers.sparse.analysis_l1 import AnalysisL1

FACTORS = (1e-2, 1e2)


class Units(NamedTuple):
    """A change of units.

    Attributes:
        name: which unit, and by how much.
        scales: what each leaf of the lower level is multiplied by, a tree of its structure.
        x: what x is multiplied by.
    """

    name: str
    scales: LowerLevel
    x: float

    def lower(self, lower: LowerLevel) -> LowerLevel:
        """Return the lower level in these units."""
        return jax.tree.map(lambda leaf, scale: leaf * scale, lower, self.scales)

    def gradient_back(self, gradient: LowerLevel) -> LowerLevel:
        """Return a gradient by leaves in these units as one by those that they stand for."""
        return jax.tree.map(lambda leaf, scale: leaf * scale, gradient, self.scales)


def other_units(lower: LowerLevel) -> Iterator[Units]:
    """Yield changes of units that leave the solution where it is, of regularisers that are known here.

    - Of A: A and y times a, the regulariser times a^2; x stays.
    - Of y, for l1: y and the weight times a; x goes with them.
    - Of W, for l1: W times a, the weight over it; x stays.
    """
    for factor in FACTORS:
        if jax.tree.leaves(lower.A) and _has_strength(lower.regularizer):
            scaled = _scaled(lower, A=factor, y=factor, strength=factor**2)
            yield Units(f"A times {factor:g}", scaled, 1.0)
        if isinstance(lower.regularizer, AnalysisL1):
            yield Units(f"y times {factor:g}", _scaled(lower, y=factor, strength=factor), factor)
            yield Units(f"W times {factor:g}", _scaled(lower, W=factor, strength=1 / factor), 1.0)


def _scaled(lower: LowerLevel, **factors: float) -> LowerLevel:
    """Return the tree of what every leaf is multiplied by."""

    def scale(path: Any, leaf: object) -> float:
        del leaf
        names = [key.name for key in path]
        if names[0] == "regularizer":
            strength = names[1] in ("weight", "weights")
            return factors.get("strength" if strength else names[1], 1.0)
        return factors.get(names[0], 1.0)

    return jax.tree_util.tree_map_with_path(scale, lower)


def _has_strength(regularizer: Regularizer) -> bool:
    return isinstance(regularizer, AnalysisL1 | FieldsOfExperts | UntiedExperts)
