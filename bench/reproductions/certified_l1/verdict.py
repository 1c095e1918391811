"""The verdict on certified solutions and on the closed form's accuracy, from rows alone."""

from collections.abc import Callable, Sequence

from ....solvers.certificate import CERTIFIED
from ..counted import Counted
from .rows import CertifiedRow, Differenced, is_differenced

ACCURACY = {"image": 1e-6, "random A": 1e-8}
LARGE, LARGE_SECONDS = "64 x 64", 60.0

RULE = (
    f"A solution counts as certified if none of its four relative violations exceeds {CERTIFIED:g}: "
    "stationarity, excess of the dual variable over its bounds, wrong signs, duality gap. Every solution "
    f"must be, and those of {LARGE} images within {LARGE_SECONDS:g} seconds. The closed form's error is "
    "that of the derivatives along three random directions together, relative, against central differences "
    "of certified solutions on their plateau (of two neighbouring steps that agree best, the smaller one); "
    f"it must be at most {ACCURACY['image']:g} on images and {ACCURACY['random A']:g} with a random A, "
    "there for each part by itself. Points reported nonsmooth have no gradient: they are counted, shown "
    "with their one-sided derivatives, and left out of the accuracy; so are points that are not certified. "
    "Total variation on 4 x 4 pixels must be reported nonsmooth, with both one-sided derivatives."
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
    ]


def violation_of(row: CertifiedRow) -> float:
    """Return the largest of the four violations; infinite where one is no number."""
    four = (row["stationarity"], row["infeasibility"], row["sign_violation"], row["gap"])
    return max(float("inf") if one is None else one for one in four)


def _accuracy(kind: str, rows: Sequence[Differenced]) -> Counted:
    open_ones = [row for row in rows if not row["certified"]]
    kinks = [row for row in rows if row["certified"] and row["nonsmooth"]]
    smooth = [row for row in rows if row["certified"] and not row["nonsmooth"]]
    left_out = [f"{len(kinks)} nonsmooth"] * bool(kinks) + [f"{len(open_ones)} not certified"] * bool(
        open_ones
    )
    return Counted(
        f"closed form within {ACCURACY[kind]:g} of differences, {_PLURAL[kind]}",
        sum(_error(row) <= ACCURACY[kind] for row in smooth),
        len(smooth),
        f"worst {max(map(_error, smooth)):.1e}" if smooth else "",
        ", ".join(left_out),
    )


_PLURAL = {"image": "images", "random A": "random A"}


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
