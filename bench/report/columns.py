"""The columns of a result table: what each means, its unit, and how it is written."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """Describe a column of numbers: the record's field, how to write it, why it may be missing.

    An optional column is left out of a table none of whose rows has a number that tells something.
    """

    field: str
    heading: str
    write: Callable[[float], str]
    meaning: str
    missing: str
    optional: bool = False
    tells: Callable[[float], bool] = math.isfinite


def scientific(value: float) -> str:
    """Return two significant digits with a short exponent: `1.2e-9`; zero is `0`."""
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return f"{value}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def significant(value: float) -> str:
    """Return three significant digits, without an exponent where that stays short: `0.0123`, `1230`."""
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        return scientific(value)
    text = f"{value:#.3g}"
    return f"{float(text):.0f}" if "e" in text else text.rstrip(".")


def count(value: float) -> str:
    """Return a mean of counts, with one decimal unless it is a whole number."""
    return f"{value:.0f}" if value == round(value) or value >= 1000 else f"{value:.1f}"


def power(value: float) -> str:
    """Return the shortest form of a tolerance: `1e-8`, `0.05`, `0`."""
    return re.sub(r"e([+-])0*", lambda match: "e" + match[1].strip("+"), f"{value:g}")


def unity(value: float) -> str:
    """Return four decimals, for cosines and ratios that are near one."""
    return f"{value:.4f}" if abs(value) < 1e4 else scientific(value)


def yes_or_no(value: float) -> str:
    """Return a truth value, or its median over seeds that differ."""
    return {1.0: "yes", 0.0: "no"}.get(value, "some")


def milliseconds(value: float) -> str:
    """Return seconds as milliseconds."""
    return significant(value * 1e3)


def mebibytes(value: float) -> str:
    """Return bytes as MiB."""
    return significant(value / 2**20)


APART = 2.0
"""How far a measured figure of memory may be from the static one before a table says so."""

_NO_REFERENCE = "there is no reference to compare with"

ACCURACY = (
    Column(
        "residual", "residual", scientific, "optimality measure of the solution", "the solver has no residual"
    ),
    Column(
        "relative_error",
        "rel. error",
        scientific,
        "norm of (hypergradient - reference) over the reference's; `<b`: below the reference's own error b",
        _NO_REFERENCE,
    ),
    Column(
        "error_bound",
        "certified error",
        scientific,
        "bound of the hypergradient's error without a reference, over the hypergradient's norm; not shown "
        "where no row has one below 1",
        "only implicit differentiation of strongly convex energies has a bound",
        optional=True,
        tells=lambda bound: bound < 1,
    ),
    Column("cosine", "cosine", unity, "cosine between hypergradient and reference", _NO_REFERENCE),
    Column(
        "norm_ratio", "norm ratio", unity, "norm of the hypergradient over the reference's", _NO_REFERENCE
    ),
    Column(
        "certified",
        "certified",
        yes_or_no,
        "whether every solution is proved optimal: no violation of the optimality conditions above 1e-10",
        "only solutions of l1 problems, with a dual variable, have a certificate",
        optional=True,
    ),
    Column(
        "adjoint_residual",
        "adj. residual",
        scientific,
        "relative residual of the backward pass's linear system",
        "the method solves no adjoint system, or does not tell its residual",
    ),
)

COST = (
    Column(
        "steps",
        "steps",
        count,
        "steps of the solver, mean over the batch",
        "the solver counts no steps",
    ),
    Column("solve_seconds", "solve ms", milliseconds, "forward solve alone", "the solve was not timed"),
    Column(
        "total_seconds", "total ms", milliseconds, "forward solve and gradient", "the gradient was not timed"
    ),
    Column(
        "overhead", "overhead", significant, "total over solve, formed round by round", "not timed together"
    ),
    Column(
        "memory_bytes",
        "memory MiB",
        mebibytes,
        "static: arguments, outputs and temporaries of the compiled program",
        "the compiler gives no figure on this device",
    ),
    Column(
        "peak_bytes",
        "peak MiB",
        mebibytes,
        "measured: what memory grew by at most while the compiled program ran, with its arguments; a note "
        f"says where this and the static figure differ by more than a factor of {APART:g}",
        "only --isolate measures it, where the system tells, and of what computes in one process",
        optional=True,
    ),
    Column("compile_seconds", "compile s", significant, "tracing, lowering and compiling", "not compiled"),
)

COLUMNS = ACCURACY + COST
