"""Pure-function solvers of the lower level, and linear solvers."""

from .active_set import ActiveSet as ActiveSet
from .admm import Admm as Admm
from .analysis_l1_problem import DualSolver as DualSolver
from .analysis_l1_problem import PrimalDualPair as PrimalDualPair
from .budget import Budget as Budget
from .certificate import Certificate as Certificate
from .certificate import certify as certify
from .cg import Cg as Cg
from .dense import Dense as Dense
from .dual_fista import DualFista as DualFista
from .gradient_descent import GradientDescent as GradientDescent
from .lbfgs import Lbfgs as Lbfgs
from .linear_solver import LinearSolution as LinearSolution
from .linear_solver import LinearSolver as LinearSolver
from .minres import Minres as Minres
from .nesterov import Nesterov as Nesterov
from .primal_dual import PrimalDual as PrimalDual
from .residuals import gradient_residual as gradient_residual
from .residuals import kkt_residual as kkt_residual
from .solve import solve as solve
from .solver import Outcome as Outcome
from .solver import Solution as Solution
from .solver import Solver as Solver
