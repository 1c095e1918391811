"""LaTeX tables: what a record holds is text, and a document compiles with them."""

import shutil
import subprocess
from pathlib import Path

import pytest
from synthetic_records import grid, measured

from hypergrad_bench.bench.report.answer import answer_table
from hypergrad_bench.bench.report.figures import write_figures
from hypergrad_bench.bench.report.latex import latex_table, latex_text
from hypergrad_bench.bench.report.result_table import result_table
from hypergrad_bench.bench.report.tables import make_tables, report_of

HOSTILE = r"\input{/etc/hosts} $x^2$ 50% #1 a_b {~} | <b> \\ [3cm] -- `'\" é λ – " + "\\"


def test_signs_that_tex_reads_are_escaped() -> None:
    """No command, no formula, no comment, no dash, no distance of lines."""
    text = latex_text(HOSTILE)
    assert r"\input" not in text
    assert r"\textbackslash{}input\{/etc/hosts\}" in text
    assert "--" not in text
    assert text.count("%") == text.count(r"\%") == 1
    assert "{[}U+03BB{]}" in text
    assert "é" in text


def test_a_table_has_a_line_for_each_row_and_its_notes() -> None:
    """Between the rules of booktabs."""
    (table,) = make_tables([measured(), measured(method="M()", adjoint_residual=None)])
    lines = latex_table(result_table(table)).splitlines()
    first, last = lines.index(r"\endhead"), lines.index(r"\bottomrule")
    assert last - first - 1 == 2
    assert all(line.endswith(r" \\") for line in lines[first + 1 : last])
    assert any(line.startswith(r"\par\noindent {\footnotesize 1.") for line in lines[last:])


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_a_document_with_all_tables_and_figures_compiles(tmp_path: Path) -> None:
    """Names that mean something to TeX too."""
    records = [*grid(), measured(task=HOSTILE, solver=HOSTILE)]
    tables = [answer_table(records), *map(result_table, make_tables(records))]
    figures = write_figures(report_of([measured()]), tmp_path, "pdf", 3.4, "-column")
    drawn = [rf"\includegraphics[width=3.4in]{{{{figures/{path.stem}}}.pdf}}" for path in figures]
    body = "\n".join([*map(latex_table, tables), *drawn])
    packages = r"\usepackage[T1]{fontenc}\usepackage{textcomp,booktabs,longtable,graphicx}"
    document = rf"\documentclass{{article}}{packages}\begin{{document}}{body}\end{{document}}"
    (tmp_path / "tables.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert (tmp_path / "tables.pdf").stat().st_size > 10_000
