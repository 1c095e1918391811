"""Differentiation rules for the solution of a lower level, and their references."""

from .adjoint_rule import solve_with_adjoint as solve_with_adjoint
from .analysis_pairing import ActivePoint as ActivePoint
from .analysis_pairing import pair as pair
from .central_differences import Differences as Differences
from .central_differences import central_differences as central_differences
from .central_differences import difference_quotients as difference_quotients
from .central_differences import plateau as plateau
from .central_differences import random_directions as random_directions
from .certified_solution import CertifiedSolution as CertifiedSolution
from .certified_solution import certified_solution as certified_solution
from .closed_form import ClosedForm as ClosedForm
from .hypergradient import Hypergradient as Hypergradient
from .hypergradient import hypergradient as hypergradient
from .implicit import Implicit as Implicit
from .method import AdjointMethod as AdjointMethod
from .method import Backward as Backward
from .method import Method as Method
from .method import Outer as Outer
from .method import RoutedMethod as RoutedMethod
from .one_step import OneStep as OneStep
from .reference import Reference as Reference
from .reference import disagreement as disagreement
from .reference import reference as reference
from .reference import reference_rung as reference_rung
from .unrolled import Unrolled as Unrolled
