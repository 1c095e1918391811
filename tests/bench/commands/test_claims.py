"""`hgb claims`: every claim of the papers once, with what recorded rows say of it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hypergrad_bench.bench.catalogue.paper_claims import CLAIMS, PAPERS
from hypergrad_bench.bench.commands import reproduce as reproduce_command
from hypergrad_bench.bench.reproductions import EquilibriumCost
from hypergrad_bench.bench.reproductions.counted import Counted
from hypergrad_bench.bench.reproductions.equilibrium_cost.measure import MEMORY
from hypergrad_bench.bench.reproductions.finding import (
    ClaimFinding,
    SettlesClaims,
    Verdict,
    finding_of,
    verdict_of,
)
from hypergrad_bench.bench.runs import claims as claims_module
from hypergrad_bench.bench.runs.claims import (
    ClaimPart,
    grouped_reproductions,
    joint_finding,
    settled_claims,
)
from hypergrad_bench.bench.runs.reproduce import built_in_reproductions

Hgb = Callable[..., int]
Printed = pytest.CaptureFixture[str]
RESULTS = Path(__file__).resolve().parents[3] / "results"
VERDICTS = {verdict.value for verdict in Verdict}


def claims(hgb: Hgb, capsys: Printed) -> dict[str, dict[str, Any]]:
    """What `hgb claims --json` prints, by the claims' names."""
    assert hgb("claims", "--json") == 0
    return {one["claim"]: one for one in json.loads(capsys.readouterr().out)}


def restarts(hgb: Hgb, capsys: Printed) -> dict[str, Any]:
    """What `hgb claims --json` prints of the restarts' part of claim D1."""
    (part,) = [one for one in claims(hgb, capsys)["D1"]["parts"] if one["reproduction"] == "restarts"]
    return part


def recorded_here(tmp_path: Path, folder: str, **about: Any) -> Path:
    """A copy of the recorded restarts in the working folder, with another account."""
    copy = tmp_path / "results" / folder
    copy.mkdir(parents=True)
    for name in ("reproduction.json", "rows.jsonl"):
        shutil.copy(RESULTS / "restarts-cpu" / name, copy)
    path = copy / "reproduction.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | about))
    return copy


def test_every_claim_is_a_row_with_a_verdict_from_the_recorded_folders(hgb: Hgb, capsys: Printed) -> None:
    """Those that are settled name their folder and their numbers; of the others the reason is said."""
    found = claims(hgb, capsys)
    assert list(found) == [claim.name for claim in CLAIMS]
    assert {one["verdict"] for one in found.values()} <= VERDICTS
    for one in found.values():
        assert one["sentence"]
        assert one["paper"]
        untested = one["verdict"] == Verdict.NOT_TESTED
        assert bool(one["reason"]) if untested else bool(one["measured"] and one["rule"])
        assert untested or Path(one["folder"]).is_dir()
    assert {name: one["verdict"] for name, one in found.items()} == {
        "A1": Verdict.IN_DIRECTION,
        "A2": Verdict.HOLDS,
        "A3": Verdict.NOT_TESTED,
        "A4": Verdict.DOES_NOT_HOLD,
        "B1": Verdict.IN_DIRECTION,
        "B2": Verdict.IN_DIRECTION,
        "C1": Verdict.HOLDS,
        "C2": Verdict.DOES_NOT_HOLD,
        "D1": Verdict.IN_DIRECTION,
        "D2": Verdict.IN_DIRECTION,
    }
    assert "equilibrium-cost: its part on cost holds" in found["D2"]["reason"]
    assert {one["reproduction"] for one in found["D1"]["parts"]} == {"restarts", "restarted-training"}
    assert found["A3"]["reason"] == "3 of 6 trainings are missing or not ok"


def test_the_table_has_every_claim_and_its_rule(hgb: Hgb, capsys: Printed) -> None:
    """Beside the authors' figure, where there is one."""
    assert hgb("claims") == 0
    shown = capsys.readouterr().out
    assert all(claim.name in shown for claim in CLAIMS)
    assert "1.182" in shown
    words = " ".join(shown.split())
    assert "D1: Each part by its own rule" in words
    assert "restarts: Holds if every problem's slopes follow" in words


