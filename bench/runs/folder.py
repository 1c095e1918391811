"""The folder of a run or of a reproduction: its about file, its journal, its lock, and how it goes on."""

import contextlib
import datetime
import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar, runtime_checkable

from ..errors import UserError, refuse_taken, unwritable
from ..records.clock_test import ClockTest
from ..records.durable import replace_durably
from ..records.journal import Journal, JournalWriter
from ..records.line import Line

LOCAL = Path("results") / "local"


@runtime_checkable
class AboutFile(Protocol):
    """What a folder says of itself: what was asked for, from where, and how the clock did.

    `RunFile` is that of a run, `ReproductionFile` that of a reproduction; both are pydantic models.
    """

    @property
    def clock_tests(self) -> list[ClockTest]:
        """The clock's self-tests, one for each time that measuring began; none in older folders."""
        ...

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Self:
        """Return another one with some fields changed."""
        ...

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return the fields as values of JSON."""
        ...


_AboutFile = TypeVar("_AboutFile", bound=AboutFile)
_Entry = TypeVar("_Entry", bound=Line)


@dataclass(frozen=True)
class FolderKind(Generic[_AboutFile, _Entry]):
    """Say what tells folders of runs from those of reproductions.

    Attributes:
        noun: what the folder is that of, "a run" or "a reproduction".
        command: what makes one and goes on with it, such as `hgb run`.
        about_name: the name of the about file, such as `run.json`.
        read_about: reads that file; raises `UserError` if it is damaged.
        journal_name: the file of what was measured, such as `records.jsonl`.
        entry: what a line of it stands for.
    """

    noun: str
    command: str
    about_name: str
    read_about: Callable[[Path], _AboutFile]
    journal_name: str
    entry: type[_Entry]


@dataclass(frozen=True)
class RunFolder(Generic[_AboutFile, _Entry]):
    """A folder that holds, or will hold, what one run or one reproduction measured."""

    path: Path
    kind: FolderKind[_AboutFile, _Entry]

    @property
    def about_path(self) -> Path:
        """Where the about file lies."""
        return self.path / self.kind.about_name

    @property
    def journal(self) -> Journal[_Entry]:
        """The journal, whether it is there yet or not."""
        return Journal(self.path / self.kind.journal_name, self.kind.entry)

    @property
    def resume(self) -> str:
        """The command that goes on with it, as one types it."""
        return f"{self.kind.command} --resume {shlex.quote(str(self.path))}"

    def recorded(self) -> tuple[_Entry, ...]:
        """Return what was measured so far, of a folder that may have no journal yet."""
        return self.journal.read().entries if self.journal.path.exists() else ()

    def about(self) -> _AboutFile:
        """Read the about file.

        Raises:
            UserError: if there is none, or it is damaged.
        """
        try:
            return self.kind.read_about(self.about_path)
        except OSError as error:
            raise UserError(
                f"{self.path} is not the folder of {self.kind.noun}: cannot read {self.about_path} "
                f"({error.strerror})"
            ) from error

    def clock_warnings(self) -> tuple[str, ...]:
        """Say of each self-test that the clock failed how it did, or why that is not known.

        A folder without an about file, or with one of an older version, has no self-test to speak of.
        """
        if not self.about_path.exists():
            return ()
        try:
            tests = self.about().clock_tests
        except UserError as error:
            return (f"whether the clock passed its self-test is not known: {error}",)
        return tuple(test.fault for test in tests if test.fault)

    def write_about(self, about: _AboutFile) -> None:
        """Write the about file, whole or not at all; raise `UserError` if it cannot be written."""
        text = json.dumps(about.model_dump(mode="json"), indent=2) + "\n"
        try:
            replace_durably(self.about_path, text.encode())
        except OSError as error:
            raise unwritable(self.about_path, error) from error

    @contextlib.contextmanager
    def opened(self, begun: Callable[[], _AboutFile]) -> Iterator["OpenFolder[_AboutFile, _Entry]"]:
        """Open the folder for measuring: take its lock, and set aside the lines that cannot be read.

        Args:
            begun: makes the about file of a folder that has none yet.

        Raises:
            UserError: if the folder cannot be written, or another process is writing there.
        """
        with self.journal.writer() as writer:
            if not self.about_path.exists():
                self.write_about(begun())
            yield OpenFolder(self, writer)


@dataclass(frozen=True)
class OpenFolder(Generic[_AboutFile, _Entry]):
    """A folder whose lock this process holds; made by `RunFolder.opened` alone."""

    folder: RunFolder[_AboutFile, _Entry]
    writer: JournalWriter[_Entry]

    def note_clock(self, test: ClockTest) -> None:
        """Note in the about file how the clock did in its own test."""
        about = self.folder.about()
        self.folder.write_about(about.model_copy(update={"clock_tests": [*about.clock_tests, test]}))


def new_folder(out: Path | None, name: str) -> Path:
    """Return the folder of something new: the one that was asked for, or one named after the time and `name`.

    Raises:
        UserError: if the one that was asked for is there and is not an empty folder.
    """
    if out is None:
        time = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        return LOCAL / f"{time}-{name}"
    refuse_taken(out, f"give a new one, or --resume {out} to go on with it")
    return out
