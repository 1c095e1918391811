"""Nothing that is read is executed: what the sources never do, and the few places that have a reason."""

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator

import house
import pytest

NEVER_IMPORTED = {
    # They execute what they read, or read what nobody should.
    *("pickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml", "tarfile"),
    # They execute text, or other programs.
    *("code", "codeop", "runpy", "pty", "imp", "subprocess", "multiprocessing", "ctypes", "cffi"),
    # They reach the network.
    *("socket", "urllib", "http", "ftplib", "smtplib", "xmlrpc", "requests", "httpx", "aiohttp"),
}
NEVER_NAMED = {"eval", "exec", "compile", "__import__", "input", "breakpoint"}
"""Built-in functions."""
NEVER_CALLED = {
    *("os.system", "os.popen", "os.startfile", "os.posix_spawn", "os.posix_spawnp", "os.fork"),
    *(f"os.{kind}{end}" for kind in ("exec", "spawn") for end in ("l", "le", "lp", "v", "ve", "vp", "vpe")),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "shutil.unpack_archive", "tempfile.mktemp"),
}
NEVER_METHODS = {"extract", "extractall", "exec_module", "load_module", "read_pickle", "to_pickle"}
"""Archives are read member by member, in memory: no name in one becomes a path."""
DEMANDED = {
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
    "np.save": ("allow_pickle", False),
    "np.lib.format.read_array": ("allow_pickle", False),
    "torch.load": ("weights_only", True),
    "Environment": ("autoescape", True),
}
"""Arguments without which a call is not accepted, and their value."""
REASONS = {
    ("bench/catalogue/plugin.py", "exec_module"): "a plug-in is a program, which the user names",
    ("bench/contenders/child_process.py", "import subprocess"): "PyTorch's contenders are another process",
    ("bench/isolation/child.py", "import ctypes"): "asks Linux to end the process with its parent",
    (
        "bench/scaling/simulated_grid.py",
        "import subprocess",
    ): "weighs commands of this package in another process",
    ("bench/isolation/watched.py", "import subprocess"): "a case may crash: it is another process",
    ("bench/measure/peak_memory.py", "import ctypes"): "asks the C library to hand back what it has freed",
    ("bench/machine/environment.py", "import subprocess"): "asks git for the commit, by a list of words",
}


def faults(text: str) -> Iterator[str]:
    """Name whatever a source does that it should not, by the lines of this file's lists."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (f"import {one.name}" for one in node.names if _top(one.name) in NEVER_IMPORTED)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            if _top(node.module or "") in NEVER_IMPORTED:
                yield f"import {node.module}"
            yield from (one for one in _members(node) if one in NEVER_CALLED)
        elif isinstance(node, ast.Name) and node.id in NEVER_NAMED:
            yield node.id
        elif isinstance(node, ast.Attribute):
            if _dotted(node) in NEVER_CALLED or (_dotted(node) or "").startswith("builtins."):
                yield str(_dotted(node))
            if node.attr in NEVER_METHODS:
                yield node.attr
        elif isinstance(node, ast.Call):
            yield from _faults_of_call(node)


def _faults_of_call(call: ast.Call) -> Iterator[str]:
    given = {one.arg: one.value for one in call.keywords if one.arg}
    name = _dotted(call.func) or ""
    for argument, accepted in {"shell": False, "allow_pickle": False, "weights_only": True}.items():
        if argument in given and not _is(given[argument], accepted):
            yield f"{argument} of {name}"
    argument, accepted = DEMANDED.get(name, ("", None))
    if argument and not _is(given.get(argument), accepted):
        yield f"{name} without {argument}={accepted}"


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _top(name: str) -> str:
    return name.partition(".")[0]


def _members(node: ast.ImportFrom) -> list[str]:
    return [f"{node.module}.{one.name}" for one in node.names]


def _dotted(node: ast.expr) -> str | None:
    """Return a name with dots, such as `np.lib.format.read_array`; None for what is none."""
    if isinstance(node, ast.Name):
        return node.id
    inner = _dotted(node.value) if isinstance(node, ast.Attribute) else None
    return f"{inner}.{node.attr}" if isinstance(node, ast.Attribute) and inner else None


def test_the_package_executes_nothing_that_it_reads() -> None:
    """But for what is listed with its reason; a reason that nobody needs any more is a fault too."""
    everything = house.sources_of(None).items()
    sources = {path: text for path, text in everything if path.split("/")[0] in house.ROOMS}
    assert len(sources) > 300
    found = {(path, fault) for path, text in sources.items() for fault in faults(text)}
    assert found == set(REASONS)


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from pickle import loads",
        "import urllib.request as web",
        "from os import system as run",
        "import os\nos.system('ls')",
        "eval('1 + 1')",
        "run = exec",
        "compile('1', 'a', 'eval')",
        "import builtins\nbuiltins.eval('1')",
        "list_of(command, shell=True)",
        "list_of(command, shell=anything)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=allowed)",
        "np.save(path, array)",
        "np.lib.format.read_array(stream)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "archive.extractall(folder)",
        "specification.loader.exec_module(module)",
        "pandas.read_pickle(path)",
        "Environment(loader=loader)",
        "def inside():\n    from yaml import load",
    ],
)
def test_a_source_that_does_is_found(text: str) -> None:
    """Or the test above would show nothing."""
    assert list(faults(text))


@pytest.mark.parametrize(
    "text",
    [
        "re.compile('a')",
        "jax.eval_shape(f, x)",
        "jax.jit(f).lower(x).compile()",
        "np.load(file, allow_pickle=False)",
        "subprocess.run(words, shell=False)",
        "ast.literal_eval(text)",
        "from .code import first",
    ],
)
def test_what_only_looks_alike_is_not(text: str) -> None:
    """Methods of other objects have such names as well."""
    assert not list(faults(text))


def test_no_installed_dependency_has_a_known_vulnerability() -> None:
    """Where pip-audit is installed and reaches its database: it is no part of this project's set-up."""
    if importlib.util.find_spec("pip_audit") is None:
        pytest.skip("pip-audit is not installed: `pip install pip-audit` in this environment runs this test")
    options = ("--format", "json", "--progress-spinner", "off", "--skip-editable")
    asked = [sys.executable, "-m", "pip_audit", *options]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=False)
    try:
        audited = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        pytest.skip(f"pip-audit has no answer: {done.stderr.strip().splitlines()[-1:]}")
    assert {one["name"]: one["vulns"] for one in audited if one.get("vulns")} == {}
