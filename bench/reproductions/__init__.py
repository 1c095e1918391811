"""Papers' claims and this project's own recorded figures, one per folder: `hgb reproduce NAME`."""

from .adaptive_accuracy.claim import AdaptiveAccuracy as AdaptiveAccuracy
from .blorc_timing.claim import BlorcTiming as BlorcTiming
from .blorc_training.claim import BlorcTraining as BlorcTraining
from .certified_inexactness.claim import CertifiedInexactness as CertifiedInexactness
from .certified_l1.claim import CertifiedL1 as CertifiedL1
from .deq_step.claim import DeqStep as DeqStep
from .deq_versus_bilevel.claim import DeqVersusBilevel as DeqVersusBilevel
from .elder_training.claim import ElderTraining as ElderTraining
from .equilibrium_cost.claim import EquilibriumCost as EquilibriumCost
from .exact_gradient_scale.claim import ExactGradientScale as ExactGradientScale
from .filter_bank_speed.claim import FilterBankSpeed as FilterBankSpeed
from .hypergradient_scale.claim import HypergradientScale as HypergradientScale
from .inexact_lower_level.claim import InexactLowerLevel as InexactLowerLevel
from .learned_hypergradients.claim import LearnedHypergradients as LearnedHypergradients
from .restarted_training.claim import RestartedTraining as RestartedTraining
from .restarts.claim import Restarts as Restarts
from .ridge_hypergradient.claim import RidgeHypergradient as RidgeHypergradient
from .ridge_training.claim import RidgeTraining as RidgeTraining
from .stress.claim import Stress as Stress
from .untied_training.claim import UntiedTraining as UntiedTraining
