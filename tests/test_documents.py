"""Every Python example of the documents runs as a script of its own, to its end and with exit status 0."""

import ast
import builtins
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

FILE = r"# [\w/]+\.py\n"


def blocks(page: Path) -> list[str]:
    """The Python blocks of a page, but for files, which begin with their path: see test_contributing.py."""
    found = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    return [block for block in found if not re.match(FILE, block)]


def script(earlier: list[str], block: str) -> str:
    """A block behind those before it whose names it needs, as a reader would type them."""
    missing = names(block, ast.Load) - names(block, ast.Store) - set(dir(builtins))
    for number in range(len(earlier) - 1, -1, -1):
        if missing & names(earlier[number], ast.Store):
            return script(earlier[:number], earlier[number]) + "\n" + block
    return block


def names(block: str, context: type[ast.expr_context]) -> set[str]:
    """The names that a block reads, or those that it binds."""
    tree = ast.parse(block)
    found = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }
    if context is ast.Store:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found |= {(one.asname or one.name).partition(".")[0] for one in node.names}
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            if isinstance(node, ast.arg):
                found.add(node.arg)
    return found


def examples() -> list:
    """One case a block."""
    return [
        pytest.param(script(found[:number], found[number]), id=f"{page.name}-{number + 1}")
        for page in PAGES
        for found in [blocks(page)]
        for number in range(len(found))
    ]


def test_the_examples_are_found():
    """A heading that hides the blocks from the pattern would leave nothing to test."""
    files = sum(len(re.findall(rf"^```python\n{FILE}", page.read_text(), re.MULTILINE)) for page in PAGES)
    assert len(examples()) + files == sum(page.read_text().count("```python") for page in PAGES) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("source", examples())
def test_an_example_runs_as_a_script(source, tmp_path):
    """JAX computes in the background: a script that ends before that is done ends by a signal."""
    path = tmp_path / "example.py"
    path.write_text(source)
    ran = subprocess.run([sys.executable, path], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert float(ran.stdout.split()[-1]) > 0