def test_the_newest_whole_recording_counts_and_no_quick_one(
    hgb: Hgb, tmp_path: Path, capsys: Printed
) -> None:
    """One of the working folder goes before an older one, whichever folder that lies in."""
    shipped = restarts(hgb, capsys)["folder"]
    recorded_here(tmp_path, "quick", created="2999-01-01T00:00:00+00:00", quick=True)
    recorded_here(tmp_path, "older", created="2000-01-01T00:00:00+00:00")
    partial = recorded_here(tmp_path, "partial", created="2998-01-01T00:00:00+00:00")
    lines = (partial / "rows.jsonl").read_text().splitlines(keepends=True)
    cases = [json.loads(line)["case"] for line in lines]
    about = json.loads((partial / "reproduction.json").read_text()) | {"cases": cases}
    (partial / "reproduction.json").write_text(json.dumps(about))
    (partial / "rows.jsonl").write_text("".join(lines[:-1]))
    assert restarts(hgb, capsys)["folder"] == shipped
    recorded_here(tmp_path, "newer", created="2998-01-01T00:00:00+00:00", cases=cases)
    assert restarts(hgb, capsys)["folder"] == "results/newer"


def test_rows_that_cannot_be_read_are_no_verdict(hgb: Hgb, tmp_path: Path, capsys: Printed) -> None:
    """The reason names the folder, and a damaged folder is passed over."""
    foreign = recorded_here(tmp_path, "foreign", created="2998-01-01T00:00:00+00:00")
    line = {"case": "a", "created": "", "rows": [{"status": "ok"}]}
    (foreign / "rows.jsonl").write_text(json.dumps(line) + "\n")
    (recorded_here(tmp_path, "damaged") / "reproduction.json").write_text("{")
    found = restarts(hgb, capsys)
    assert found["verdict"] == Verdict.NOT_TESTED
    assert "the rows in results/foreign cannot be read" in found["reason"]


