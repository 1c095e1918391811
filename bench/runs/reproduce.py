"""Run a reproduction case by case into a journal from which a stopped one goes on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import reproductions
from ..catalogue.kebab_case import kebab_case
from ..distributing.cluster import Workers, cluster, shares
from ..distributing.reproduced import reproduced_cases
from ..errors import UserError, nearest
from ..isolation.limits import IsolationLimits
from ..isolation.reproduced_apart import reproduced_apart
from ..isolation.reproduction_child import ReproductionSetup
from ..progress import RunProgress
from ..records.reproduced_case import ReproducedCase, reproduced_now
from ..reproductions.reproduction import EndsProcesses, NamedCase, Reproduction, TakesImages
from .folder import OpenFolder
from .provenance import provenance
from .reproduction_file import REPRODUCTION_FILE, ReproductionFile, reproduction_folder


def built_in_reproductions() -> dict[str, Reproduction[Any]]:
    """Return every reproduction by its name in kebab case."""
    classes = [cls for cls in vars(reproductions).values() if isinstance(cls, type)]
    return {kebab_case(cls.__name__): cls() for cls in classes}


def reproduction_named(name: str) -> Reproduction[Any]:
    """Return a reproduction by name; raise `UserError` for an unknown one."""
    known = built_in_reproductions()
    if name not in known:
        raise UserError(nearest(name, known, kind="reproduction"))
    return known[name]


@dataclass(frozen=True)
class ReproductionPlan:
    """A reproduction that is ready to start: its folder, its name, and its cases in their order.

    With `quick` the cases are few and small; with `images` they are of the user's own. `isolation` is what
    the process may take that measures them, where it is another one; None for the defaults.
    """

    folder: Path
    name: str
    quick: bool
    entry: Reproduction[Any]
    cases: tuple[NamedCase, ...]
    images: Path | None = None
    isolation: IsolationLimits | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its cases, in their order: what is recorded and compared."""
        return tuple(case.name for case in self.cases)


def plan_reproduction(
    name: str,
    quick: bool,
    folder: Path,
    images: Path | None = None,
    isolation: IsolationLimits | None = None,
) -> ReproductionPlan:
    """List the cases of a reproduction.

    Raises:
        UserError: for an unknown one, for images where it takes none, or for limits of a process of its own
            where it has none.
    """
    entry = reproduction_named(name)
    if isolation is not None and not isinstance(entry, EndsProcesses):
        raise UserError(
            f"{name} measures in this process: --case-seconds and --case-memory are limits of another one, "
            f"which {', '.join(names_measured_apart())} has"
        )
    if images is not None:
        images = images.resolve()  # the folder may be gone on with from elsewhere
        if not isinstance(entry, TakesImages):
            accepted = ", ".join(names_taking_images())
            raise UserError(f"{name} takes no --images; accepted: {accepted}")
        entry = entry.of_images(images)
    return ReproductionPlan(folder, name, quick, entry, tuple(entry.cases(quick)), images, isolation)


def names_taking_images() -> list[str]:
    """Return the names of the reproductions that a user's images can be given to."""
    return [name for name, entry in built_in_reproductions().items() if isinstance(entry, TakesImages)]


def names_measured_apart() -> list[str]:
    """Return the names of the reproductions whose cases are measured in a process of their own."""
    return [name for name, entry in built_in_reproductions().items() if isinstance(entry, EndsProcesses)]


def plan_reproduction_again(folder: Path) -> ReproductionPlan:
    """Plan a recorded reproduction once more, from what its folder says was asked for.

    Raises:
        UserError: if there is none, if it is damaged, or if its cases are others than those that it was
            started with.
    """
    files = reproduction_folder(folder)
    asked = files.about()
    images = None if asked.images is None else Path(asked.images)
    plan = plan_reproduction(asked.name, asked.quick, folder, images, asked.isolation)
    if asked.cases is None:
        _refuse_foreign_cases(plan, {measured.case for measured in files.recorded()})
    else:
        _refuse_other_cases(plan, asked.cases)
    return plan


