"""What a plug-in raises: a status of its own cases, with all its lines, and nobody else's affair."""

from collections.abc import Callable, Iterator
from pathlib import Path

import jax.numpy as jnp
import pytest
from generated import Ended, nothing_measured
from generated import hgb as run_hgb

from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.catalogue.entry import Origin
from hypergrad_bench.bench.catalogue.plugin import with_plugins
from hypergrad_bench.bench.conformance import checks
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.failure import failure_of
from hypergrad_bench.bench.grid.answer import Answer, ask
from hypergrad_bench.bench.measure.solved import require_solution
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.runs.run_file import run_folder
from hypergrad_bench.solvers import Solution

SMALL = ("run", "--suite", "smoke", "--size", "8", "--batch", "1", "--out", "run")
SMALL = (*SMALL, "--plugin", "plugin.py", "--no-isolate")
HEAD = """
import sys
import jax.numpy as jnp
from hypergrad_bench.hypergrad import MethodTraits
from hypergrad_bench.problems import AnalysisL1, Identity, configuration, pytree
"""
TASK = """
@configuration
class Broken:
    noise: float = 0.1

    def operator(self, shape, seed):
        {}
        return Identity()
"""
METHOD = """
@configuration
class Mine:
    traits = MethodTraits()

    def supports(self, solver, lower):
        {}
        return None

    def __call__(self, solver, budget, lower, start=None):
        raise RuntimeError("called\\nin vain")
"""


@pytest.fixture
def unmeasured(tmp_path: Path) -> Iterator[Callable[..., Ended]]:
    """`hgb` in an empty folder, with nothing compiled or timed."""
    with nothing_measured(tmp_path):
        yield run_hgb


def records() -> list[Record]:
    """The records of the run."""
    return list(run_folder(Path("run")).journal.read().entries)


def test_a_broken_operator_fails_its_own_cases(unmeasured: Callable[..., Ended]) -> None:
    """The other task is measured; so is a task that is alone, if it is not its constructor that refuses."""
    Path("plugin.py").write_text(HEAD + TASK.format('raise RuntimeError("first\\nsecond")'))
    small = ("--regularizer", "analysis-l1", "--solver", "dual-fista")
    one = (*small, "--method", "closed-form", "--task", "broken")
    assert unmeasured(*SMALL, *one, "--task", "denoising").status == 0
    found = {(record.task, record.status, record.reason) for record in records()}
    assert ("broken", "failed", "RuntimeError: first\nsecond") in found
    assert ("denoising", "ok", "") in found
    Path("run").rename("before")
    assert unmeasured(*SMALL, *one).status == 0
    assert {record.status for record in records()} == {"failed"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sys.exit(0)", "`supports` raised SystemExit: 0"),
        ("1 / 0", "`supports` raised ZeroDivisionError: division by zero"),
        ("return True", "`supports` returned True; None, or a sentence that says why not, is accepted"),
        ("return ''", "`supports` returned ''"),
        ("pass", "RuntimeError: called\nin vain"),
    ],
)
def test_a_method_that_fails_to_answer_or_to_solve(
    body: str, reason: str, unmeasured: Callable[..., Ended]
) -> None:
    """Its row says so, beside one that is measured; the output names each before it runs."""
    Path("plugin.py").write_text(HEAD + METHOD.format(body))
    options = ("--task", "denoising", "--regularizer", "analysis-l1", "--solver", "dual-fista")
    ended = unmeasured(*SMALL, *options, "--method", "mine", "--method", "closed-form")
    assert ended.status == 0
    told = {record.method: (record.status, record.reason) for record in records()}
    assert told["ClosedForm()"] == ("ok", "")
    assert told["Mine()"][0] == "failed"
    assert told["Mine()"][1].startswith(reason)
    assert "closed-form with dual-fista: denoising, analysis-l1, 8, batch 1, float64, seed 0" in ended.err
    assert body != "pass" or "mine with dual-fista: denoising" in ended.err


def test_what_does_not_fit_together_is_left_out_and_named(unmeasured: Callable[..., Ended]) -> None:
    """A signal has no filter bank of images, which is no reason to leave out what fits."""
    options = ("--suite", "smoke", "--task", "denoising", "--method", "closed-form", "--solver", "dual-fista")
    pairs = (
        "--regularizer",
        "analysis-l1",
        "--regularizer",
        "fields-of-experts",
        "--size",
        "16",
        "--size",
        "8x8",
    )
    ended = unmeasured("run", *options, *pairs, "--out", "run")
    assert ended.status == 0
    problems = {(record.regularizer, record.size) for record in records()}
    assert ("analysis-l1", "16") in problems
    assert ("fields-of-experts", "8x8") in problems
    assert ("fields-of-experts", "16") not in problems
    assert "left out, as it does not fit together: denoising: fields-of-experts, 16: " in ended.err
    alone = unmeasured("run", *options, *pairs[2:4], "--size", "16", "--out", "alone")
    assert alone.status == 2
    assert "hgb: denoising: fields-of-experts, 16: " in alone.err
    assert not Path("alone").exists()


