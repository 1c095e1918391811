"""Generated input that is bad: how many examples, and what a refusal has to say."""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
import typer
from generated import Ended, nothing_measured
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from hypergrad_bench.bench import cli
from hypergrad_bench.bench.catalogue.kebab_case import kebab_case
from hypergrad_bench.bench.machine import device

IN_ALL = int(os.environ.get("HGB_EXAMPLES", "2000"))
"""Of all kinds together; HGB_EXAMPLES=10000 makes more, and others each time."""

ACCEPTS = re.compile(
    "accepted|must |should be|at least|at most|in the range|a valid|not one of|did you mean|No such|give "
    "|needs? |does not exist|requires an argument|Missing|is a Python file|not the folder of|is not a PNG"
    "|cannot be read|largest possible|; it has |ends? in |other images|: hgb |(?i:file name too long)"
    "|importing .* failed|np.save|store |holds "
)
"""Words of sentences that say what is accepted, or what there is not."""


@contextlib.contextmanager
def nothing_but_refusals(folder: Path) -> Iterator[None]:
    """Do what `nothing_measured` does, and build the command line once, which takes most of the time."""
    with nothing_measured(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "app", typer.main.get_command(cli.app))
        patch.setattr(device, "fix_blas_threads", lambda: None)
        yield


def of_all(share: float) -> settings:
    """Return hypothesis's settings for a test that makes a share of all examples."""
    return settings(
        max_examples=max(1, round(share * IN_ALL)),
        deadline=None,
        database=None,
        derandomize="HGB_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )


def compact(text: str) -> str:
    """Return a text without its white space and the frames around it: messages are broken into lines."""
    return re.sub(r"[\s│╭╮╰╯─]+", "", text)


def refused(ended: Ended, given: Sequence[str]) -> None:
    """Check a refusal: exit status 2, no traceback, and a sentence that says what is accepted.

    Args:
        ended: how the command ended.
        given: what was wrong; the message names at least one of these.
    """
    assert ended.status == 2, f"{given}: {ended.status}\n{ended.out}\n{ended.err}"
    assert "Traceback" not in ended.err, f"{given}\n{ended.err}"
    assert ACCEPTS.search(ended.err.replace("\n", " ")), f"{given}\n{ended.err}"
    said = compact(ended.err)
    assert any(compact(one) in said for one in given if one.strip()), f"{given}\n{ended.err}"


def files(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return every file below a folder with its size and time of change, and every folder."""
    found = {path: path.lstat() for path in folder.rglob("*")}
    return {path: (status.st_size, status.st_mtime_ns) for path, status in found.items() if not path.is_dir()}


@st.composite
def misspelt(draw: st.DrawFn, names: Iterable[str]) -> str:
    """Draw a name that is nearly one of those accepted, and none of them."""
    known = sorted(names)
    name = draw(st.sampled_from(known))
    place = draw(st.integers(0, len(name) - 1))
    other = draw(st.sampled_from("abcxyz019_-. é\u0130\t'[]{}$"))
    changed = draw(
        st.sampled_from(
            [
                name[:place] + name[place + 1 :],
                name[:place] + other + name[place + 1 :],
                name[:place] + other + name[place:],
                name[:place] + name[place] + name[place:],
                name + " ",
                name[::-1],
            ]
        )
    )
    return changed if _is_another(changed, known) else f"{name}x"


def _is_another(changed: str, known: Sequence[str]) -> bool:
    """Tell whether no command would take a text for one of the names: case, signs and ends do not matter."""
    if not changed.strip() or changed.startswith("-"):
        return False
    return re.sub(r"[-_\s]+", "-", kebab_case(changed.strip())).strip("-") not in known


def whole_beyond(least: int, most: int | None) -> st.SearchStrategy[str]:
    """Draw what is no whole number, or one beyond the range."""
    huge = [2**63, 10**40]
    low = st.integers(max_value=least - 1) | st.sampled_from([least - 1, *(-one for one in huge)])
    high = st.nothing() if most is None else st.integers(min_value=most + 1) | st.sampled_from(huge)
    words = st.sampled_from(["1.5", "1e3", "x", "nan", "inf", "0x10", "1,000", "½", "1 2", "True", "''"])
    return low.map(str) | high.map(str) | words


def number_beyond(least: float, most: float, *, without_least: bool = False) -> st.SearchStrategy[str]:
    """Draw what is no number, or one that is not in [least, most), or (least, most): NaN never is."""
    low = st.floats(max_value=least, exclude_max=not without_least, allow_nan=False)
    high = st.floats(min_value=most, allow_nan=False) if most < float("inf") else st.just(float("inf"))
    words = st.sampled_from(["nan", "-nan", "x", "1,5", "0x1p3", "1e", "--", "∞", "1 2"])
    return low.map(repr) | high.map(repr) | words
