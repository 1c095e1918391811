"""The papers that are reproduced, and what each of them claims."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper under the name that `hgb reproduce` takes."""

    name: str
    title: str


@dataclass(frozen=True)
class PaperClaim:
    """One claim of a paper.

    Attributes:
        name: a letter for the paper and a number.
        paper: whose it is.
        sentence: the claim, in our words.
        figure: what the authors measured of it, where that is known.
    """

    name: str
    paper: Paper
    sentence: str
    figure: str = ""


BLORC = Paper("blorc", "BLORC (arXiv 2111.10858 and 2207.08939)")
ELDER = Paper("elder", "ELDER (arXiv 2303.05386)")
EQUILIBRIUM = Paper("deq-vs-bilevel", "Deep equilibrium versus bilevel learning (arXiv 2206.13193)")
RESTARTED = Paper("restarted", "Restarted contractive operators (arXiv 2506.13239)")
ALL = "all"
"""The name for every paper's reproductions together."""
PAPERS = (BLORC, ELDER, EQUILIBRIUM, RESTARTED)

CLAIMS = (
    PaperClaim(
        "A1",
        BLORC,
        "The closed form differentiates an l1 denoiser in less time than automatic differentiation.",
        "100 gradients at n = k = 100 with their solves: 1.182 s in closed form, 1.343 s by differentiating "
        "its expression, 2.021 s through the cone program",
    ),
    PaperClaim(
        "A2",
        BLORC,
        "Trained by the closed form, W becomes a difference operator on piecewise-constant signals and the "
        "cosine transform on signals that are sparse in it.",
        "1e5 steps in half an hour, n = k = 64",
    ),
    PaperClaim(
        "A3",
        BLORC,
        "Trained on 8 x 8 patches of one image, W denoises a whole image with a smaller error than total "
        "variation and the cosine transform.",
    ),
    PaperClaim(
        "A4",
        BLORC,
        "On new signals the learned W leaves a smaller error than total variation and the cosine transform.",
    ),
    PaperClaim(
        "B1",
        ELDER,
        "Explicit regularisers trained as deep equilibrium models restore far better than the same ones "
        "trained as denoisers.",
    ),
    PaperClaim("B2", ELDER, "Explicit regularisers lose nothing against a network that has no energy."),
    PaperClaim(
        "C1",
        EQUILIBRIUM,
        "A bilevel problem whose lower level is a fixed-point iteration is a deep equilibrium model: both "
        "have the same hypergradient.",
    ),
    PaperClaim("C2", EQUILIBRIUM, "Untied weights fit the training data at least as well as tied ones."),
    PaperClaim(
        "D1",
        RESTARTED,
        "The error of Jacobian-free backpropagation falls geometrically with the layers on tape, and "
        "restarts bring the step as near the exact one as one wishes.",
    ),
    PaperClaim(
        "D2",
        RESTARTED,
        "Restarts train weighted norms, plug-and-play scalars and a network inside forward-backward.",
    ),
)
