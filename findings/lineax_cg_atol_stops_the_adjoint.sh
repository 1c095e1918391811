#!/usr/bin/env bash
# Through lineax's CG the gradient of a loss depends on the loss's unit, and the result says "successful".
#
# Behaviour: `CG(rtol, atol)` stops where the residual is below atol + rtol |b|, as documented. The derivative of a
#   linear solve is another solve, with the cotangent on the right and the same two tolerances. Once the cotangent
#   is of the size of `atol`, that solve stops at once: what comes back is one step from zero, whose direction is
#   wrong too, though the same loss in another unit has seven right digits. The forward solve, whose right-hand side is
#   of size one, cannot warn of it. `atol=0` is accepted and cures it.
# Versions: lineax 0.1.1, equinox 0.13.8, jax 0.10.2, jaxlib 0.10.2, in float64 on a CPU.
# Context: adjoint equations of image reconstruction: the mean over a million pixels makes cotangents of 1e-6, and
#   the usual choice of both tolerances is one number.
# Seen: relative error of the gradient by b of scale * sum(A^-1 b), 20 unknowns, condition number 10
#     scale   atol=1e-6   atol=0
#     1e+00   7.3e-08     1.1e-08
#     1e-03   5.1e-04     1.1e-08
#     1e-05   1.1e-01     1.1e-08
#     1e-07   5.9e-01     1.1e-08
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet lineax==0.1.1 equinox==0.13.8 jax==0.10.2 jaxlib==0.10.2
JAX_PLATFORMS=cpu JAX_ENABLE_X64=1 venv/bin/python - <<'PYTHON'
import jax
import jax.numpy as jnp
import lineax
import numpy as np

N = 20
random = np.random.default_rng(0)
Q = np.linalg.qr(random.normal(size=(N, N)))[0]
A = jnp.asarray(Q @ np.diag(np.linspace(1, 10, N)) @ Q.T)
operator = lineax.MatrixLinearOperator((A + A.T) / 2, lineax.positive_semidefinite_tag)
b = jnp.asarray(random.normal(size=N))
exact = jnp.linalg.solve(A, jnp.ones(N))


def solve(b, atol):
    return lineax.linear_solve(operator, b, lineax.CG(rtol=1e-6, atol=atol), throw=False)


def error(scale, atol):
    gradient = jax.grad(lambda b: scale * jnp.sum(solve(b, atol).value))(b) / scale
    return float(jnp.linalg.norm(gradient - exact) / jnp.linalg.norm(exact))


found = {}
print("scale   atol=1e-6   atol=0")
for scale in (1e0, 1e-3, 1e-5, 1e-7):
    found[scale] = error(scale, 1e-6), error(scale, 0.0)
    print(f"{scale:.0e}   {found[scale][0]:.1e}     {found[scale][1]:.1e}")
# What the derivative solves, by itself.
adjoint = solve(1e-7 * jnp.ones(N), 1e-6)
assert adjoint.result == lineax.RESULTS.successful, "changed: the solve that stops at once reports it"
assert solve(b, 1e-6).result == lineax.RESULTS.successful, "changed: the forward solve reports it"
assert found[1e0][0] < 1e-5, "changed: wrong at scale one"
assert found[1e-5][0] > 1e-2, "changed: right at a cotangent of 1e-5"
assert found[1e-7][0] > 0.1, "changed: right at a cotangent of 1e-7"
assert all(cured < 1e-5 for _, cured in found.values()), "changed: atol=0 does not cure it"
PYTHON
