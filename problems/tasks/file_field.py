"""What tasks' files have in common: a path that is kept absolute, and a label that shows only its name."""

import dataclasses
import os
from typing import Any


def absolute_path(path: Any, what: str) -> str:
    """Return an absolute path; raise `TypeError` or `ValueError` where `path` is none, with `what` is due."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path must be the path of {what}; got {type(path).__name__}")
    if os.fspath(path) == "":
        raise ValueError(f"path must be the path of {what}; got an empty one")
    return os.path.abspath(os.path.expanduser(path))


def require_stack_axis(axis: Any) -> None:
    """Raise `ValueError` unless `axis` is that of a stack's matrices: the first, the last, or not told."""
    if axis not in (None, 0, 2) or isinstance(axis, bool):
        raise ValueError(f"stack_axis must be 0, 2 or None; got {axis!r}")


def label_of(settings: Any) -> str:
    """Return "KernelFile('name.mat', index=1)": the file's name, and the fields that differ from defaults."""
    changed = (
        f", {field.name}={getattr(settings, field.name)!r}"
        for field in dataclasses.fields(settings)
        if field.name != "path" and getattr(settings, field.name) != field.default
    )
    return f"{type(settings).__name__}({os.path.basename(settings.path)!r}{''.join(changed)})"
