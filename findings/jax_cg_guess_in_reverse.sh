#!/usr/bin/env bash
# jax.scipy.sparse.linalg.cg starts the solve of its derivative at the guess for its solution.
#
# Behaviour: the guess `x0` of `cg(A, b, x0=x0)` is also where reverse mode starts to solve with the transpose.
#   The two solutions have nothing in common, least of all their size. A pull-back is linear in its cotangent by
#   definition; this one is not. In float32 the rounding of the start stays in the answer: a gradient that is a
#   million times smaller than the guess is off by a tenth, one that is a billion times smaller is noise, and
#   the cotangent zero does not give the gradient zero. Nothing warns, and the forward solve is right.
#   Without a guess the same gradients are right to 1e-5 at every scale.
# Versions: jax 0.10.2, jaxlib 0.10.2, on a CPU.
# Context: warm starts. In bilevel learning the lower level starts at the solution of the iteration before, and
#   cotangents shrink with the loss as training goes on, so that gradients get worse the closer one comes.
# Seen: relative error of the gradient by b of <c, A^-1 b>, 50 unknowns, condition number 10
#     size of c   no guess   guess at the solution
#     1e+00       6.4e-06    1.1e-05
#     1e-03       6.3e-06    1.4e-04
#     1e-06       6.3e-06    1.3e-01
#     1e-09       6.3e-06    1.4e+02
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet jax==0.10.2 jaxlib==0.10.2
JAX_PLATFORMS=cpu venv/bin/python - <<'PYTHON'
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.sparse.linalg import cg

N = 50
random = np.random.default_rng(0)
Q = np.linalg.qr(random.normal(size=(N, N)))[0]
A = jnp.asarray(Q @ np.diag(np.linspace(1, 10, N)) @ Q.T, jnp.float32)
b, c = jnp.asarray(random.normal(size=(2, N)), jnp.float32)
exact = np.linalg.solve(np.asarray(A, np.float64), np.asarray(c, np.float64))
solution = jnp.linalg.solve(A, b)


def pull_back(guess, cotangent):
    gradient = jax.vjp(lambda b: cg(lambda v: A @ v, b, x0=guess)[0], b)[1]
    return np.asarray(gradient(cotangent)[0], np.float64)


def error(guess, size):
    return np.linalg.norm(pull_back(guess, size * c) / size - exact) / np.linalg.norm(exact)


found = {}
print("size of c   no guess   guess at the solution")
for size in (1e0, 1e-3, 1e-6, 1e-9):
    found[size] = error(None, size), error(solution, size)
    print(f"{size:.0e}       {found[size][0]:.1e}    {found[size][1]:.1e}")
assert all(without < 1e-4 for without, _ in found.values()), "changed: wrong without a guess too"
assert found[1e0][1] < 1e-3, "changed: wrong for a cotangent of the guess's size"
assert found[1e-6][1] > 1e-2, "changed: the guess no longer spoils a small gradient"
assert found[1e-9][1] > 1, "changed: the guess no longer drowns a tiny gradient"
assert not np.any(pull_back(None, 0 * c)), "changed: zero does not give zero without a guess"
assert np.any(pull_back(solution, 0 * c)), "changed: zero gives zero with a guess"
PYTHON
