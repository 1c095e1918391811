"""The smoke run that others are compared with: `python slim_run.py RUN FOLDER` writes it from a new one.

`python slim_run.py --alike FOLDER RUN` ends with status 0 if times and rounding of the two can be compared.
"""

import json
import sys
from pathlib import Path

from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.runs.run_file import run_folder

DECIDING = ("python", "jax", "jaxlib", "numpy", "cpu_model", "cpu_count", "variables")
"""Of the environment: what changes rounding, or times of one method beside another's."""
IN_EVERY_LINE = {"environment": {}, "command": []}


def slim(run: Path, folder: Path) -> None:
    """Write a run's about file and journal, without where each record was made and what has no numbers."""
    about = json.loads((run / "run.json").read_text())
    about |= {"command": ["hgb", "run", "--suite", "smoke"]}
    records = [record for record in run_folder(run).journal.read().entries if record.status.measured]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(about, indent=2) + "\n")
    (folder / "records.jsonl").write_text("".join(f"{_line(record)}\n" for record in records))


def alike(one: Path, other: Path) -> bool:
    """Whether two runs were made by the same versions on one kind of processor."""
    first, second = (json.loads((run / "run.json").read_text())["environment"] for run in (one, other))
    return all(first.get(name) == second.get(name) for name in DECIDING)


def _line(record: Record) -> str:
    kept = record.model_copy(update=IN_EVERY_LINE).model_dump(mode="json", exclude_defaults=True)
    return json.dumps(_short(kept), separators=(",", ":"))


def _short(value: object) -> object:
    if isinstance(value, dict):
        return {name: _short(one) for name, one in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def main() -> None:
    """Do what is asked on the command line."""
    if sys.argv[1] == "--alike":
        sys.exit(0 if alike(Path(sys.argv[2]), Path(sys.argv[3])) else 1)
    slim(Path(sys.argv[1]), Path(sys.argv[2]))


if __name__ == "__main__":
    main()
