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

_STARTED, _SET_UP = pytest.StashKey[float](), pytest.StashKey[float]()
_SPENT: dict[str, float] = defaultdict(float)
_SHARED: dict[tuple[str, ...], float] = defaultdict(float)
"""The dearest setup of the functions of one file that share the same fixtures: the first one's."""
_SHARING: dict[tuple[str, ...], set[str]] = defaultdict(set)


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
    if call.when == "setup":
        item.stash[_SET_UP] = _cpu_seconds() - item.stash[_STARTED]
    elif call.when == "teardown":
        spent = _cpu_seconds() - item.stash[_STARTED]
        report.user_properties += [
            ("cpu_seconds", spent - item.stash[_SET_UP]),
            ("set_up", item.stash[_SET_UP]),
            ("shared", _shared_fixtures(item)),
        ]
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what the cases of a function took, apart from what they share with others of their file."""
    if report.when != "teardown":
        return
    told, function = dict(report.user_properties), function_of(report.nodeid)
    _SPENT[function] += told.get("cpu_seconds", 0.0)
    if fixtures := told.get("shared"):
        key = function.partition("::")[0], *fixtures
        _SHARED[key] = max(_SHARED[key], told["set_up"])
        _SHARING[key].add(function)
    else:
        _SPENT[function] += told.get("set_up", 0.0)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the list where all tests ran, and add to it where all that are not slow did.

    Not in a worker, and not for a selection of tests. A module's fixture is made for whoever uses it first,
    and counts for all. What functions share without one, such as a compiled reference, is spent by the first
    that runs: without the slow ones it may be another one.
    """
    options = session.config.option
    if session.config.args != ["tests"] or options.keyword or hasattr(session.config, "workerinput"):
        return
    if options.markexpr not in ("", "not slow"):
        return
    for key, functions in _SHARING.items():
        for function in functions:
            _SPENT[function] += _SHARED[key]
    before = slow_functions() if options.markexpr else set()
    slow = before | {name for name, seconds in _SPENT.items() if seconds > LIMIT}
    head = f"# Test functions whose cases take more than {LIMIT:g} CPU s together: written by `make slow`."
    SLOW.write_text("\n".join([head, *sorted(slow - _cheapest())]) + "\n", encoding="utf-8")


def _shared_fixtures(item: pytest.Item) -> list[str]:
    """The fixtures of a test that are made once for its file."""
    known = item._fixtureinfo.name2fixturedefs
    return sorted(name for name, made in known.items() if made and made[-1].scope in ("module", "class"))


def _cheapest() -> set[str]:
    """The cheapest test function of each folder: it stays quick, so that `make quick` sees every folder."""
    found: dict[Path, str] = {}
    for name in sorted(_SPENT, key=_SPENT.__getitem__):
        found.setdefault(Path(name.partition("::")[0]).parent, name)
    return set(found.values())


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
