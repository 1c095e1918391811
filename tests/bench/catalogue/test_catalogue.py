"""The registry: what the folders re-export is what can be run."""

import ast
import inspect
from pathlib import Path
from types import ModuleType

import pytest

from hypergrad_bench import hypergrad, problems, solvers
from hypergrad_bench.bench import contenders
from hypergrad_bench.bench.catalogue.catalogue import Catalogue, built_in, collect
from hypergrad_bench.bench.catalogue.entry import Origin
from hypergrad_bench.bench.catalogue.kebab_case import kebab_case
from hypergrad_bench.bench.catalogue.kind import KINDS, kinds_of_room
from hypergrad_bench.bench.errors import UserError


def test_the_names_of_what_is_built_in() -> None:
    """Scripts rely on these names; more may join them."""
    catalogue = built_in()
    assert catalogue.tasks.keys() >= {"denoising", "inpainting", "deconvolution"}
    assert catalogue.regularizers.keys() >= {"analysis-l1", "fields-of-experts"}
    assert catalogue.data.keys() >= {"piecewise-constant", "dct-sparse", "photographs"}
    assert catalogue.solvers.keys() >= {"dual-fista", "primal-dual", "gradient-descent", "nesterov", "lbfgs"}
    assert catalogue.linear_solvers.keys() >= {"cg", "dense"}
    assert catalogue.methods.keys() >= {"closed-form", "implicit", "unrolled", "one-step", "jaxopt-implicit"}


def test_no_name_is_of_two_kinds_by_accident() -> None:
    """A method is no solver, and a ground truth no task."""
    catalogue = built_in()
    kinds = [vars(catalogue)[kind].keys() for kind in ("tasks", "data", "solvers", "methods")]
    names = [name for kind in kinds for name in kind]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("package", [problems, solvers, hypergrad, contenders], ids=lambda one: one.__name__)
def test_no_configuration_is_forgotten(package: ModuleType) -> None:
    """A class that a module of the folder defines as a configuration or a pytree is re-exported.

    Networks are parts of regularisers.
    """
    folder = Path(inspect.getfile(package)).parent
    exported = vars(package)
    for path in [path for path in folder.rglob("*.py") if path.parent.name != "networks"]:
        for node in ast.parse(path.read_text()).body:
            decorators = getattr(node, "decorator_list", [])
            if {"configuration", "pytree"} & {ast.unparse(one) for one in decorators}:
                assert node.name in exported, f"{path.name}: {node.name} is not in {folder.name}/__init__.py"


@pytest.mark.parametrize("package", [problems, solvers, hypergrad, contenders], ids=lambda one: one.__name__)
def test_the_registry_is_re_exports_alone(package: ModuleType) -> None:
    """No decorator, no loop, no side effect: a docstring and imports."""
    docstring, *lines = ast.parse(Path(inspect.getfile(package)).read_text()).body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(line, ast.ImportFrom) and line.names[0].asname for line in lines)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ClosedForm", "closed-form"),
        ("closed_form", "closed-form"),
        ("Closed-Form", "closed-form"),
        ("AnalysisL1", "analysis-l1"),
        ("FOEPotential", "foe-potential"),
        ("dct sparse", "dct-sparse"),
    ],
)
def test_names_in_kebab_case(name: str, expected: str) -> None:
    """Users type any of the usual spellings."""
    assert kebab_case(name) == expected


def test_entries_are_all_or_those_named() -> None:
    """No names are all names; a near miss is named with its nearest match."""
    catalogue = built_in()
    assert {entry.name: entry.value for entry in catalogue.entries("methods")} == catalogue.methods
    named = catalogue.entries("methods", ["ClosedForm", "one_step"])
    assert [entry.name for entry in named] == ["closed-form", "one-step"]
    with pytest.raises(UserError, match=r"unknown method 'closed-from'; did you mean 'closed-form'\?"):
        catalogue.entries("methods", ["closed-from"])


def test_an_entry_says_who_brought_it() -> None:
    """This library, another one, or a user's file; nothing else has to be compared to know it."""
    catalogue = built_in()
    origins = {entry.name: entry.origin for entry in catalogue.entries("methods")}
    assert origins["implicit"] is Origin.LIBRARY
    assert {name for name, origin in origins.items() if origin is Origin.CONTENDER} == {
        kebab_case(name) for name, cls in vars(contenders).items() if inspect.isclass(cls)
    }
    own = collect(module(Own=own_linear_solver("Own")), catalogue)
    assert [entry.name for entry in own.entries("linear_solvers") if entry.is_plugin] == ["own"]
    assert own.of_origin(Origin.PLUGIN).linear_solvers.keys() == {"own"}
    assert not own.of_origin(Origin.PLUGIN).methods


def test_protocols_and_functions_are_no_entries() -> None:
    """A protocol has the methods of its kind, and is not one of them."""
    names = {name for kind in KINDS for name in vars(built_in())[kind]}
    assert not names & {"solver", "method", "task", "regularizer", "ground-truth", "adjoint-method", "solve"}


def module(**members: object) -> ModuleType:
    """A module with these members."""
    made = ModuleType("made_up")
    vars(made).update(members)
    return made


def test_a_class_that_needs_arguments_is_refused() -> None:
    """Every entry is a grid point by itself."""

    class Needy:
        __module__ = "made_up"

        def __init__(self, needed: int) -> None:
            self.needed = needed

        def solve_linear(self, matvec: object, rhs: object) -> None:
            """Do nothing."""

    with pytest.raises(UserError, match="Needy must be made without arguments"):
        collect(module(Needy=Needy), Catalogue())


def test_a_taken_name_is_refused() -> None:
    """Two classes of one name would share records."""
    with pytest.raises(UserError, match="the linear solver 'cg' exists already"):
        collect(module(Cg=own_linear_solver("Cg")), built_in())


def test_only_what_a_module_defines_is_its_own() -> None:
    """A plug-in's imports are not its entries."""
    found = collect(module(Own=own_linear_solver("Own"), Cg=solvers.Cg), Catalogue())
    assert list(found.linear_solvers) == ["own"]


def test_the_kind_of_a_built_in_class_is_its_folder() -> None:
    """What looks like a task and lies elsewhere is none: a lower level has an `operator` too."""
    assert kinds_of_room(problems.Denoising) == ["tasks"]
    assert kinds_of_room(problems.LowerLevel) == []
    assert kinds_of_room(problems.PseudoHuber) == ["potentials"]
    assert kinds_of_room(problems.Blur) == ["operators"]
    assert kinds_of_room(problems.ImageFolder) == []
    for kind, one in KINDS.items():
        held = vars(built_in())[kind].values()
        modules = {(value if inspect.isclass(value) else type(value)).__module__ for value in held}
        rooms = tuple(f"hypergrad_bench.{room}." for room in one.rooms)
        assert modules
        assert all(name.startswith(rooms) for name in modules)


def own_linear_solver(name: str) -> type:
    """A linear solver of this name that a plug-in could define."""
    members = {
        "traits": solvers.LinearSolverTraits(),
        "solve_linear": lambda self, matvec, rhs: None,
        "__repr__": lambda self: f"{name}()",
    }
    return type(name, (), {**members, "__module__": "made_up"})
