"""The registry: what the folders re-export is what can be run."""

import ast
import inspect
from pathlib import Path
from types import ModuleType

import pytest

from hypergrad_bench import hypergrad, problems, solvers
from hypergrad_bench.bench import contenders
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.grid.catalogue import Catalogue, built_in, collect, kebab_case


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
    """A class that a module of the folder defines as a configuration or a pytree is re-exported."""
    folder = Path(inspect.getfile(package)).parent
    exported = vars(package)
    for path in folder.glob("*.py"):
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


def test_pick_takes_all_or_those_named() -> None:
    """No names are all names; a near miss is named with its nearest match."""
    catalogue = built_in()
    assert catalogue.pick("methods", []) == catalogue.methods
    assert list(catalogue.pick("methods", ["ClosedForm", "one_step"])) == ["closed-form", "one-step"]
    with pytest.raises(UserError, match=r"unknown method 'closed-from'; did you mean 'closed-form'\?"):
        catalogue.pick("methods", ["closed-from"])


def test_protocols_and_functions_are_no_entries() -> None:
    """A protocol has the methods of its kind, and is not one of them."""
    names = {name for kind in vars(built_in()).values() for name in kind}
    assert not names & {"solver", "method", "task", "regularizer", "ground-truth", "adjoint-method", "solve"}


def module(**members: object) -> ModuleType:
    """A module with these members."""
    made = ModuleType("made_up")
    vars(made).update(members)
    return made


def test_a_class_that_needs_arguments_is_refused() -> None:
    """Every entry is a grid point by itself."""

    class Needy:
        def __init__(self, needed: int) -> None:
            self.needed = needed

        def solve_linear(self, matvec: object, rhs: object) -> None:
            """Do nothing."""

    with pytest.raises(UserError, match="Needy must be made without arguments"):
        collect([module(Needy=Needy)], Catalogue())


def test_a_taken_name_is_refused() -> None:
    """Two classes of one name would share records."""
    members = {"solve_linear": lambda self, matvec, rhs: None, "__repr__": lambda self: "Cg()"}
    other = type("Cg", (), members)
    with pytest.raises(UserError, match="the linear solver 'cg' exists already"):
        collect([module(Cg=other)], built_in())


def test_only_what_a_module_defines_is_its_own() -> None:
    """A plug-in's imports are not its entries."""
    members = {"solve_linear": lambda self, matvec, rhs: None, "__repr__": lambda self: "Own()"}
    own = type("Own", (), {**members, "__module__": "made_up"})
    found = collect([module(Own=own, Cg=solvers.Cg)], Catalogue(), own=True)
    assert list(found.linear_solvers) == ["own"]
