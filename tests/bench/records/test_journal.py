"""The journal loses nothing that was written, whatever ends the writer, and names what it cannot read."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import synthetic_records
from synthetic_records import identity, measured, record

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.records import durable
from hypergrad_bench.bench.records.journal import Journal
from hypergrad_bench.bench.records.line_file import BadLine
from hypergrad_bench.bench.records.record import Record

# Appends as fast as it can and says on its standard output what is safely written.
WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from synthetic_records import identity, measured
from hypergrad_bench.bench.records.journal import Journal
from hypergrad_bench.bench.records.record import Record
journal = Journal(Path(sys.argv[2]) / 'records.jsonl', Record)
with journal.writer() as writer:
    for number in range(int(sys.argv[3]), 10**6):
        writer.append(measured(id=identity(number)))
        print(number, flush=True)
"""


def journal_in(folder: Path) -> Journal[Record]:
    return Journal(folder / "records.jsonl", Record)


def read(journal: Journal[Record]) -> tuple[tuple[Record, ...], tuple[BadLine, ...]]:
    found = journal.read()
    return found.entries, found.bad_lines


def write(folder: Path, *records) -> Journal[Record]:
    journal = journal_in(folder)
    with journal.writer() as writer:
        for each in records:
            writer.append(each)
    return journal


def spoil(journal: Journal[Record], number: int, line: bytes) -> None:
    lines = journal.path.read_bytes().split(b"\n")
    lines[number - 1] = line
    journal.path.write_bytes(b"\n".join(lines))


def test_appended_records_are_read_in_order(tmp_path):
    written = [measured(id=identity(number)) for number in range(5)]
    records, bad = read(write(tmp_path / "new" / "run", *written))
    assert list(records) == written
    assert bad == ()


def test_corrupt_middle_line_is_named_and_the_rest_kept(tmp_path):
    journal = write(tmp_path, *(record(id=identity(number)) for number in range(3)))
    spoil(journal, 2, b'{"id": "broken')
    records, (bad,) = read(journal)
    assert [each.id for each in records] == [identity(0), identity(2)]
    assert str(bad).startswith(f"{journal.path}:2: not a line of JSON")


@pytest.mark.parametrize("line", [b"", b"\x00\x00\x00", b"\xff\xfe", b"[]", b'{"id": "0123456789ab"}'])
def test_corrupt_line_of_any_kind_is_set_aside_when_writing(tmp_path, line):
    journal = write(tmp_path, *(record(id=identity(number)) for number in range(3)))
    spoil(journal, 2, line)
    with journal.writer() as writer:
        assert [bad.number for bad in writer.rejected] == [2]
        writer.append(record(id=identity(7)))
    records, bad = read(journal)
    assert [each.id for each in records] == [identity(0), identity(2), identity(7)]
    assert bad == ()
    assert journal.rejected.read_bytes() == line + b"\n"


def test_lines_rejected_twice_are_kept_once_and_new_ones_added(tmp_path):
    journal = write(tmp_path, *(record(id=identity(number)) for number in range(3)))
    journal.rejected.write_bytes(b"first\n")  # what a repair leaves that was killed half way
    spoil(journal, 1, b"first")
    spoil(journal, 3, b"second")
    with journal.writer():
        pass
    assert journal.rejected == tmp_path / "records.rejected.jsonl"
    assert journal.rejected.read_bytes() == b"first\nsecond\n"


def test_torn_tail_is_named_by_reading_and_set_aside_by_writing(tmp_path):
    journal = write(tmp_path, record(id=identity(0)), record(id=identity(1)))
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[:-2])
    records, (bad,) = read(journal)
    assert [each.id for each in records] == [identity(0)]
    assert (bad.number, "torn" in bad.reason) == (2, True)
    with journal.writer() as writer:
        assert writer.rejected == (bad,)
        writer.append(record(id=identity(1)))
    assert journal.path.read_bytes() == content
    assert journal.rejected.read_bytes() == content.splitlines()[1][:-1] + b"\n"


def test_a_whole_record_without_its_newline_is_kept(tmp_path):
    """As an editor leaves it, or a kill between a line and its end: nothing of it is missing."""
    journal = write(tmp_path, record(id=identity(0)), record(id=identity(1)))
    content = journal.path.read_bytes()
    journal.path.write_bytes(b"\xef\xbb\xbf" + content[:-1])  # with an editor's byte order mark
    records, bad = read(journal)
    assert ([each.id for each in records], bad) == ([identity(0), identity(1)], ())
    with journal.writer() as writer:
        assert writer.rejected == ()
    assert journal.path.read_bytes() == content
    assert not journal.rejected.exists()


