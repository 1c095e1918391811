#!/usr/bin/env bash
# cvxpy's backward() takes ones for the gradient of every variable that was not given one.
#
# Behaviour: `variable.gradient = ...` says how a loss depends on a variable, and `problem.backward()` carries that
#   to the parameters. The documentation says that ones are the default, for a problem with one variable. They
#   also fill in for each variable left out where another was set: the result is the gradient of "the loss plus
#   the sum of all other variables", without a warning. That includes variables that are only there to state
#   the problem, such as the slack of a norm that one writes out. Zeros must be set by hand.
# Versions: cvxpy 1.9.3, diffcp 1.1.9, numpy 2.4.6.
# Context: hypergradients of a cone program whose loss looks at the reconstruction only, while the analysis
#   coefficients are a variable of their own.
# Seen: minimise |x - a|^2 + |y - 3 a|^2 at a = (1, 2), so that x = a and y = 3 a; the loss is x[0], its
#   gradient (1, 0)
#     only x.gradient set         [4. 3.]
#     y.gradient set to zeros     [1. 0.]
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet cvxpy==1.9.3 diffcp==1.1.9 numpy==2.4.6
venv/bin/python - <<'PYTHON'
import cvxpy
import numpy as np

a = cvxpy.Parameter(2, value=np.array([1.0, 2.0]))
x, y = cvxpy.Variable(2), cvxpy.Variable(2)
problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(x - a) + cvxpy.sum_squares(y - 3 * a)))
problem.solve(requires_grad=True, eps=1e-10)
assert np.allclose(x.value, a.value, atol=1e-6)
assert np.allclose(y.value, 3 * a.value, atol=1e-6)

x.gradient = np.array([1.0, 0.0])
problem.backward()
print("only x.gradient set        ", np.round(a.gradient, 6))
assert np.allclose(a.gradient, [4, 3], atol=1e-4), "changed: no ones for the variable that was left out"

y.gradient = np.zeros(2)
problem.backward()
print("y.gradient set to zeros    ", np.round(a.gradient, 6) + 0.0)
assert np.allclose(a.gradient, [1, 0], atol=1e-4), "changed: zeros are not taken as such"
PYTHON
