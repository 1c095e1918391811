"""Threads of the linear algebra library behind JAX's factorisations on the CPU."""

# SciPy's library is the one that JAX calls; it must be loaded before its threads can be limited.
import scipy.linalg  # noqa: F401
import threadpoolctl

BLAS_THREADS = 1


def fix_blas_threads() -> None:
    """Let BLAS and LAPACK use one thread for the rest of the process.

    Small factorisations are what this project times: with two threads that wait for each other on a machine
    where something else runs, the eigenvalues of a 256 x 256 matrix took up to a second instead of 15 ms.
    XLA's own threads are not concerned.
    """
    threadpoolctl.threadpool_limits(BLAS_THREADS, user_api="blas")


def blas_threads() -> int | None:
    """Return the largest number of threads of the loaded BLAS libraries; None where it cannot be told."""
    counts = [
        library["num_threads"] for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"
    ]
    return max(counts, default=None)