@pytest.mark.parametrize("depth", [300, 100_000])
def test_a_tower_of_brackets_is_a_bad_line(tmp_path, depth):
    journal = write(tmp_path, record(id=identity(0)), record(id=identity(1)))
    spoil(journal, 1, b'{"environment":' + b"[" * depth + b"]" * depth + b"}")
    records, (bad,) = read(journal)
    assert [each.id for each in records] == [identity(1)]
    assert "recursion limit" in bad.reason


def test_of_records_with_one_id_the_last_is_kept_and_the_first_named(tmp_path):
    journal = write(tmp_path, record(seed=1), record(id=identity(5)), record(seed=2))
    records, (bad,) = read(journal)
    assert [each.seed for each in records] == [0, 2]
    assert bad.number == 1
    assert "line 3" in bad.reason
    with journal.writer() as writer:
        assert writer.rejected == (bad,)
    assert read(journal) == (records, ())
    assert journal.rejected.read_text() == record(seed=1).to_line() + "\n"


def test_second_writer_is_refused_and_the_lock_ends_with_the_first(tmp_path):
    journal = journal_in(tmp_path)
    with journal.writer():
        with pytest.raises(UserError, match=f"another run is writing to {tmp_path}"), journal.writer():
            pytest.fail("two writers")
        assert read(journal) == ((), ())  # reading needs no lock
    with journal.writer():
        pass


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_folder_that_cannot_be_made_is_named(tmp_path, place):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(UserError, match=f"cannot write to {tmp_path / place}.*writable"),
        journal_in(tmp_path / place).writer(),
    ):
        pytest.fail("no folder")


def test_unwritable_folder_is_named(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # root may write anywhere, so that chmod proves nothing
    with pytest.raises(UserError, match=f"{tmp_path}: Permission denied"), journal_in(tmp_path).writer():
        pytest.fail("not writable")


def test_full_disk_leaves_no_torn_line(tmp_path, monkeypatch):
    journal = write(tmp_path, record(id=identity(0)))
    real = os.write
    with journal.writer() as writer:
        monkeypatch.setattr(durable.os, "write", lambda descriptor, content: real(descriptor, content[:10]))
        with pytest.raises(UserError, match="No space left"):
            writer.append(record(id=identity(1)))
        monkeypatch.undo()
        writer.append(record(id=identity(2)))
    records, bad = read(journal)
    assert [each.id for each in records] == [identity(0), identity(2)]
    assert bad == ()


def test_every_append_is_one_write_and_synced(tmp_path, monkeypatch):
    writes, syncs = [], []
    real_write, real_sync = os.write, os.fsync
    with journal_in(tmp_path).writer() as writer:
        monkeypatch.setattr(durable.os, "write", lambda d, c: writes.append(c) or real_write(d, c))
        monkeypatch.setattr(durable.os, "fsync", lambda d: syncs.append(len(writes)) or real_sync(d))
        writer.append(record())
    assert writes == [record().to_line().encode() + b"\n"]
    assert syncs == [1]


def test_a_named_pipe_is_refused_unopened(tmp_path):
    os.mkfifo(tmp_path / "records.jsonl")
    with pytest.raises(UserError, match="no ordinary file"):
        journal_in(tmp_path).read()


def test_no_journal_is_named(tmp_path):
    with pytest.raises(UserError, match=str(tmp_path / "records.jsonl")):
        journal_in(tmp_path).read()


@pytest.mark.slow
def test_kill_at_ten_random_moments_loses_nothing(tmp_path):
    """Each child is killed while it appends; the next one repairs and goes on where its journal ends."""
    delays = random.Random(0)
    promised: set[str] = set()
    journal = journal_in(tmp_path)
    for _ in range(10):
        start = len(journal.read().entries) if journal.path.exists() else 0
        promised |= killed_writer(tmp_path, start, delays.uniform(0.0, 0.2))
    with journal.writer():
        pass
    records, bad = read(journal)
    found = [each.id for each in records]
    assert bad == ()
    assert promised <= set(found)
    assert found == [identity(number) for number in range(len(found))]
    assert len(found) >= 10
    assert journal.path.read_bytes().count(b"\n") == len(found)


def killed_writer(folder: Path, start: int, delay: float) -> set[str]:
    """Start a writer, kill it a moment after its first record, and return the ids it had confirmed."""
    oracles = Path(synthetic_records.__file__).parent
    command = [sys.executable, "-c", WRITER, str(oracles), str(folder), str(start)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
    complete = (first + rest).rpartition("\n")[0]
    return {identity(int(number)) for number in complete.split()}
