"""The grid: which cases a selection has, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.grid.case import label
from hypergrad_bench.bench.grid.expand import expand
from hypergrad_bench.bench.grid.request import request_of
from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.hypergrad import Implicit, OneStep, Phantom, Unrolled
from hypergrad_bench.problems import Deconvolution, Denoising, Inpainting
from hypergrad_bench.solvers import Anderson, Broyden, Dense, Gmres, Picard


def cases(**options: object) -> list:
    """The cases of a small selection, in order."""
    selection = Selection(**{"suite": "smoke", **options})
    return [case for group in expand(request_of(selection, built_in())).groups for case in group]


def test_smoke_has_every_task_regularizer_solver_and_method() -> None:
    """Every registered entry is in the grid that CI runs: what it does not run is dead."""
    catalogue = built_in()
    found = cases()
    assert {type(case.instance.task) for case in found} == {type(task) for task in catalogue.tasks.values()}
    assert {case.instance.regularizer for case in found} == set(catalogue.regularizers.values())
    assert {case.contestant.solver for case in found} == set(catalogue.solvers.values())
    assert {type(case.contestant.method) for case in found} == {
        type(one) for one in catalogue.methods.values()
    }


def test_further_methods_run_where_the_suite_says_or_when_asked_for() -> None:
    """The default suite compares the usual methods; any other can be added by name."""
    usual = {type(case.contestant.method).__name__ for case in cases(suite="default", tasks=("denoising",))}
    assert usual == {
        "ClosedForm", "Implicit", "OneStep", "Unrolled", "JaxoptImplicit", "JaxoptUnrolled"
    }  # fmt: skip
    asked = cases(suite="default", tasks=("denoising",), methods=("phantom",))
    assert {case.contestant.method for case in asked} == {Phantom()}
    smoke = {
        (type(case.instance.task), case.contestant.method) for case in cases() if not case.contestant.reason
    }
    assert (Denoising, Phantom()) in smoke
    assert (Deconvolution, Phantom()) not in smoke


def test_a_workload_with_methods_of_its_own_runs_no_others() -> None:
    """Nor further solvers; a method asked for by name takes their place."""
    found = cases(regularizers=("untied-experts",))
    assert {case.instance.task for case in found} == {Inpainting()}
    assert {case.contestant.method for case in found} == {
        Implicit(linear=Gmres()), Implicit(linear=Dense()), Phantom()
    }  # fmt: skip
    assert len({case.contestant.solver for case in found}) == 1
    asked = cases(regularizers=("untied-experts",), methods=("one-step",))
    assert {case.contestant.method for case in asked} == {OneStep()}


def test_implicit_differentiation_takes_the_condition_that_a_regularizer_has() -> None:
    """A proximal map has a fixed point alone, and its Jacobian is not symmetric."""
    found = cases(regularizers=("wavelet-l12",), tasks=("denoising",), methods=("implicit",))
    assert {case.contestant.method for case in found} == {
        Implicit(linear=Gmres(), on="fixed-point"), Implicit(linear=Dense(), on="fixed-point")
    }  # fmt: skip
    assert not any(case.contestant.reason for case in found)


def test_default_has_two_sizes_two_precisions_and_two_seeds() -> None:
    """The default suite is the grid that the documentation promises."""
    found = cases(suite="default", methods=("one-step",))
    sizes = {(case.instance.regularizer_label, case.instance.size) for case in found}
    assert sizes == {
        ("analysis-l1", "64"),
        ("analysis-l1", "256"),
        ("fields-of-experts", "32x32"),
        ("fields-of-experts", "64x64"),
    }
    assert {case.instance.dtype for case in found} == {"float64", "float32"}
    assert {case.instance.seed for case in found} == {0, 1}


def test_a_regularizer_that_a_suite_does_not_list_runs_when_it_is_asked_for() -> None:
    """It takes the suite's sizes, and the solvers that are able to solve it."""
    found = cases(suite="default", regularizers=("untied-experts",), tasks=("denoising",))
    assert {case.instance.size for case in found} == {"32x32", "64x64"}
    assert {case.instance.regularizer_label for case in found} == {"untied-experts"}
    able = {case.contestant.solver for case in found if not case.contestant.reason}
    assert able == {Anderson(), Broyden(), Picard()}
    methods = {case.contestant.method for case in found if not case.contestant.reason}
    assert methods >= {Implicit(linear=Gmres()), Implicit(linear=Dense()), OneStep(), Unrolled()}
    assert Implicit() not in methods


def test_networks_run_at_a_size_of_their_own_when_they_are_asked_for() -> None:
    """At those of the suite their references would not end within minutes."""
    found = cases(suite="default", regularizers=("gradient-step",), tasks=("deconvolution",))
    assert {(case.instance.size, case.instance.batch) for case in found} == {("8x8", 1)}
    larger = cases(suite="default", regularizers=("gradient-step",), tasks=("denoising",), sizes=("32x32",))
    assert {(case.instance.size, case.instance.batch) for case in larger} == {("32x32", 1)}
    assert not any(case.instance.regularizer_label == "gradient-step" for case in cases(suite="default"))


