"""The verdict on certified solutions and on the closed form's accuracy, from rows alone."""

from collections.abc import Callable, Sequence

from ....solvers.certificate import CERTIFIED
from ..counted import Counted
from .rows import CertifiedRow, Differenced, is_differenced

ACCURACY = {"image": 1e-6, "random A": 1e-8}
LARGE, LARGE_SECONDS = "64 x 64", 60.0
LARGEST, LARGEST_SECONDS = "256 x 256", 120.0
ADJOINT = 1e-10
NEARBY_SHARE = 0.1
GAP = 0.1
"""Of one-sided differences, over the largest derivative: beyond it a kink lies between their two ends."""

RULE = (
    f"A solution counts as certified if none of its four relative violations exceeds {CERTIFIED:g}: "
    "stationarity, excess of the dual variable over its bounds, wrong signs, duality gap. Every solution "
    f"must be, and those of {LARGE} images within {LARGE_SECONDS:g} seconds. The closed form's error is "
    "that of the derivatives along the random directions together, relative, against central differences "
    "of certified solutions on their plateau (of two neighbouring steps that agree best, the smaller one); "
    f"it must be at most {ACCURACY['image']:g} on images and {ACCURACY['random A']:g} with a random A, "
    "there for each part by itself. Points reported nonsmooth have no gradient: they are counted, shown "
    "with their one-sided derivatives, and left out of the accuracy; so are points whose one-sided "
    f"differences on the plateau are more than {GAP:g} of the largest derivative apart, because a kink lies "
    "nearer than the steps reach, and points that are not certified. "
    "Total variation on 4 x 4 pixels must be reported nonsmooth, with both one-sided derivatives. "
    f"The closed form's adjoint system must be solved to a relative residual of {ADJOINT:g} on every "
    f"solution, and solution and closed form of {LARGEST} images must take at most {LARGEST_SECONDS:g} "
    "seconds together. A solve from the last pair, after W has moved by a thousandth of its norm, must be "
    f"certified and take at most {NEARBY_SHARE:g} of the time of the solve from nothing, on {LARGE} images."
)


def count_targets(rows: Sequence[CertifiedRow]) -> list[Counted]:
    """Apply the rule."""
    solved = _solutions(rows)
    large = [row for row in solved if row["size"] == LARGE]
    differenced = [row for row in rows if is_differenced(row)]
    flat = [row for row in differenced if row["kind"] == "total variation"]
    return [
        _count("certified solutions", solved, lambda row: row["certified"], "", violation_of),
        _count(
            f"{LARGE} images certified within {LARGE_SECONDS:g} s",
            large,
            lambda row: row["certified"] and row["seconds"] <= LARGE_SECONDS,
            " s",
            lambda row: row["seconds"],
        ),
        *(_accuracy(kind, [row for row in differenced if row["kind"] == kind]) for kind in ACCURACY),
        Counted(
            "total variation on 4 x 4 pixels reported nonsmooth, with both one-sided derivatives",
            sum(row["nonsmooth"] and None not in row["left"] + row["right"] for row in flat),
            len(flat),
        ),
        *_adjoints(solved),
        *_again(large),
    ]


def _adjoints(solved: Sequence[CertifiedRow]) -> list[Counted]:
    told = [row for row in solved if "adjoint_residual" in row]
    largest = [row for row in told if row["size"] == LARGEST]
    return [
        _count(f"adjoint solved to {ADJOINT:g}", told, lambda row: _adjoint(row) <= ADJOINT, "", _adjoint),
        _count(
            f"{LARGEST} images certified and differentiated within {LARGEST_SECONDS:g} s",
            largest,
            lambda row: row["certified"] and _both_seconds(row) <= LARGEST_SECONDS,
            " s",
            _both_seconds,
        ),
    ]


def _again(large: Sequence[CertifiedRow]) -> list[Counted]:
    again = [row for row in large if "nearby_seconds" in row]
    return [
        _count(
            f"{LARGE} images certified again in {NEARBY_SHARE:g} of the time",
            again,
            lambda row: row.get("nearby_certified", False) and share_of_nearby(row) <= NEARBY_SHARE,
            "",
            share_of_nearby,
        )
    ]


def share_of_nearby(row: CertifiedRow) -> float:
    """Return the time of the solve from the last pair over that of the solve from nothing."""
    return row.get("nearby_seconds", float("inf")) / row["seconds"]


def _both_seconds(row: CertifiedRow) -> float:
    return row["seconds"] + row.get("gradient_seconds", float("inf"))


def _adjoint(row: CertifiedRow) -> float:
    residual = row.get("adjoint_residual")
    return float("inf") if residual is None else residual


def violation_of(row: CertifiedRow) -> float:
    """Return the largest of the four violations; infinite where one is no number."""
    four = (row["stationarity"], row["infeasibility"], row["sign_violation"], row["gap"])
    return max(float("inf") if one is None else one for one in four)


def _accuracy(kind: str, rows: Sequence[Differenced]) -> Counted:
    open_ones = [row for row in rows if not row["certified"]]
    kinks = [row for row in rows if row["certified"] and row["nonsmooth"]]
    apart = [row for row in rows if row["certified"] and not row["nonsmooth"] and is_apart(row)]
    smooth = [row for row in rows if row["certified"] and not row["nonsmooth"] and not is_apart(row)]
    reasons = {"nonsmooth": kinks, "with a kink nearer than the steps": apart, "not certified": open_ones}
    left_out = [f"{len(found)} {reason}" for reason, found in reasons.items() if found]
    return Counted(
        f"closed form within {ACCURACY[kind]:g} of differences, {_PLURAL[kind]}",
        sum(_error(row) <= ACCURACY[kind] for row in smooth),
        len(smooth),
        f"worst {max(map(_error, smooth)):.1e}" if smooth else "",
        ", ".join(left_out),
    )


_PLURAL = {"image": "images", "random A": "random A"}


def is_apart(row: Differenced) -> bool:
    """Tell whether one-sided differences on the plateau are far apart: differences cannot judge there."""
    sides = zip(row["left"], row["right"], strict=True)
    gaps = [abs(left - right) for left, right in sides if left is not None and right is not None]
    largest = max((abs(one) for one in row["closed_form"] if one is not None), default=0.0)
    return max(gaps, default=0.0) > GAP * largest


def _error(row: Differenced) -> float:
    return float("inf") if row["error"] is None else row["error"]


def _solutions(rows: Sequence[CertifiedRow]) -> list[CertifiedRow]:
    """Return one row per solution: with a random A there are several, one per part that moves."""
    return list({(row["case"], row["seed"]): row for row in rows}.values())


def _count(
    claim: str,
    rows: Sequence[CertifiedRow],
    meets: Callable[[CertifiedRow], bool],
    unit: str,
    size: Callable[[CertifiedRow], float],
) -> Counted:
    detail = f"worst {max(map(size, rows)):.1e}{unit}" if rows else ""
    return Counted(claim, sum(map(meets, rows)), len(rows), detail)
