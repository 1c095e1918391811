"""A plug-in of pytest that lists the slow test functions: `make slow` runs the whole suite with it.

Wall time says what else a machine does; the seconds here are of a processor, child processes included.
"""

import resource
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SLOW = Path(__file__).resolve().parent.parent / "slow.txt"
LIMIT = 0.5
"""CPU seconds that all cases of a test function may take together in `make quick`."""

_STARTED = pytest.StashKey[float]()
_SPENT: dict[str, float] = defaultdict(float)


def slow_functions() -> set[str]:
    """Return the ids, without parameters, of the functions that the list names."""
    lines = SLOW.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def function_of(nodeid: str) -> str:
    """Return the id of a test without its parameters."""
    return nodeid.partition("[")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Note what the process has spent before a test."""
    item.stash[_STARTED] = _cpu_seconds()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """Hand the seconds to the last report, which travels from a worker to the process that lists them."""
    report = yield
    if call.when == "teardown":
        report.user_properties.append(("cpu_seconds", _cpu_seconds() - item.stash[_STARTED]))
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what the cases of a function took."""
    if report.when == "teardown":
        _SPENT[function_of(report.nodeid)] += dict(report.user_properties).get("cpu_seconds", 0.0)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the list where all tests ran, and add to it where all that are not slow did.

    Not in a worker, and not for a selection of tests. What several functions share, such as a compiled
    reference, is spent by the first that runs: without the slow ones it may be another one.
    """
    options = session.config.option
    if session.config.args != ["tests"] or options.keyword or hasattr(session.config, "workerinput"):
        return
    if options.markexpr not in ("", "not slow"):
        return
    before = slow_functions() if options.markexpr else set()
    slow = before | {name for name, seconds in _SPENT.items() if seconds > LIMIT}
    head = f"# Test functions whose cases take more than {LIMIT:g} CPU s together: written by `make slow`."
    SLOW.write_text("\n".join([head, *sorted(slow - _cheapest())]) + "\n", encoding="utf-8")


def _cheapest() -> set[str]:
    """The cheapest test function of each folder: it stays quick, so that `make quick` sees every folder."""
    found: dict[Path, str] = {}
    for name in sorted(_SPENT, key=_SPENT.__getitem__):
        found.setdefault(Path(name.partition("::")[0]).parent, name)
    return set(found.values())


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
