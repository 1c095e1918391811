"""The reference of the documentation: one page per package of the library, one entry per public name."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "problems": "Linear operators, regularisers, the lower level, tasks and ground truths.",
    "solvers": "Solvers of the lower level, their budgets and certificates, and linear solvers.",
    "hypergrad": "Differentiation rules, references, error bounds, and upper levels that bear inexactness.",
}
OLD = {"Moved", "solve_and_move"}
"""Second names of what has another one now."""
EXPORT = re.compile(r"^from \.([\w.]+) import (\w+) as \2$", re.MULTILINE)


def page_of(package: str) -> str:
    """Return a package's page: an entry where each public name is defined."""
    exported = EXPORT.findall((ROOT / package / "__init__.py").read_text())
    entries = sorted(
        (name.lower(), f"hypergrad_bench.{package}.{module}.{name}")
        for module, name in exported
        if name not in OLD
    )
    head = (
        f"# `hypergrad_bench.{package}`\n\n{PACKAGES[package]}\nImport it from `hypergrad_bench.{package}`.\n"
    )
    return head + "".join(f"\n::: {path}\n" for _, path in entries)


if __name__ == "__main__":
    for package in PACKAGES:
        (ROOT / "docs" / "reference" / f"{package}.md").write_text(page_of(package))
