"""Linear operators, regularisers, the lower level, the tasks and their ground truths."""

from .analysis_l1 import AnalysisL1 as AnalysisL1
from .blur import Blur as Blur
from .configuration import configuration as configuration
from .deconvolution import Deconvolution as Deconvolution
from .denoising import Denoising as Denoising
from .dense import Dense as Dense
from .fields_of_experts import FieldsOfExperts as FieldsOfExperts
from .filter_bank import FilterBank as FilterBank
from .identity import Identity as Identity
from .inpainting import Inpainting as Inpainting
from .linear_operator import LinearOperator as LinearOperator
from .lower_level import LowerLevel as LowerLevel
from .mask import Mask as Mask
from .potentials import LogCosh as LogCosh
from .potentials import Lorentzian as Lorentzian
from .potentials import Potential as Potential
from .potentials import PseudoHuber as PseudoHuber
from .pytree import pytree as pytree
from .pytree import static as static
from .regularizer import AnalysisRegularizer as AnalysisRegularizer
from .regularizer import Regularizer as Regularizer
from .regularizer import SmoothRegularizer as SmoothRegularizer
from .task import Task as Task
from .task import measure as measure
