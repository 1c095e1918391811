"""Count how the house is built: `python tests/oracles/house.py [GIT_REF]`, or the working tree without one.

Modules per folder, imports between rooms, floors, lines, and what the style guide forbids. The counts are of
the syntax tree: nothing is imported or run.
"""

import ast
import io
import statistics
import subprocess
import sys
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "hypergrad_bench"
ROOMS = ("problems", "solvers", "hypergrad", "bench")
Sources = dict[str, str]
"""The text of every module by its path from the root of the repository."""
Imports = dict[str, set[str]]
"""For every path, the paths of the modules that it imports."""


def sources_of(ref: str | None) -> Sources:
    """Return the Python files of a commit; of the working tree if there is none."""
    if ref is None:
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        return {path: (ROOT / path).read_text() for path in listed.split() if (ROOT / path).is_file()}
    command = ["git", "archive", "--format=tar", ref]
    packed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout
    sources = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.name.endswith(".py") else None
            if content is not None:
                sources[member.name] = content.read().decode()
    return sources


def modules_below(sources: Sources, *folders: str) -> Sources:
    """Return the files below some folders of the root, without `__init__`: a registry is no room."""
    return {
        path: text
        for path, text in sources.items()
        if path.split("/")[0] in folders and not path.endswith("__init__.py")
    }


def modules_per_folder(sources: Sources) -> Counter[str]:
    """Return how many modules each folder holds itself."""
    return Counter(str(Path(path).parent) for path in sources)


def imports_of(sources: Sources) -> Imports:
    """Return who imports whom inside the package; names are resolved to modules where there are such."""
    return {path: set(_imported(path, text, sources)) - {path} for path, text in sources.items()}


def _imported(path: str, text: str, sources: Sources) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and (base := _base(path, node)) is not None:
            for alias in node.names:
                yield from _file((*base, alias.name), sources) or _file(base, sources)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == PACKAGE:
                    yield from _file(tuple(parts[1:]), sources)


def _base(path: str, node: ast.ImportFrom) -> tuple[str, ...] | None:
    """Return the parts of the module that names are imported from; None outside the package."""
    parts = tuple((node.module or "").split(".")) if node.module else ()
    if node.level:
        return (*Path(path).parent.parts[: len(Path(path).parent.parts) - node.level + 1], *parts)
    return parts[1:] if parts[:1] == (PACKAGE,) else None


def _file(parts: tuple[str, ...], sources: Sources) -> list[str]:
    path = "/".join(parts) + ".py"
    return [path] if path in sources else []


def arrows(imports: Imports, room: str = "") -> set[tuple[str, str]]:
    """Return the pairs of a room's units of which one imports the other; a unit is a folder or a module."""
    depth = len(Path(room).parts)
    pairs = set()
    for path, targets in imports.items():
        for target in targets:
            if room and not (path.startswith(f"{room}/") and target.startswith(f"{room}/")):
                continue
            pair = Path(path).parts[depth], Path(target).parts[depth]
            if pair[0] != pair[1]:
                pairs.add(pair)
    return pairs


def groups(imports: Imports) -> list[set[str]]:
    """Return the strongly connected components, what is imported first: Tarjan, 1972."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    components: list[set[str]] = []

    def visit(path: str) -> None:
        number[path] = low[path] = len(number)
        stack.append(path)
        for target in sorted(imports.get(path, ())):
            if target not in number:
                visit(target)
                low[path] = min(low[path], low[target])
            elif target in stack:
                low[path] = min(low[path], number[target])
        if low[path] == number[path]:
            at = stack.index(path)
            components.append(set(stack[at:]))
            del stack[at:]

    for path in sorted(imports):
        if path not in number:
            visit(path)
    return components


def floors(imports: Imports) -> int:
    """Return the number of modules in the longest chain of imports; a cycle counts as one module."""
    level: dict[str, int] = {}
    for component in groups(imports):
        below = {target for path in component for target in imports.get(path, ())} - component
        height = 1 + max((level[target] for target in below), default=0)
        level |= dict.fromkeys(component, height)
    return max(level.values(), default=0)


def function_lengths(sources: Sources) -> list[int]:
    """Return the lines of every function and method, docstring included."""
    nodes = (node for text in sources.values() for node in ast.walk(ast.parse(text)))
    functions = (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]


def flags_by_string(sources: Sources) -> list[str]:
    """Return each `getattr(x, "name", default)` with a literal public name, as `path:line name`."""
    return [
        f"{path}:{node.lineno} {node.args[1].value}"
        for path, text in sources.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "getattr"
        and len(node.args) == 3
        and isinstance(node.args[1], ast.Constant)
        and not str(node.args[1].value).startswith("_")
    ]


def bare_arrays(sources: Sources) -> list[str]:
    """Return what is public and holds an array without a shape, as `path:line name`.

    Parameters, results, fields and aliases, and what is inside of them, as in `Callable[[Array], Array]`.
    Functions inside of functions are their own affair.
    """
    return [
        f"{path}:{line} {name}"
        for path, text in sources.items()
        for name, line, annotation in _annotations(ast.parse(text).body)
        if _is_bare(annotation)
    ]


def _annotations(body: Iterable[ast.stmt], owner: str = "") -> Iterator[tuple[str, int, ast.expr]]:
    """Yield the annotations of all that is public in a module or a class, and what aliases stand for."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _annotations(node.body, f"{owner}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (node.name.startswith("__") or node.name[0] != "_"):
            parts = {one.arg: one.annotation for one in ast.walk(node.args) if isinstance(one, ast.arg)}
            for part, annotation in (parts | {"return": node.returns}).items():
                if annotation is not None:
                    yield f"{owner}{node.name}({part})", node.lineno, annotation
        elif isinstance(node, ast.AnnAssign):
            yield f"{owner}{ast.unparse(node.target)}", node.lineno, node.annotation
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
            yield f"{owner}{ast.unparse(node.targets[0])}", node.lineno, node.value


