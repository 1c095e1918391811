"""What each rule does and holds, in words: the table of formulas."""

from ..report.text_table import TextTable

_LINES = (
    (
        "solve alone",
        "T G",
        "the solver's state",
        "nothing; L-BFGS has 20 loops over pairs in each of T steps",
    ),
    ("implicit, conjugate gradients, MINRES", "K H + R", "14 or 11 sets of responses", "K"),
    ("implicit, GMRES", "50 K H, and 25 vector products in each", "50 images twice", "K cycles"),
    ("implicit, dense", "n H + 2/3 n^3", "n^2 (k + 4) numbers", "n"),
    ("implicit, Neumann series", "K H + R", "11 sets of responses", "K"),
    ("one step (JFB)", "G + R", "a tape of one step", "nothing"),
    ("phantom, J steps", "J (G + R)", "J tapes", "J"),
    ("SHINE", "20 vector products + R", "20 images", "nothing"),
    ("unrolled", "T R", "T tapes", "T"),
    ("unrolled, last J; restarted", "J R", "J tapes", "J"),
    ("unrolled, checkpoints every c", "T (G + R)", "T / c states and c tapes", "T"),
    ("unrolled, recursive checkpoints", "T (log2 T - 1) G + T R", "log2 T states and two tapes", "T log T"),
    ("forward mode", "p T (G + H)", "16 tangents; p directions of n + p numbers", "p"),
    ("finite differences", "2 p T G", "p directions of n + p numbers", "p"),
    ("SPSA, 16 samples", "32 T G", "the solver's state", "nothing; its error grows with p"),
    ("piggyback, J joint steps", "J (G + H) + R", "14 images, 10 sets of responses", "J"),
    ("closed form, dense W (BLORC)", "at most 8 pairs of products with W", "k^2 numbers per signal", "k"),
    (
        "closed form, factorised",
        "some n^1.5 r^3",
        "12 r^2 n numbers a level of log2 n / 2, r the reach",
        "n log n; r",
    ),
    ("closed form, iterated", "K pairs of filterings", "13 sets of responses", "K"),
)


def rule_table() -> TextTable:
    """Return the table: beside the solve's own T G, what a rule does, holds, and grows with."""
    return TextTable(
        "What each rule costs", "", ("rule", "beside the solve", "holds", "grows with"), _LINES, _WORDS
    )


_WORDS = ("beside the solve", "holds", "grows with")
