"""A request: what a selection asks for, with every name resolved, once."""

from dataclasses import dataclass

from ...problems.ground_truth import GroundTruth
from ...problems.ground_truths.image_folder import ImageFolder
from ..catalogue.catalogue import Catalogue
from ..catalogue.entry import Entry, Origin
from ..errors import UserError, nearest
from .answer import ask
from .lineup import lineup_of
from .misfits import Misfit
from .problem import Problem
from .selection import Selection
from .suites import TOLERANCES, Suite, suite_of
from .workloads import placed_workloads

USUAL_TRUTHS = ("piecewise-constant", "photographs")
"""Ground truths that a shape takes if they have it; else the first of the catalogue that does."""


@dataclass(frozen=True)
class Truths:
    """The ground truths of a request.

    Attributes:
        entries: the first that has a shape is taken.
        option: how they were asked for, for messages; empty if nobody did.
    """

    entries: tuple[Entry[GroundTruth], ...]
    option: str = ""

    def of_shape(self, shape: tuple[int, ...]) -> Entry[GroundTruth]:
        """Return the ground truths for a shape; raise `Misfit` with the reason where there are none.

        One that was asked for and fails to answer is returned: its cases say so.
        """
        answers = [ask(entry.value.supports, shape) for entry in self.entries]
        for entry, answer in zip(self.entries, answers, strict=True):
            if answer.yes or (self.option and answer.failure):
                return entry
        if self.option:
            raise Misfit(f"{self.option}: {answers[0].reason}")
        reasons = [answer.reason for answer in answers[: len(USUAL_TRUTHS)]]
        raise Misfit(f"no ground truth has this shape: {reasons[-1]}")


@dataclass(frozen=True)
class Request:
    """Everything that a run is to measure; nothing below looks a name up again.

    Attributes:
        selection: what was typed; below, its numbers alone are read.
        suite: the one that it names.
        truths: the ground truths of all problems.
        problems: in the order in which they are measured.
        seeds: how many instances of each, from seed 0.
    """

    selection: Selection
    suite: Suite
    truths: Truths
    problems: tuple[Problem, ...]
    seeds: range


def request_of(selection: Selection, catalogue: Catalogue) -> Request:
    """Resolve the names of a selection and of its suite.

    Precisions of one problem follow each other, so that references can be used again.

    Raises:
        UserError: for an unknown name, a text that is no size, an image folder that cannot be read, or
            options that exclude each other.
    """
    suite = suite_of(selection.suite)
    _check(selection, suite)
    # Unknown names are said before a problem is looked for.
    for kind in ("methods", "solvers"):
        catalogue.entries(kind, getattr(selection, kind))
    dtypes = selection.dtypes or suite.dtypes
    problems = [
        Problem(
            task,
            regularizer,
            workload.shape,
            selection.batch or workload.batch,
            workload.unrolled_steps,
            dtype,
            lineup_of(selection, catalogue, suite, workload, task.name, dtype == dtypes[0]),
        )
        for regularizer, workload, task in placed_workloads(selection, catalogue, suite)
        for dtype in dtypes
    ]
    seeds = range(selection.seeds or suite.seeds)
    return Request(selection, suite, truths_of(selection, catalogue), tuple(problems), seeds)


def _check(selection: Selection, suite: Suite) -> None:
    """Raise `UserError` for options that nothing accepts, or that exclude each other."""
    for dtype in selection.dtypes:
        if dtype not in TOLERANCES:
            raise UserError(nearest(dtype, TOLERANCES, kind="dtype"))
    if selection.images is not None and selection.data is not None:
        raise UserError(
            f"--images {selection.images} and --data {selection.data} are both ground truths; give one"
        )
    if suite.sweep is not None and (selection.tolerance is not None or selection.max_steps is not None):
        raise UserError(
            f"the suite {suite.name!r} sweeps tolerances and steps itself; leave --tolerance and --max-steps "
            "out"
        )


def truths_of(selection: Selection, catalogue: Catalogue) -> Truths:
    """Return the ground truths that a selection asks for, or all in the usual order.

    Raises:
        UserError: for an unknown name, or an image folder that cannot be read.
    """
    if selection.images is not None:
        return Truths((_folder(str(selection.images)),), f"--images {selection.images}")
    if selection.data is not None:
        return Truths(tuple(catalogue.entries("data", [selection.data])), f"data {selection.data!r}")
    held = {entry.name: entry for entry in catalogue.entries("data")}
    usual = {name: held[name] for name in USUAL_TRUTHS}
    return Truths(tuple({**usual, **held}.values()))


def _folder(path: str) -> Entry[GroundTruth]:
    try:
        folder = ImageFolder(path)
        folder.fingerprint()
    except ValueError as error:
        raise UserError(str(error)) from error
    return Entry("image-folder", folder, Origin.LIBRARY)
