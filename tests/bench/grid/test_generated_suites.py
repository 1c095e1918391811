"""Suites with one field that holds something else: refused where they are made, with what is accepted."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refusals import of_all

from hypergrad_bench.bench.grid.clock_settings import ClockSettings
from hypergrad_bench.bench.grid.suites import SUITES, Suite, Workload
from hypergrad_bench.bench.grid.sweep import Sweep
from hypergrad_bench.bench.grid.timing import Timing

NO_NAMES = st.sampled_from(
    ["denoising", None, 3, [], ["denoising"], {"denoising"}, (3,), ("",), (None,), b"a"]
)
NO_WHOLE = st.sampled_from([0, -1, 1.5, 2.0, "3", None, True, float("nan"), (3,), 10**400 * -1])
NO_WHOLES = st.sampled_from([(), 8, "8", [8], (0,), (8, -1), (8.0,), ("8",), (True,), None, ((8,),)])
NO_SHARES = st.sampled_from(
    [(), 0.1, "0.1", [0.1], (0.0,), (1.0,), (0.1, -1.0), (float("nan"),), ("0.1",), (1,)]
)
NO_SHARE = st.sampled_from([0.0, 1.0, -0.1, float("nan"), float("inf"), "0.1", None, (0.1,)])
NO_SECONDS = st.sampled_from([-1.0, float("nan"), "2", None, True, (1.0,), -float("inf")])
FIELDS: dict[type, dict[str, st.SearchStrategy[Any]]] = {
    Workload: {
        "regularizer": st.sampled_from(["", None, 3, ("analysis-l1",)]),
        "shape": NO_WHOLES,
        "batch": NO_WHOLE,
        "unrolled_steps": NO_WHOLES | st.sampled_from([(30, 10), (10, 10)]),
        "tasks": NO_NAMES,
        "methods": NO_NAMES,
    },
    Suite: {
        "workloads": st.sampled_from([(), None, [], ("analysis-l1",), Workload("red", (8,), 1, (1,))]),
        "solvers": NO_NAMES | st.just(()),
        "methods": NO_NAMES,
        "dtypes": NO_NAMES | st.sampled_from([(), ("half",), ("float64", "float16"), ("Float64",)]),
        "seeds": NO_WHOLE | st.just(10**9),
        "clock": st.sampled_from([None, 3, {}, "quick"]),
        "further_solvers_on": NO_NAMES,
        "further_methods_on": NO_NAMES,
        "contenders_on": NO_NAMES,
        "untimed_level": st.sampled_from([-1, 4, "1", None, 0.5]),
        "on_request": st.sampled_from([None, ("red",), [3]]),
        "methods_on_request": NO_NAMES,
        "sweep": st.sampled_from([3, True, "frontier", (1e-3,)]),
    },
    Sweep: {
        "tolerances": NO_SHARES,
        "tight": NO_SHARE,
        "baseline": NO_SHARE,
        "shares": NO_SHARES,
        "lengths": NO_WHOLES,
        "parameters": NO_WHOLE,
        "max_steps": NO_WHOLE,
    },
    ClockSettings: {
        "rounds_min": NO_WHOLE | st.just(31),
        "rounds_max": NO_WHOLE,
        "warmup": NO_WHOLE,
        "seconds": NO_SECONDS,
        "limit_seconds": NO_SECONDS,
        "sample_seconds": NO_SECONDS,
    },
}
SOUND = {
    Workload: Workload("red", (8, 8), 1, (10, 30)),
    Suite: SUITES["smoke"],
    Sweep: Sweep(),
    ClockSettings: ClockSettings(),
}


@pytest.mark.usefixtures("as_users_run")
@given(data=st.data())
@of_all(0.05)
def test_a_suite_with_a_wrong_field_is_not_made(data: st.DataObject) -> None:
    """Nor its workloads, its sweep and its clock."""
    kind = data.draw(st.sampled_from(list(FIELDS)))
    field = data.draw(st.sampled_from(sorted(FIELDS[kind])))
    value = data.draw(FIELDS[kind][field])
    with pytest.raises(ValueError, match=r"(is|are) accepted") as refused:
        dataclasses.replace(SOUND[kind], **{field: value})
    assert field in str(refused.value)


def test_every_field_is_tried() -> None:
    """But for texts, and the compiler's options, which XLA checks."""
    for kind, tried in FIELDS.items():
        fields = {field.name for field in dataclasses.fields(kind)}
        assert fields - set(tried) <= {"name", "sentence", "compiler_options"}


def test_a_recorded_clock_is_checked_like_one_that_is_made() -> None:
    """What an account of a run says is read back as settings of the clock."""
    recorded = Timing.of(SUITES["smoke"], None).model_dump()
    recorded["clock"]["warmup"] = 0
    with pytest.raises(ValueError, match="are accepted"):
        Timing.model_validate(recorded)