def test_a_group_shares_its_instance_and_ids_are_unique() -> None:
    """Groups are timed together, so they must be one problem."""
    groups = expand(request_of(Selection(suite="smoke"), built_in())).groups
    assert all(len({case.instance for case in group}) == 1 for group in groups)
    ids = [case.id for group in groups for case in group]
    assert len(ids) == len(set(ids))
    assert all(len(one) == 12 and int(one, 16) >= 0 for one in ids)


def test_ids_are_stable_and_tell_settings_apart() -> None:
    """The same settings give the same id in another process; other settings another one."""
    one = {"tasks": ("denoising",), "regularizers": ("analysis-l1",), "methods": ("closed-form",)}
    ids = {name: cases(**one, **extra)[0].id for name, extra in CHANGES.items()}
    assert len(set(ids.values())) == len(CHANGES)
    assert ids["nothing"] == cases(**one)[0].id


CHANGES: dict[str, dict[str, object]] = {
    "nothing": {},
    "noise": {"noise": 0.3},
    "weight": {"weight": 0.3},
    "size": {"sizes": ("20",)},
    "batch": {"batch": 5},
    "dtype": {"dtypes": ("float32",)},
    "data": {"data": "dct-sparse"},
    "steps": {"max_steps": 77},
    "tolerance": {"tolerance": 1e-3},
}


def test_methods_that_do_not_apply_are_cases_with_a_reason() -> None:
    """A table shows the sentence, so the grid has to hold the case."""
    found = cases(tasks=("inpainting",), regularizers=("fields-of-experts",), methods=("closed-form",))
    assert [bool(case.contestant.reason) for case in found] == [True]
    assert "no dual variable" in found[0].contestant.reason


def test_a_solver_that_does_not_apply_gives_its_own_reason() -> None:
    """A user who asks for one solver is told why it cannot be used."""
    found = cases(tasks=("denoising",), regularizers=("analysis-l1",), solvers=("nesterov",))
    assert found
    assert all("not smooth" in case.contestant.reason for case in found)


def test_plain_unrolling_goes_through_all_budgets() -> None:
    """The error against the budget is a figure of the run."""
    found = cases(suite="default", tasks=("denoising",), regularizers=("analysis-l1",), sizes=("64",))
    steps = {case.contestant.budget.max_steps for case in found if case.contestant.method == Unrolled()}
    assert steps == {30, 100, 300, 1000}


def test_labels_name_what_is_not_default() -> None:
    """Labels are short, and tell two settings apart."""
    assert label(Denoising()) == "denoising"
    assert label(Deconvolution(width=2.0)) == "deconvolution(width=2.0)"


def test_a_folder_of_images_is_read_in_colour_at_a_size_in_colour(tmp_path: Path) -> None:
    """A folder without colour is said to have none."""
    options = {"images": tmp_path, "regularizers": ("wavelet-l1",), "tasks": ("denoising",)}
    for index in range(2):
        Image.effect_noise((10, 12), 50 + index).convert("RGB").save(tmp_path / f"{index}.png")
    with pytest.raises(UserError, match=r"and 2 of the images are grey, the first '0\.png'"):
        cases(**options, sizes=("8x8x3",))
    for index in range(2):
        colours = np.random.default_rng(index).integers(0, 256, (12, 10, 3), dtype=np.uint8)
        Image.fromarray(colours).save(tmp_path / f"{index}.png")
    for size, shape in (("8x8x3", (8, 8, 3)), ("8x8", (8, 8))):
        found = cases(**options, sizes=(size,))
        assert {repr(case.instance.data) for case in found} == {f"ImageFolder({tmp_path.name!r})"}
        assert {case.instance.shape for case in found} == {shape}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"suite": "defualt"}, "unknown suite 'defualt'; did you mean 'default'?"),
        ({"tasks": ("denoisng",)}, "unknown task 'denoisng'; did you mean 'denoising'?"),
        ({"regularizers": ("analysis",)}, "did you mean 'analysis-l1'?"),
        ({"solvers": ("nestrov",)}, "did you mean 'nesterov'?"),
        ({"methods": ("closed-from",)}, "did you mean 'closed-form'?"),
        ({"dtypes": ("float16",)}, "unknown dtype 'float16'"),
        ({"sizes": ("32x",)}, "size is '32x'"),
        ({"sizes": ("2",), "regularizers": ("analysis-l1",)}, "n >= 3"),
        ({"weight": -0.1}, "weights? must not be negative; its smallest entry is -0.1"),
        ({"noise": -1.0}, "noise must be a standard deviation, at least 0 and finite; got -1.0"),
        ({"max_steps": 0}, "at least 1; got 0"),
        ({"tolerance": 1.0}, "below 1, a relative residual; got 1.0"),
        ({"tolerance": -1.0}, "tolerance must be at least 0 and below 1, a relative residual; got -1.0"),
        ({"data": "photograps"}, "did you mean 'photographs'?"),
        ({"data": "photographs", "regularizers": ("analysis-l1",)}, "data 'photographs'"),
        ({"images": Path("no/such/folder"), "regularizers": ("fields-of-experts",)}, "no/such/folder"),
    ],
)
def test_what_a_user_must_mend_is_said(options: dict[str, object], message: str) -> None:
    """Every refusal says what was given and what is accepted."""
    with pytest.raises(UserError, match=message):
        cases(**options)
