"""Write a journal of many records, to see what `hgb table` needs: python large_journal.py FOLDER 100000.

Then `/usr/bin/time -v hgb table FOLDER` tells seconds and memory. Sixteen rows share the seeds.
"""

import sys
from pathlib import Path

from synthetic_records import identity, measured

from hypergrad_bench.bench.records.status import Status

ROWS = 16
ENVIRONMENT = {f"setting {number}": f"what it was set to, {number}" for number in range(20)}


def main(folder: Path, count: int) -> None:
    """Write the records of `count` cases; every third is out of steps."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "records.jsonl").open("w") as file:
        for number in range(count):
            seed, row = divmod(number, ROWS)
            status = Status.MAX_STEPS if number % 3 else Status.OK
            made = measured(
                id=identity(number), seed=seed, max_steps=row, status=status, environment=ENVIRONMENT
            )
            file.write(made.to_line() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