def test_without_recordings_each_claim_says_how_it_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a wheel without results."""
    monkeypatch.setattr(claims_module, "recorded_reproductions", list)
    found = {one.claim.name: one.finding for one in settled_claims()}
    assert {one.verdict for one in found.values()} == {Verdict.NOT_TESTED}
    assert found["C1"].reason == "not measured yet: `hgb reproduce deq-versus-bilevel` does"


def test_findings_name_known_claims_and_state_their_rule() -> None:
    """Without rows too, so that a claim is found before it is measured."""
    names = {claim.name for claim in CLAIMS}
    settling = [one for one in built_in_reproductions().values() if isinstance(one, SettlesClaims)]
    found = [finding for entry in settling for finding in entry.findings([])]
    assert {one.claim for one in found} <= names
    assert all(one.rule and one.setting and one.verdict is Verdict.NOT_TESTED for one in found)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([], Verdict.NOT_TESTED),
        ([Counted("a", 2, 2), Counted("b", 0, 0)], Verdict.NOT_TESTED),
        ([Counted("a", 2, 2), Counted("b", 1, 1)], Verdict.HOLDS),
        ([Counted("a", 2, 2), Counted("b", 0, 1)], Verdict.IN_DIRECTION),
        ([Counted("a", 1, 2)], Verdict.DOES_NOT_HOLD),
    ],
)
def test_a_verdict_follows_from_counts(targets: list[Counted], expected: Verdict) -> None:
    """All, some, none; a target that was not measured leaves it open."""
    assert verdict_of(targets) is expected


def test_what_is_left_out_is_told_and_keeps_a_claim_from_holding() -> None:
    """Where nothing at all is judged, that is told from what was not measured."""
    some, none = Counted("a", 2, 2, "best 1", "1 pairs"), Counted("b", 0, 0, "", "3 pairs")
    found = finding_of("D1", "rule", "setting", [some])
    assert found.verdict is Verdict.IN_DIRECTION
    assert found.measured == "a: 2 of 2, best 1, left out: 1 pairs"
    assert found.reason
    assert finding_of("D1", "rule", "setting", [some, none]).reason == "nothing to judge: b"
    assert finding_of("D1", "rule", "setting", [Counted("b", 0, 0)]).reason == "not measured yet"


@pytest.mark.parametrize(
    ("growth", "expected"),
    [(0.0, Verdict.NOT_TESTED), (0.1, Verdict.IN_DIRECTION)],
)
def test_a_cost_that_does_not_hold_counts(growth: float, expected: Verdict) -> None:
    """One that holds settles nothing without the training."""

    def row(method: str, steps: int, memory: float) -> dict[str, Any]:
        numbers = {"memory_bytes": memory, "memory_limit_bytes": 1e9, "compile_seconds": 1.0}
        return {"case": MEMORY.name, "quick": False, "method": method, "steps": steps} | numbers

    rows = [row("implicit", steps, 1000 * (1 + growth * steps)) for steps in (1, 2, 4, 8)]
    rows += [row("unrolled", steps, 1000.0 * steps) for steps in (1, 2, 4, 8)]
    (found,) = EquilibriumCost().findings(rows)
    assert found.verdict is expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ("hh", Verdict.HOLDS),
        ("hd", Verdict.IN_DIRECTION),
        ("hn", Verdict.IN_DIRECTION),
        ("dn", Verdict.IN_DIRECTION),
        ("nn", Verdict.DOES_NOT_HOLD),
        ("h?", Verdict.HOLDS),
        ("n?", Verdict.DOES_NOT_HOLD),
        ("??", Verdict.NOT_TESTED),
    ],
)
def test_reproductions_of_one_claim_settle_it_together(verdicts: str, expected: Verdict) -> None:
    """Neither contradicts the other in silence: both are told, and why one could not test it."""
    known = {
        "h": ClaimFinding("D1", "rule", "setting", "numbers", Verdict.HOLDS, ""),
        "d": ClaimFinding("D1", "rule", "setting", "numbers", Verdict.IN_DIRECTION, ""),
        "n": ClaimFinding("D1", "rule", "setting", "numbers", Verdict.DOES_NOT_HOLD, ""),
        "?": ClaimFinding("D1", "rule", "setting", reason="later"),
    }
    parts = [ClaimPart(known[letter], f"part-{number}", None) for number, letter in enumerate(verdicts)]
    found = joint_finding(parts)
    assert found.verdict is expected
    assert "part-0: rule; part-1: rule" in found.rule
    assert found.rule.startswith("Each part by its own rule")
    assert ("part-1: later" in found.reason) == (verdicts[1] == "?")
    assert ("part-1: numbers" in found.measured) == (verdicts[1] != "?")
    assert joint_finding(parts[:1]) == parts[0].finding


def test_a_paper_stands_for_its_reproductions(
    hgb: Hgb, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them once; one without any is refused with a sentence."""
    groups = {paper.name: grouped_reproductions(paper.name) for paper in PAPERS}
    assert "restarts" in (groups["restarted"] or [])
    assert groups["deq-vs-bilevel"] == ["deq-versus-bilevel", "untied-training"]
    assert grouped_reproductions("all") == [name for group in groups.values() for name in group or []]
    assert grouped_reproductions("restarts") is None
    assert groups["elder"] == ["elder-training"]
    monkeypatch.setattr(claims_module, "_settling", dict)
    assert {one.finding.reason for one in settled_claims()} == {"there is no reproduction of it yet"}
    assert hgb("reproduce", "elder", "--quick") == 2
    assert "no reproduction of elder yet: its claims B1, B2" in capsys.readouterr().err


def test_a_group_is_measured_into_a_folder_for_each(
    hgb: Hgb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other, all refused or all begun."""
    begun: list[tuple[str, bool, str]] = []

    def note(plan: Any, device: str, workers: object) -> None:
        begun.append((plan.name, plan.quick, str(plan.folder.relative_to(tmp_path))))

    monkeypatch.setattr(reproduce_command, "_measure", note)
    assert hgb("reproduce", "restarted", "--quick", "--out", str(tmp_path / "out")) == 0
    assert sorted(begun) == [
        ("equilibrium-cost", True, "out/equilibrium-cost"),
        ("restarted-training", True, "out/restarted-training"),
        ("restarts", True, "out/restarts"),
    ]
