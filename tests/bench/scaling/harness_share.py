"""Tell what share of a run is the harness's own: python harness_share.py [options of hgb run].

A case's own is what happens until its group's first record: inputs, tracing, compiling, reference, timing.
The rest is the harness's: its imports, planning, records, journal, progress, tables and the page.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

BEGIN = time.perf_counter()

from hypergrad_bench.bench.cli import main  # noqa: E402
from hypergrad_bench.bench.grid.case import Case  # noqa: E402
from hypergrad_bench.bench.measure.workbench import MeasuredRecord, Workbench  # noqa: E402


def watched_run(arguments: Sequence[str]) -> tuple[float, int]:
    """Run `hgb run` here; return the seconds that were the cases' own, and how many there were."""
    measure, own, count = Workbench.measure, [0.0], [0]

    def watched(self: Workbench, group: Sequence[Case], *rest: Any) -> Iterator[MeasuredRecord]:
        begin = time.perf_counter()
        for number, record in enumerate(measure(self, group, *rest)):
            own[0] += 0.0 if number else time.perf_counter() - begin
            count[0] += 1
            yield record

    Workbench.measure = watched
    sys.argv = ["hgb", "run", *arguments]
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise
    finally:
        Workbench.measure = measure
    return own[0], count[0]


if __name__ == "__main__":
    own, count = watched_run(sys.argv[1:])
    whole = time.perf_counter() - BEGIN
    sys.stderr.write(
        f"{count} cases in {whole:.1f} s, {own:.1f} s of them their own: the harness costs "
        f"{1e3 * (whole - own) / count:.1f} ms a case, {(whole - own) / own:.2%} of that\n"
    )
