"""`hgb run`: measure a suite."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from ..distributing.cluster import Workers, require_cluster
from ..errors import UserError
from ..grid.selection import Selection
from ..isolation.limits import IsolationLimits
from ..machine.device import use_device
from ..report.figures import write_figures
from ..report.publish import write_tables
from ..report.render import print_answer, print_tables
from ..report.tables import report_of
from ..runs.folder import new_folder
from ..runs.reproduce import built_in_reproductions
from ..runs.run import Plan, plan_again, plan_run, started
from ..runs.run_file import run_folder
from .measuring import measure, typed
from .notices import say, warn
from .report import write_run_report


def run_suite(
    selection: Selection,
    out: Path | None,
    resume: Path | None,
    device: str,
    tables: bool,
    isolation: IsolationLimits | None,
    workers: Workers | None,
) -> None:
    """Measure a suite, or go on with a run, and print its answer; its tables if asked for, or if one.

    Raises:
        UserError: if the suite is a reproduction, or for what `plan_run` refuses.
    """
    if workers is not None:
        require_cluster(workers)
    isolated = isolation is not None or (
        resume is not None and run_folder(resume).about().isolation is not None
    )
    use_device(device, spare=isolated or workers is not None)
    suite = selection.suite
    if suite in built_in_reproductions():
        raise UserError(f"{suite!r} is a reproduction, not a suite: hgb reproduce {suite}")
    plan = _resumed(resume, selection, out) if resume else plan_run(selection, new_folder(out, suite))
    for line in plan.left_out:
        say(f"left out, as it does not fit together: {line}")
    measure(started(plan, typed(), device, isolation, workers), run_folder(plan.folder))
    _finish(plan, tables)


def _finish(plan: Plan, tables: bool) -> None:
    folder = run_folder(plan.folder)
    records = folder.journal.read().entries
    report = report_of(records, folder.clock_warnings())
    if tables or len(report.tables) == 1:
        print_tables(report)
    print_answer(report)
    warn(report.warnings)
    write_tables(report, folder.path)
    write_figures(report, folder.path)
    page = write_run_report(folder.path)
    Console().print(
        Text(f"Records, tables and figures are in {folder.path}, the page is {page}"), soft_wrap=True
    )
    recorded = {record.id for record in records}
    missing = [case for group in plan.groups for case in group if case.id not in recorded]
    if missing:
        raise UserError(
            f"{len(missing)} of {plan.cases} cases have no record, the first one {missing[0].describe()}; "
            f"`{folder.resume}` measures them"
        )


def _resumed(folder: Path, given: Selection, out: Path | None) -> Plan:
    if given != Selection() or out is not None:
        raise UserError(
            "--resume takes its options from the run's folder; give no others but --device, --tables, "
            "--workers and --scheduler"
        )
    return plan_again(folder)
