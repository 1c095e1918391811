"""The page of ELDER's training."""

from collections.abc import Sequence
from statistics import mean

from ...report.page import Page
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import counted_verdict, targets_section
from .figure import crops_figure, losses_figure, psnr_figure
from .models import ADJOINT, MOST_STEPS, RESTING, SIGMA, ZERO
from .problem import FULL, TASKS
from .rows import EquilibriumRow
from .verdict import GAIN_RULE, LOSS_RULE, count_targets

SETTING = (
    f"crops of {FULL.side} x {FULL.side} pixels, float32; {', '.join(one.name for one in TASKS)}; "
    f"{FULL.network!r} for all; {FULL.pretraining} steps as a denoiser, {FULL.steps} steps of batch "
    f"{FULL.batch} as an equilibrium model; {FULL.tests} test crops, three seeds"
)
QUESTION = (
    "Do regularisers with an energy gain when they are trained as equilibrium models, in the place where "
    "they work, and is it a disadvantage to have an energy? A small network is trained to denoise (for "
    "the scalar potential: such that its gradient denoises), the weight of each is chosen on training "
    "pairs by doubling and halving, and network, noise level and weight are then trained by the implicit "
    "hypergradient of the root mean squared error at the equilibrium (its square would let crops with much "
    "texture decide alone): by Adam, on the same pairs, as many steps for all. "
    f"All is far below the authors' sizes, so that it fits two cores: {SETTING}. Energies are "
    "minimised by proximal gradient steps with backtracking, the prox being the data term's, at most "
    f"{MOST_STEPS} of them, until the energy changes by {RESTING:g} of itself or the gradient is {ZERO:g} "
    "of ||A^T y||; where there is no energy by Anderson's method, until the operator is "
    f"{ZERO:g} of ||A^T y||: the equilibrium is that of the authors' iteration. Adjoint equations are solved "
    f"by MINRES, or by GMRES without an energy, to a residual of {ADJOINT:g}. A step of which a solve or an "
    "adjoint equation missed its tolerance is flagged and not taken. The network without an energy is the "
    "same one, where the authors' is larger than those of the energies. The noise level that networks are "
    f"told begins at {SIGMA:g}. Test crops are of other photographs, and count as they are after the last "
    "step, converged or not, as with the authors; a column says how many are not. A quick run is smaller "
    "still, and shows nothing but that all of it runs."
)


def make_page(rows: Sequence[EquilibriumRow]) -> Page:
    """Make the page from the rows of all cases measured so far."""
    targets = count_targets(rows)
    figures = {}
    if rows:
        figures = {"psnr": psnr_figure(rows), "losses": losses_figure(rows)}
    if any(row["crops"] for row in rows):
        figures["restored_crops"] = crops_figure(rows)
    tasks = dict.fromkeys(row["task"] for row in rows)
    return Page(
        title="ELDER: regularisers with an energy, trained as equilibrium models",
        question=QUESTION,
        rule=f"B1. {GAIN_RULE} B2. {LOSS_RULE}",
        sections=[
            targets_section(targets),
            *(_psnr_table(task, [row for row in rows if row["task"] == task]) for task in tasks),
            _training_table(rows),
        ],
        verdict=counted_verdict(targets),
        figures=figures,
    )


def _psnr_table(task: str, rows: Sequence[EquilibriumRow]) -> TextTable:
    lines = [
        [
            row["regularizer"],
            str(row["seed"]),
            cell(row["pretrained_psnr"], ".2f", "none"),
            cell(row["trained_psnr"], ".2f", "none"),
            f"{row['weight']:.3g}{' (edge)' * row['at_the_edge']}",
            f"{row['learned_weight']:.3g}",
            f"{row['learned_sigma']:.3g}",
            f"{row['pretrained_unsolved']}, {row['trained_unsolved']} of {row['tests']}",
            ", ".join(cell(row[key], ".0e", "none") for key in ("pretrained_residual", "trained_residual")),
            f"{row['status']}{': ' * bool(row['reason'])}{row['reason']}",
        ]
        for row in rows
    ]
    columns = (
        "regulariser", "seed", "pre-trained, dB", "trained, dB", "tuned weight", "learned", "learned sigma",
        "unsolved", "largest residuals", "status",
    )  # fmt: skip
    images = ", ".join(dict.fromkeys(row["images"] for row in rows))
    text = f"PSNR of test crops, {images}; A^T y has {mean(row['start_psnr'] for row in rows):.2f} dB."
    return TextTable(task.capitalize(), text, columns, lines, words=("status",))


def _training_table(rows: Sequence[EquilibriumRow]) -> TextTable:
    lines = [
        [
            f"{row['regularizer']}, {row['task']}",
            str(row["seed"]),
            f"{row['denoised_psnr'] - row['noisy_psnr']:+.2f}",
            str(row["steps"]),
            str(row["solve_missed"]),
            str(row["adjoint_missed"]),
            f"{row['solver_steps']:.0f}",
            cell(row["adjoint_residual"], ".1e", "none"),
            f"{row['losses'][0]:.2e}" if row["losses"] else "none",
            f"{row['losses'][-1]:.2e}" if row["losses"] else "none",
            f"{row['seconds']:.0f}",
        ]
        for row in rows
    ]
    columns = (
        "training", "seed", "denoising gains, dB", "steps", "not taken: solve", "not taken: adjoint",
        "solver steps", "largest adjoint residual", "first loss", "last loss", "s",
    )  # fmt: skip
    text = (
        "What the pre-trained network gains at noise 0.1; steps whose solve, or whose adjoint equation "
        "alone, missed its tolerance; losses are means over a tenth of the training."
    )
    return TextTable("Trainings", text if rows else "Not measured.", columns, lines)