def _is_bare(annotation: ast.AST) -> bool:
    """Tell whether a type names an array without jaxtyping's shape: `Float[Array, "h w"]` has one."""
    match annotation:
        case ast.Subscript(slice=ast.Tuple(elts=[_, ast.Constant(value=str())])):
            return False
        case ast.Name(id="Array") | ast.Attribute(attr="Array" | "ndarray"):
            return True
    return any(_is_bare(child) for child in ast.iter_child_nodes(annotation))


def shared_class_names(sources: Sources) -> dict[str, list[str]]:
    """Return the public classes whose name another module's class has too, with their files."""
    places: dict[str, list[str]] = defaultdict(list)
    for path, text in sources.items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(path)
    return {name: paths for name, paths in sorted(places.items()) if len(paths) > 1}


def spread(values: Iterable[int]) -> str:
    """Return median, ninetieth percentile and maximum."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):g} / {ordered[int(0.9 * (len(ordered) - 1))]} / {ordered[-1]}"


def report(sources: Sources) -> Mapping[str, object]:
    """Return every count by its name, in the order in which they are printed."""
    package, tests = modules_below(sources, *ROOMS), modules_below(sources, "tests")
    imports = imports_of(package)
    rooms, test_rooms = modules_per_folder(package), modules_per_folder(tests)
    counts: dict[str, object] = {
        "modules of the package": sum(rooms.values()),
        "modules per folder: median / max": f"{statistics.median(rooms.values()):g} / {max(rooms.values())}",
        "test files per folder: median / max": (
            f"{statistics.median(test_rooms.values()):g} / {max(test_rooms.values())}"
        ),
        "imports between modules": sum(map(len, imports.values())),
        "arrows between the top folders": len(arrows(imports)),
    }
    for room in ROOMS:
        pairs = arrows(imports, room)
        units = {Path(path).parts[1] for path in package if path.startswith(f"{room}/")}
        counts[f"units of {room}, arrows between them"] = f"{len(units)}, {len(pairs)}"
    inside = {path: targets for path, targets in imports.items() if path.startswith("bench/")}
    inside = {path: {one for one in targets if one in inside} for path, targets in inside.items()}
    return counts | {
        "floors, of bench alone": f"{floors(imports)}, {floors(inside)}",
        "cycles": sum(len(component) > 1 for component in groups(imports)),
        "lines per file: median / p90 / max": spread(len(text.splitlines()) for text in package.values()),
        "lines per function: median / p90 / max": spread(function_lengths(package)),
        "flags read by string": len(flags_by_string(package)),
        "public arrays without a shape": len(bare_arrays(package)),
        "public classes that share a name": len(shared_class_names(package)),
    }


def main(ref: str | None) -> None:
    """Print the counts, then the names behind those that should be small."""
    sources = sources_of(ref)
    for name, value in report(sources).items():
        sys.stdout.write(f"{name:<45} {value}\n")
    package = modules_below(sources, *ROOMS)
    for name, paths in shared_class_names(package).items():
        sys.stdout.write(f"  {name}: {', '.join(paths)}\n")
    for line in (*flags_by_string(package), *bare_arrays(package)):
        sys.stdout.write(f"  {line}\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