def test_a_folder_of_images_beside_signals(unmeasured: Callable[..., Ended]) -> None:
    """It is read as images: a signal is left out, not made of something else."""
    from PIL import Image

    Path("photos").mkdir()
    for name in ("one", "two"):
        Image.effect_noise((16, 16), 50).save(f"photos/{name}.png")
    problem = ("--task", "denoising", "--regularizer", "analysis-l1", "--images", "photos")
    options = ("--suite", "smoke", *problem, "--method", "closed-form", "--solver", "dual-fista")
    ended = unmeasured("run", *options, "--size", "16", "--size", "8x8", "--out", "run")
    assert ended.status == 0
    assert {record.size for record in records()} == {"8x8"}
    assert "analysis-l1, 16: --images photos: images" in ended.err
    assert unmeasured("run", *options, "--size", "16", "--out", "none").status == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys\nsys.exit(0)\n", "importing plugin.py failed: SystemExit: 0"),
        ("raise KeyError('one\\ntwo')\n", "KeyError: 'one"),
        (
            METHOD.format("pass").replace("supports", "suports"),
            "Mine has 'suports'; did you mean 'supports'?",
        ),
        (
            TASK.format("pass").replace("operator", "operators"),
            "Broken has 'operators'; did you mean 'operator'?",
        ),
        (
            METHOD.format("pass").replace("    def s", "    uses_every_steps = True\n\n    def s"),
            "Mine has 'uses_every_steps', which nobody reads; did you mean "
            "`traits = MethodTraits(uses_every_step=...)`?",
        ),
        (
            METHOD.format("pass").replace(
                "    def s", "    def __post_init__(self):\n        sys.exit(0)\n\n    def s"
            ),
            "Mine must be made without arguments, every field with a default: SystemExit: 0",
        ),
        (METHOD.format("pass").replace("    def s", "    __hash__ = None\n\n    def s"), "Mine needs a hash"),
    ],
)
def test_a_file_that_is_refused(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is measured, and with its name."""
    monkeypatch.chdir(tmp_path)
    Path("plugin.py").write_text(HEAD + text)
    with pytest.raises(UserError, match=r"plugin\.py") as refused:
        with_plugins(built_in(), [Path("plugin.py")])
    assert message in str(refused.value)


def test_check_tells_what_a_start_raises(tmp_path: Path) -> None:
    """A regulariser that starts nowhere is a finding, with what it raised."""
    path = tmp_path / "plugin.py"
    start = "    @classmethod\n    def initial(cls, shape, seed):\n        sys.exit(0)\n"
    path.write_text(HEAD + "@pytree\nclass Gone(AnalysisL1):\n" + start)
    catalogue = with_plugins(built_in(), [path])
    own = catalogue.of_origin(Origin.PLUGIN)
    findings = [found for one in checks(catalogue, own) for found in one.findings()]
    assert ("runs", False, "SystemExit: 0") in {finding[1:] for finding in findings}


def test_a_failure_has_all_its_lines_and_an_interrupt_goes_on() -> None:
    """Names of files can hold what UTF-8 cannot."""
    assert failure_of(ValueError("one\ntwo")) == "ValueError: one\ntwo"
    assert failure_of(SystemExit()) == "SystemExit: no message"
    assert failure_of(OSError("\udcff")) == "OSError: \\udcff"
    with pytest.raises(KeyboardInterrupt):
        failure_of(KeyboardInterrupt())


def test_answers() -> None:
    """None is yes, a sentence is no; anything else is a failure."""
    assert ask(lambda: None) == Answer()
    assert ask(lambda: "not that") == Answer(reason="not that")
    assert ask(lambda: 3).failure.startswith("`supports` returned 3;")
    assert not ask(lambda: 3).yes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"x": jnp.zeros(())},
            r"x is float64\[\]; what is accepted is that of the ground truth, float64\[4\]",
        ),
        ({"x": jnp.zeros(4, jnp.float32)}, r"x is float32\[4\]"),
        ({"status": None}, "status is None; a scalar is accepted"),
        ({"residual": jnp.zeros(4)}, r"residual is float64\[4\]; a scalar is accepted"),
    ],
)
def test_a_solution_of_another_problem_is_none(changes: dict, message: str) -> None:
    """A number in place of an image would broadcast, and its gradient pass for one."""
    truth = jnp.zeros(4)
    good = Solution(truth, None, jnp.asarray(1), jnp.zeros(()), jnp.asarray(0))
    require_solution(good, truth)
    with pytest.raises(TypeError, match=message):
        require_solution(good._replace(**changes), truth)
    with pytest.raises(TypeError, match="the method returned tuple; a Solution is accepted"):
        require_solution(tuple(good), truth)