@contextmanager
def started_reproduction(
    plan: ReproductionPlan, command: Sequence[str], device: str = "cpu", workers: Workers | None = None
) -> Iterator["RunningReproduction"]:
    """Open the folder for writing, set aside the lines that are no case, and hand out the reproduction.

    Args:
        plan: its cases.
        command: what was typed.
        device: what is computed on.
        workers: of what cluster its cases are measured; None for none.

    Raises:
        UserError: if the folder cannot be written, or another process is writing to it.
    """

    def about() -> ReproductionFile:
        return ReproductionFile(
            name=plan.name,
            quick=plan.quick,
            cases=list(plan.names),
            images=None if plan.images is None else str(plan.images),
            isolation=plan.isolation,
            **provenance(command),
        )

    with reproduction_folder(plan.folder).opened(about) as opened:
        yield RunningReproduction(plan, opened, device, workers)


@dataclass(frozen=True)
class RunningReproduction:
    """A reproduction whose folder is open.

    Attributes:
        plan: its cases.
        opened: its folder.
        device: what is computed on.
        workers: of what cluster they are measured, if any.
    """

    plan: ReproductionPlan
    opened: OpenFolder[ReproductionFile, ReproducedCase]
    device: str = "cpu"
    workers: Workers | None = None

    @property
    def cases(self) -> int:
        """How many cases it has."""
        return len(self.plan.cases)

    @property
    def done(self) -> int:
        """How many of them were recorded when the folder was opened."""
        return self.cases - len(self.missing)

    @property
    def missing(self) -> list[NamedCase]:
        """The cases that were not recorded when the folder was opened, in their order."""
        recorded = {measured.case for measured in self.opened.writer.before}
        return [case for case in self.plan.cases if case.name not in recorded]

    def measure_missing(self, progress: RunProgress) -> None:
        """Measure and record every case that is not recorded yet.

        Raises:
            UserError: for a row whose status is not on the closed list, nothing of whose case is recorded;
                and for what a cluster cannot do.
        """
        if self.workers is not None:
            self._measure_on(self.workers, progress)
            return
        entry = self.plan.entry
        if isinstance(entry, EndsProcesses):
            found = reproduced_apart(entry, self.missing, self._setup, self._limits, progress.begin)
        else:
            found = self._here(progress)
        for measured in found:
            self.opened.writer.append(measured)
            progress.advance(1)

    @property
    def _limits(self) -> IsolationLimits:
        return self.plan.isolation or IsolationLimits()

    @property
    def _setup(self) -> ReproductionSetup:
        plan = self.plan
        return ReproductionSetup(
            entry=type(plan.entry).__name__, quick=plan.quick, device=self.device, images=plan.images
        )

    def _here(self, progress: RunProgress) -> Iterator[ReproducedCase]:
        for case in self.missing:
            progress.begin(case.name)
            yield reproduced_now(case.name, self.plan.entry.measure(case, self.plan.quick))

    def _measure_on(self, workers: Workers, progress: RunProgress) -> None:
        own, limits = shares(workers.here) if workers.here else [], self._limits
        if workers.here:
            limits = limits.of_each(workers.here)
        run = self.plan.entry, self.missing, self._setup, limits, own
        with cluster(workers) as client:
            for measured in reproduced_cases(client, *run, progress.begin):
                self.opened.writer.append(measured)
                progress.advance(1)


def _refuse_other_cases(plan: ReproductionPlan, asked: Sequence[str]) -> None:
    """Refuse to go on with other cases than those that the folder was made for."""
    if tuple(asked) == plan.names:
        return
    changed = sorted(set(asked) ^ set(plan.names)) or ["their order"]
    raise UserError(
        f"{plan.folder / REPRODUCTION_FILE} was written for {len(asked)} cases, and what it asks for has "
        f"{len(plan.cases)} now (other: {', '.join(changed[:5])}): it was changed, or is of another version; "
        "take a new folder"
    )


def _refuse_foreign_cases(plan: ReproductionPlan, recorded: set[str]) -> None:
    """Refuse to go on beside cases that are not among those asked for."""
    foreign = sorted(recorded - set(plan.names))
    if foreign:
        raise UserError(
            f"{reproduction_folder(plan.folder).journal.path} holds {len(foreign)} cases that are not among "
            f"the {len(plan.cases)} that {REPRODUCTION_FILE} asks for, such as {foreign[0]!r}: it was "
            "changed, or is of another version; measure in a new folder"
        )
