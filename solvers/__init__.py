"""Pure-function solvers of the lower level, and linear solvers."""

from .analysis_l1_problem import DualSolver as DualSolver
from .analysis_l1_problem import PrimalDualPair as PrimalDualPair
from .budget import Budget as Budget
from .certificate import Certificate as Certificate
from .certificate import certify as certify
from .iterations.active_set import ActiveSet as ActiveSet
from .iterations.admm import Admm as Admm
from .iterations.anderson import Anderson as Anderson
from .iterations.broyden import Broyden as Broyden
from .iterations.dual_fista import DualFista as DualFista
from .iterations.forward_backward import ForwardBackward as ForwardBackward
from .iterations.gradient_descent import GradientDescent as GradientDescent
from .iterations.interior_point import InteriorPoint as InteriorPoint
from .iterations.lbfgs import Lbfgs as Lbfgs
from .iterations.nesterov import Nesterov as Nesterov
from .iterations.newton_cg import NewtonCg as NewtonCg
from .iterations.nonmonotone_accelerated_gradient import (
    NonmonotoneAcceleratedGradient as NonmonotoneAcceleratedGradient,
)
from .iterations.picard import Picard as Picard
from .iterations.primal_dual import PrimalDual as PrimalDual
from .linear.anderson_richardson import AndersonRichardson as AndersonRichardson
from .linear.bicgstab import BiCgStab as BiCgStab
from .linear.cg import Cg as Cg
from .linear.circulant_preconditioner import CirculantPreconditioner as CirculantPreconditioner
from .linear.circulant_preconditioner import Preconditioner as Preconditioner
from .linear.dense import Dense as Dense
from .linear.gmres import Gmres as Gmres
from .linear.linear_solver import LinearSolution as LinearSolution
from .linear.linear_solver import LinearSolver as LinearSolver
from .linear.linear_solver_traits import LinearSolverTraits as LinearSolverTraits
from .linear.minres import Minres as Minres
from .linear.neumann import Neumann as Neumann
from .linear.normal_cg import NormalCg as NormalCg
from .linear.richardson import Richardson as Richardson
from .residuals import fixed_point_residual as fixed_point_residual
from .residuals import gradient_residual as gradient_residual
from .residuals import kkt_residual as kkt_residual
from .solve import solve as solve
from .solver import MapSolver as MapSolver
from .solver import Outcome as Outcome
from .solver import PointSolver as PointSolver
from .solver import RestartingSolver as RestartingSolver
from .solver import Solution as Solution
from .solver import Solver as Solver
from .solver import StartPoint as StartPoint
from .solver import StepSizedSolver as StepSizedSolver
from .solver_traits import SolverTraits as SolverTraits
