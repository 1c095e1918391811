"""Progress tells what is done and what is left, on standard error, in a form that suits the stream."""

import io

import pytest
from rich.console import Console

from hypergrad_bench.bench.progress import RunProgress, duration, time_left


def test_time_left_rests_on_the_finished_cases():
    assert time_left(done=4, remaining=8, elapsed=10.0) == 20.0
    assert time_left(done=0, remaining=8, elapsed=10.0) is None
    assert time_left(done=4, remaining=0, elapsed=10.0) == 0.0


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0:00"), (65.0, "1:05"), (3723.0, "1:02:03")])
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_plain_lines_where_there_is_no_terminal(monkeypatch):
    console = Console(file=io.StringIO(), width=60)
    with RunProgress(total=10, before=4, console=console) as progress:
        start = progress._start
        progress._clock = lambda: start + 30
        progress.begin("denoising [64], float64")
        progress.advance(3)
        progress.begin("a label that is longer than the sixty characters of this console has room for")
        progress.advance(3)
    first, second, last = console.file.getvalue().splitlines()
    assert first == "[4/10] 0:30 passed: denoising [64], float64"
    assert second.startswith("[7/10] 0:30 passed, about 0:30 left: a label")
    assert last == "[10/10] 0:30 passed, about 0:00 left: done"


def test_an_error_is_not_reported_as_the_end():
    console = Console(file=io.StringIO())
    with pytest.raises(ValueError, match="x"), RunProgress(total=2, console=console):
        raise ValueError("x")
    assert console.file.getvalue() == ""


def test_terminal_shows_counts_times_and_label():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    with RunProgress(total=10, console=console) as progress:
        progress.begin("inpainting [a]")
        progress.advance(5)
    shown = console.file.getvalue()
    assert "5/10" in shown
    assert "left" in shown
    assert "inpainting [a]" in shown


def test_default_is_standard_error(capsys):
    with RunProgress(total=1) as progress:
        progress.begin("only")
        progress.advance(1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "only" in captured.err
