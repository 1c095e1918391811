"""Cases of a reproduction in a process of their own."""

import psutil

from hypergrad_bench.bench.isolation.limits import IsolationLimits
from hypergrad_bench.bench.isolation.reproduced_apart import reproduced_apart
from hypergrad_bench.bench.isolation.reproduction_child import ReproductionSetup
from hypergrad_bench.bench.reproductions import Stress
from hypergrad_bench.bench.reproductions.stress.problems import named

SETUP = ReproductionSetup(entry="Stress", quick=True, device="cpu")
ALWAYS, ONCE = "few steps", "smooth control"


def test_what_ends_the_process_costs_itself_alone() -> None:
    """It is tried once more where others were measured before; the next case is measured as ever."""
    kills = {ALWAYS: 2, ONCE: 1}
    told: list[str] = []

    def begin(name: str) -> None:
        told.append(name)
        if kills[name]:
            kills[name] -= 1
            for one in psutil.Process().children():
                if "reproduction_child" in " ".join(one.cmdline()):
                    one.kill()

    cases = [named(ALWAYS), named(ONCE), named(ONCE)]
    lost, _, measured = reproduced_apart(Stress(), cases, SETUP, IsolationLimits(), begin)
    assert told == [ALWAYS, ONCE, ONCE]
    assert {row["status"] for row in lost.rows} == {"crashed"}
    assert "signal 9 (SIGKILL)" in str(lost.rows[0]["reason"])
    assert [row["method"] for row in lost.rows] == [row["method"] for row in measured.rows]
    assert {row["status"] for row in measured.rows} >= {"ok"}
    problems = Stress().page([*lost.rows, *measured.rows]).sections[1]
    assert [line[-1] == "the process ended" for line in problems.lines] == [True, False]
