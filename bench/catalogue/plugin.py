"""A user's own file of solvers, methods and problems."""

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from ..errors import UserError
from ..failure import failure_of
from .catalogue import Catalogue, collect
from .misspelt import misspelt


def load_plugin(path: Path) -> ModuleType:
    """Import a Python file under a name of its own.

    Raises:
        UserError: if there is no such file, or importing it fails, with the exception's message.
    """
    if not path.is_file() or path.suffix != ".py":
        wrong = "which is none" if path.exists() else "and there is no such file"
        raise UserError(f"a plug-in is a Python file, .py; got {path}, {wrong}")
    # The name shows up in messages of the plug-in's classes; the digest keeps two files of one name apart.
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"hypergrad_bench_plugin_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        raise UserError(f"importing {path} failed: {failure_of(error)}") from error
    return module


def with_plugins(catalogue: Catalogue, paths: list[Path]) -> Catalogue:
    """Return the catalogue with the classes that plug-in files define added to it.

    Raises:
        UserError: if a file cannot be imported or defines nothing that can be run.
    """
    for path in paths:
        module = load_plugin(path)
        before = catalogue
        catalogue = _collected(path, module, catalogue)
        if catalogue == before:
            raise UserError(
                f"{path} defines no task, regulariser, ground truth, solver or method; "
                "a class needs all the methods of its protocol (see CONTRIBUTING.md)"
            )
    return catalogue


def _collected(path: Path, module: ModuleType, catalogue: Catalogue) -> Catalogue:
    """Add a module's classes; raise `UserError` with the file's name, whatever looking at a class raises."""
    try:
        wrong = misspelt(module)
        found = collect(module, catalogue)
    except BaseException as error:
        reason = str(error) if isinstance(error, UserError) else failure_of(error)
        raise UserError(f"{path}: {reason}") from error
    if wrong:
        raise UserError(f"{path}: {'; '.join(wrong)}")
    return found
