#!/usr/bin/env bash
# JAXopt's implicit derivative is far less accurate than the solution it belongs to, and does not say so.
#
# Behaviour: a solver with `implicit_diff=True`, the default, solves the adjoint system by conjugate gradients on the
#   normal equations, which squares the condition number, to a relative residual of 1e-5 of those squared
#   equations. What comes back has no residual, no count of iterations and no status. The solver's own `tol`
#   changes nothing. With the solution right to twelve digits, the gradient is off by a percent at a condition
#   number of 1e3 and by several at 1e4.
#   `implicit_diff_solve=partial(jaxopt.linear_solve.solve_cg, tol=1e-12)` cures it for symmetric systems.
# Versions: jaxopt 0.8.5, jax 0.10.2, jaxlib 0.10.2, in float64 on a CPU.
# Context: implicit hypergradients of image reconstruction, where the Hessian of the lower level is that badly
#   conditioned where the regulariser is weak.
# Seen: minimise <x, H x> / 2 - <t, x> by L-BFGS, loss sum(x), gradient H^-1 1 by t; relative errors
#     condition   solution   gradient   gradient by CG to 1e-12
#     1e+01       1.3e-13    2.5e-05    2.5e-13
#     1e+03       1.1e-13    1.2e-02    1.4e-14
#     1e+04       8.1e-14    7.2e-02    2.0e-13
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet jaxopt==0.8.5 jax==0.10.2 jaxlib==0.10.2
JAX_PLATFORMS=cpu JAX_ENABLE_X64=1 venv/bin/python - <<'PYTHON'
import warnings
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

warnings.simplefilter("error")
warnings.filterwarnings("ignore", "JAXopt is no longer maintained")
import jaxopt  # noqa: E402

N = 40
random = np.random.default_rng(0)
precise = partial(jaxopt.linear_solve.solve_cg, tol=1e-12)


def objective(x, H, t):
    return 0.5 * x @ H @ x - t @ x


def solve(H, t, **settings):
    return jaxopt.LBFGS(objective, maxiter=2000, tol=1e-12, **settings).run(jnp.zeros(N), H, t).params


def error(found, expected):
    return float(jnp.linalg.norm(found - expected) / jnp.linalg.norm(expected))


found = {}
print("condition   solution   gradient   gradient by CG to 1e-12")
for condition in (1e1, 1e3, 1e4):
    Q = np.linalg.qr(random.normal(size=(N, N)))[0]
    H = jnp.asarray(Q @ np.diag(np.logspace(-np.log10(condition), 0, N)) @ Q.T)
    H, t = (H + H.T) / 2, jnp.asarray(random.normal(size=N))
    exact = jnp.linalg.solve(H, jnp.ones(N))
    default = jax.grad(lambda t: jnp.sum(solve(H, t)))(t)
    by_cg = jax.grad(lambda t: jnp.sum(solve(H, t, implicit_diff_solve=precise)))(t)
    found[condition] = (
        error(solve(H, t), jnp.linalg.solve(H, t)),
        error(default, exact),
        error(by_cg, exact),
    )
    print(f"{condition:.0e}       " + "    ".join(f"{one:.1e}" for one in found[condition]))
assert all(solution < 1e-9 for solution, _, _ in found.values()), "changed: the solution is not right"
assert found[1e3][1] > 1e-3, "changed: the gradient is right at a condition number of 1e3"
assert found[1e4][1] > 1e-2, "changed: the gradient is right at a condition number of 1e4"
assert all(cured < 1e-6 for _, _, cured in found.values()), "changed: the cure does not cure"
PYTHON
