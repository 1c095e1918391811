"""The child process of diffcp: a script of its own that never imports JAX or this package.

A request holds A, y and M of  min_x 1/2 ||A x - y||^2 + ||M x||_1  and gets x and the dual variable of M x,
one after the other; with `keep` the cone program waits under a token for the cotangent of x.
"""

import collections
import sys
from typing import Any

import cvxpy
import numpy as np
from child_protocol import Arrays, serve
from jaxtyping import Float

MOST_KEPT = 256
Shape = tuple[int, int, int]


class Stated:
    """The problem in cvxpy's words, analysed once for all arrays of its shape."""

    def __init__(self, shape: Shape) -> None:
        """State it for A of shape (m, n) and M of shape (k, n)."""
        m, n, k = self.shape = shape
        self.x, self.response = cvxpy.Variable(n), cvxpy.Variable(k)
        self.parameters = {
            "A": cvxpy.Parameter((m, n)),
            "y": cvxpy.Parameter(m),
            "M": cvxpy.Parameter((k, n)),
        }
        A, y, M = self.parameters.values()
        energy = 0.5 * cvxpy.sum_squares(A @ self.x - y) + cvxpy.norm1(self.response)
        self.same = self.response == M @ self.x
        self.problem = cvxpy.Problem(cvxpy.Minimize(energy), [self.same])

    def solve(self, request: Arrays) -> Arrays:
        """Solve from a cold start with SCS, through diffcp where a derivative will be asked for.

        Raises:
            ValueError: if SCS ends without a solution.
        """
        for name, parameter in self.parameters.items():
            parameter.value = np.asarray(request[name], np.float64)
        options: dict[str, Any] = {
            "solver": "SCS",
            "requires_grad": bool(request["keep"]),
            "max_iters": int(request["max_steps"]),
            "eps_abs": float(request["tolerance"]),
            "eps_rel": float(request["tolerance"]),
            "warm_start": False,
        }
        self.problem.solve(**options)
        if self.x.value is None:
            raise ValueError(f"no solution; SCS ended with {self.problem.status}")
        steps = self.problem.solver_stats.num_iters or 0
        # The constraint's multiplier is minus the dual variable of M x.
        point = np.concatenate([self.x.value, -self.same.dual_value])
        return {"x": point.astype(request["y"].dtype), "steps": np.int32(steps)}

    def differentiate(self, cotangent: Float[np.ndarray, "*shape"]) -> Arrays:
        """Return the cotangents of A, y and M."""
        self.x.gradient = np.asarray(cotangent[: self.x.size], np.float64)
        # Of a variable without a gradient cvxpy takes ones.
        self.response.gradient = np.zeros(self.response.shape)
        self.problem.backward()
        return {
            name: np.asarray(parameter.gradient, cotangent.dtype)
            for name, parameter in self.parameters.items()
        }


class ConeServer:
    """Solves, and keeps a problem as it was solved until its derivative has been asked for."""

    def __init__(self) -> None:
        """Begin with no problem stated."""
        self._token = 0
        self._free: dict[Shape, list[Stated]] = collections.defaultdict(list)
        self._kept: collections.OrderedDict[int, Stated] = collections.OrderedDict()

    def answer(self, request: Arrays) -> Arrays:
        """Solve, or differentiate a solution that was kept."""
        if "cotangent" in request:
            stated = self._kept.pop(int(request["token"]))
            reply = stated.differentiate(request["cotangent"])
            self._free[stated.shape].append(stated)
            return reply
        shape = (*request["A"].shape, len(request["M"]))
        free = self._free[shape]
        stated = free.pop() if free else Stated(shape)
        reply = stated.solve(request)
        self._token += 1
        if request["keep"]:
            self._kept[self._token] = stated
            while len(self._kept) > MOST_KEPT:
                free.append(self._kept.popitem(last=False)[1])
        else:
            free.append(stated)
        return reply | {"token": np.int32(self._token)}


if __name__ == "__main__":
    assert sys.argv[1] == "diffcp"
    serve(ConeServer().answer)
