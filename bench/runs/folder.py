"""The folder of a run or of a reproduction: its account, its journal, its lock, and how it goes on."""

import contextlib
import datetime
import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar, runtime_checkable

from ..errors import UserError, unwritable
from ..measure.self_test import ClockTest, self_test
from ..records.durable import replace_durably
from ..records.journal import Journal, JournalWriter
from ..records.line import Line
from .provenance import now

LOCAL = Path("results") / "local"


@runtime_checkable
class Account(Protocol):
    """What a folder says of itself: what was asked for, from where, and how the clock did.

    `RunFile` is that of a run, `ReproductionFile` that of a reproduction; both are pydantic models.
    """

    @property
    def clock_tests(self) -> list[ClockTest]:
        """The clock's self-tests, one for each time that measuring began; none in older folders."""
        ...

    def with_clock_test(self, test: ClockTest) -> Self:
        """Return the account with one more self-test."""
        ...

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return the fields as values of JSON."""
        ...


_Account = TypeVar("_Account", bound=Account)
_Entry = TypeVar("_Entry", bound=Line)


@dataclass(frozen=True)
class FolderKind(Generic[_Account, _Entry]):
    """Say what tells folders of runs from those of reproductions.

    Attributes:
        noun: what the folder is that of, "a run" or "a reproduction".
        command: what makes one and goes on with it, such as `hgb run`.
        account_name: the file of the account, such as `run.json`.
        read_account: reads that file; raises `UserError` if it is damaged.
        journal_name: the file of what was measured, such as `records.jsonl`.
        entry: what a line of it stands for.
    """

    noun: str
    command: str
    account_name: str
    read_account: Callable[[Path], _Account]
    journal_name: str
    entry: type[_Entry]


@dataclass(frozen=True)
class RunFolder(Generic[_Account, _Entry]):
    """A folder that holds, or will hold, what one run or one reproduction measured."""

    path: Path
    kind: FolderKind[_Account, _Entry]

    @property
    def account_path(self) -> Path:
        """The file of the account."""
        return self.path / self.kind.account_name

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

    def account(self) -> _Account:
        """Read the account.

        Raises:
            UserError: if there is none, or it is damaged.
        """
        try:
            return self.kind.read_account(self.account_path)
        except OSError as error:
            raise UserError(
                f"{self.path} is not the folder of {self.kind.noun}: cannot read {self.account_path} "
                f"({error.strerror})"
            ) from error

    def clock_warnings(self) -> tuple[str, ...]:
        """Say of each self-test that the clock failed how it did, or why that is not known.

        A folder without an account, or with one of an older version, has no self-test to speak of.
        """
        if not self.account_path.exists():
            return ()
        try:
            tests = self.account().clock_tests
        except UserError as error:
            return (f"whether the clock passed its self-test is not known: {error}",)
        return tuple(test.fault for test in tests if test.fault)

    def write_account(self, account: _Account) -> None:
        """Write the account, whole or not at all; raise `UserError` if it cannot be written."""
        text = json.dumps(account.model_dump(mode="json"), indent=2) + "\n"
        try:
            replace_durably(self.account_path, text.encode())
        except OSError as error:
            raise unwritable(self.account_path, error) from error

    @contextlib.contextmanager
    def opened(self, begun: Callable[[], _Account]) -> Iterator["OpenFolder[_Account, _Entry]"]:
        """Open the folder for measuring: take its lock, and set aside the lines that cannot be read.

        Args:
            begun: makes the account of a folder that has none yet.

        Raises:
            UserError: if the folder cannot be written, or another process is writing there.
        """
        with self.journal.writer() as writer:
            if not self.account_path.exists():
                self.write_account(begun())
            yield OpenFolder(self, writer)


@dataclass(frozen=True)
class OpenFolder(Generic[_Account, _Entry]):
    """A folder whose lock this process holds; made by `RunFolder.opened` alone."""

    folder: RunFolder[_Account, _Entry]
    writer: JournalWriter[_Entry]

    def test_clock(self) -> ClockTest:
        """Let the clock test itself, and note in the account how it did."""
        test = self_test(now())
        self.folder.write_account(self.folder.account().with_clock_test(test))
        return test


def new_folder(out: Path | None, name: str) -> Path:
    """Return the folder of something new: the one that was asked for, or one named after the time and `name`.

    Raises:
        UserError: if the one that was asked for is there and is not an empty folder.
    """
    if out is None:
        time = datetime.datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        return LOCAL / f"{time}-{name}"
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(
            f"--out {out} is not an empty folder; give a new one, or --resume {out} to go on with it"
        )
    return out
