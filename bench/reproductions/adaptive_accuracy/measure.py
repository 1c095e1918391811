"""Train every contestant with the same work, and judge what it reached by nearly exact solutions."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from ....hypergrad import PairSolves, UpperProblem, UpperState
from ...machine.threads import fix_blas_threads
from ...measure.untimed import untimed
from ...records.status import Status
from ..relative_error import finite
from .problem import TrainedExperts, UpperContestant, contestants
from .rows import GRANTED, JUDGED, TrainedRow

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
CHUNK = len(SHARES)
"""Steps in one program; as many as shares, so that one program judges steps and shares."""
MOST_CHUNKS, QUICK_CHUNKS = 200, 3
MOST_JUDGING = 50_000
"""Steps of the solver at most for the solutions by which contestants are judged."""


class Path(NamedTuple):
    """The states of a training run, the start first.

    Attributes:
        regularizer: the parameters.
        taken: whether the step that led there moved them.
        work: gradients and Hessian products, in that step.
        products: those of Hessians with vectors.
    """

    regularizer: Any
    taken: Shaped[Array | np.ndarray, "*steps"]
    work: Shaped[Array | np.ndarray, "*steps"]
    products: Shaped[Array | np.ndarray, "*steps"]


class JudgedPath(NamedTuple):
    """What parameters are worth: the mean loss, and the mean PSNR over the images in dB."""

    loss: Float[Array | np.ndarray, "*steps"]
    psnr: Float[Array | np.ndarray, "*steps"]


def measure_case(case: TrainedExperts, quick: bool) -> list[TrainedRow]:
    """Return the rows of all contestants."""
    fix_blas_threads()
    training, test = case.problem("train"), case.problem("test")
    most = QUICK_CHUNKS if quick else MOST_CHUNKS
    rows: list[TrainedRow] = []
    for contestant in contestants(quick):
        path = _train(contestant, case, training, most)
        rows += _rows(case, contestant, path, training, test, quick)
    return rows


def _train(contestant: UpperContestant, case: TrainedExperts, training: UpperProblem, most: int) -> Path:
    """Train until the work is done."""
    state = _begin(contestant.level, training, case.start())
    chunks: list[Path] = []
    done = 0
    while done <= case.limit and len(chunks) < most:
        state, steps = _advance(contestant.level, training, state)
        chunks.append(steps)
        done += int(np.sum(steps.work))
    return _joined(chunks)


def _rows(
    case: TrainedExperts,
    contestant: UpperContestant,
    path: Path,
    training: UpperProblem,
    test: UpperProblem,
    quick: bool,
) -> list[TrainedRow]:
    """Report, for each share, the last state whose work is within it."""
    work, products = np.cumsum(path.work), np.cumsum(path.products)
    losses = np.asarray(_judge_path(training, path).loss)
    risen = path.taken[1:] & (np.diff(losses) > GRANTED * losses[:-1])
    last = [max(int(np.count_nonzero(work <= share * case.limit)) - 1, 0) for share in SHARES]
    psnrs = _judge(test, _picked(path.regularizer, last), test.y)[1].psnr
    start = float(_judge(test, _picked(path.regularizer, [0] * CHUNK), test.y)[1].psnr[0])
    rows: list[TrainedRow] = []
    for share, state, psnr in zip(SHARES, last, map(float, psnrs), strict=True):
        # Without a state beyond the work, the steps ended first.
        status = _status(losses[state], psnr, share < 1 or bool(work[-1] > case.limit))
        row: TrainedRow = {
            "case": case.name,
            "size": case.size,
            "quick": quick,
            "contestant": contestant.name,
            "kind": contestant.kind,
            "given": contestant.given,
            "share": share,
            "status": status.value,
            "reason": "" if status is Status.OK else status.sentence,
            "steps": state,
            "taken": int(np.count_nonzero(path.taken[1 : state + 1])),
            "risen": int(np.count_nonzero(risen[:state])),
            "gradients": int(work[state] - products[state]),
            "products": int(products[state]),
            "training_loss": finite(losses[state]),
            "test_psnr": finite(psnr),
            "start_psnr": start,
        }
        rows.append(row)
    return rows


def _status(loss: float, psnr: float, whole: bool) -> Status:
    if not np.isfinite([loss, psnr]).all():
        return Status.NOT_FINITE
    return Status.OK if whole else Status.MAX_STEPS


def _judge_path(problem: UpperProblem, path: Path) -> JudgedPath:
    """Judge the parameters of all states, going on from solution to solution."""
    x, found = problem.y, []
    for first in range(0, len(path.taken), CHUNK):
        x, judged = _judge(problem, _picked(path.regularizer, range(first, first + CHUNK)), x)
        found.append(judged)
    return _joined(found)


def _joined(chunks: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *chunks)


def _picked(tree: Any, numbers: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[np.asarray(numbers)], tree)


@untimed
def _begin(level: Any, problem: UpperProblem, regularizer: Any) -> Any:
    return level.init(problem, regularizer)


@untimed
def _advance(level: Any, problem: UpperProblem, state: Any) -> tuple[Any, Path]:
    """Make the steps of a chunk; return what was there before each."""

    def advance(state: Any, _: None) -> tuple[Any, Path]:
        return level.step(problem, state), _kept(state)

    return jax.lax.scan(advance, state, length=CHUNK)


@untimed
def _judge(problem: UpperProblem, regularizers: Any, x: Float[Array, "..."]) -> tuple[Array, JudgedPath]:
    """Solve the lower levels of each of the regularisers, from the last one's solutions."""
    solves = PairSolves(max_steps=MOST_JUDGING, check_every=10)
    tolerances = jnp.full(problem.count, JUDGED, x.dtype)

    def judge(x: Array, regularizer: Any) -> tuple[Array, JudgedPath]:
        found = solves.solve(problem, regularizer, x, tolerances)
        errors = jax.vmap(problem.loss.value)(found.x, problem.truth)
        # What could not be solved is worth nothing that is known.
        solved = jnp.where(found.residual <= JUDGED, errors, jnp.nan)
        return found.x, JudgedPath(jnp.mean(solved), jnp.mean(-10 * jnp.log10(solved)))

    return jax.lax.scan(judge, x, regularizers)


def _kept(state: UpperState) -> Path:
    account = state.account
    return Path(state.regularizer, account.taken, account.work.total, account.work.products)
