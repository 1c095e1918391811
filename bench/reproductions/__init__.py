"""Papers' claims and this project's own recorded figures, one a file: `hgb reproduce NAME`."""

from .blorc_timing import BlorcTiming as BlorcTiming
from .certified_inexactness import CertifiedInexactness as CertifiedInexactness
from .certified_l1 import CertifiedL1 as CertifiedL1
from .deq_versus_bilevel import DeqVersusBilevel as DeqVersusBilevel
from .equilibrium_cost import EquilibriumCost as EquilibriumCost
from .filter_bank_speed import FilterBankSpeed as FilterBankSpeed
from .hypergradient_scale import HypergradientScale as HypergradientScale
from .inexact_lower_level import InexactLowerLevel as InexactLowerLevel
from .learned_hypergradients import LearnedHypergradients as LearnedHypergradients
from .restarts import Restarts as Restarts
from .stress import Stress as Stress
