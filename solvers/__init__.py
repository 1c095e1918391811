"""Pure-function solvers of the lower level, and linear solvers."""

from .active_set import ActiveSet as ActiveSet
from .admm import Admm as Admm
from .analysis_l1_problem import DualSolver as DualSolver
from .analysis_l1_problem import PrimalDualPair as PrimalDualPair
from .anderson import Anderson as Anderson
from .anderson_richardson import AndersonRichardson as AndersonRichardson
from .bicgstab import BiCgStab as BiCgStab
from .broyden import Broyden as Broyden
from .budget import Budget as Budget
from .certificate import Certificate as Certificate
from .certificate import certify as certify
from .cg import Cg as Cg
from .circulant_preconditioner import CirculantPreconditioner as CirculantPreconditioner
from .circulant_preconditioner import Preconditioner as Preconditioner
from .dense import Dense as Dense
from .dual_fista import DualFista as DualFista
from .forward_backward import ForwardBackward as ForwardBackward
from .gmres import Gmres as Gmres
from .gradient_descent import GradientDescent as GradientDescent
from .lbfgs import Lbfgs as Lbfgs
from .linear_solver import LinearSolution as LinearSolution
from .linear_solver import LinearSolver as LinearSolver
from .minres import Minres as Minres
from .nesterov import Nesterov as Nesterov
from .neumann import Neumann as Neumann
from .nonmonotone_accelerated_gradient import (
    NonmonotoneAcceleratedGradient as NonmonotoneAcceleratedGradient,
)
from .normal_cg import NormalCg as NormalCg
from .picard import Picard as Picard
from .primal_dual import PrimalDual as PrimalDual
from .residuals import fixed_point_residual as fixed_point_residual
from .residuals import gradient_residual as gradient_residual
from .residuals import kkt_residual as kkt_residual
from .richardson import Richardson as Richardson
from .solve import solve as solve
from .solver import MapSolver as MapSolver
from .solver import Outcome as Outcome
from .solver import RestartingSolver as RestartingSolver
from .solver import Solution as Solution
from .solver import Solver as Solver
from .solver import StepSizedSolver as StepSizedSolver
