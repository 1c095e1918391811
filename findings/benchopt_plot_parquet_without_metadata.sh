#!/usr/bin/env bash
# `benchopt plot` does not open a Parquet file whose schema holds no metadata, though benchopt reads its rows.
#
# Behaviour: results are Parquet with the columns dataset_name, objective_name, solver_name, stop_val, idx_rep, time
#   and objective_*. A file with these columns that pyarrow wrote from a table of its own is read by pandas and by
#   benchopt's `read_results`; its plots end with TypeError ('NoneType' object is not a mapping). Before drawing,
#   benchopt adds the plots' settings to the metadata of the file's Arrow schema, and pyarrow gives None where there
#   is none. pandas always writes some, so that benchopt's own files work. With any key in it the table is drawn.
# Versions: benchopt 1.10.0, pyarrow 26.0.1, pandas 3.1.1.
# Context: exporting measurements of another harness for benchopt's plots.
# Seen:
#     read_results: 2 rows
#     plot, schema without metadata: TypeError
#     plot, schema with _meta_json: drawn
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet benchopt==1.10.0 pyarrow==26.0.1 pandas==3.1.1
cat > "$work/show.py" <<'PYTHON'
import contextlib
import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from benchopt.plotting import plot_benchmark
from benchopt.results import read_results

OBJECTIVE = """
from benchopt import BaseObjective


class Objective(BaseObjective):
    name = "made elsewhere"
    url = "made-elsewhere"

    def set_data(self):
        raise NotImplementedError

    get_objective = evaluate_result = set_data
"""
COLUMNS = {
    "dataset_name": ["d"] * 2,
    "objective_name": ["o"] * 2,
    "solver_name": ["s", "t"],
    "stop_val": [1, 1],
    "idx_rep": [0, 0],
    "time": [0.1, 0.2],
    "objective_value": [1.0, 2.0],
    "run_date": ["2026-01-01"] * 2,
}


def plotted(folder: Path, metadata: dict[str, str] | None) -> str:
    """What becomes of one table as benchopt plots it."""
    (folder / "outputs").mkdir(parents=True)
    (folder / "objective.py").write_text(OBJECTIVE)
    path = folder / "outputs" / "results.parquet"
    pq.write_table(pa.table(COLUMNS).replace_schema_metadata(metadata), path)
    if metadata is None:
        print("read_results:", len(read_results(path)), "rows")
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            plot_benchmark(path, folder, display=False)
    except TypeError as error:
        assert "NoneType" in str(error)
        return "TypeError"
    return "drawn" if list((folder / "outputs").glob("*_results.html")) else "nothing"


work = Path(sys.argv[1])
print("plot, schema without metadata:", plotted(work / "without", None))
print("plot, schema with _meta_json:", plotted(work / "with", {"_meta_json": "{}"}))
PYTHON
"$work/venv/bin/python" "$work/show.py" "$work" | tee "$work/seen"
diff "$work/seen" - <<'EXPECTED'
read_results: 2 rows
plot, schema without metadata: TypeError
plot, schema with _meta_json: drawn
EXPECTED
