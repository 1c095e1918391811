"""The papers' claims with their verdicts, from what reproductions have recorded."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..catalogue.paper_claims import ALL, CLAIMS, PAPERS, Paper, PaperClaim
from ..errors import UserError
from ..failure import failure_of
from ..reproductions.finding import ClaimFinding, SettlesClaims, Verdict
from .recorded import recorded_reproductions
from .reproduce import built_in_reproductions
from .reproduction_file import reproduction_folder

NO_REPRODUCTION = ClaimFinding("", "", "", reason="there is no reproduction of it yet")


JOINT_RULE = (
    "Each part by its own rule; together, those that could be tested hold if all of them do, hold in "
    "direction if one of them does in any way, else do not; of the others the reason is told"
)


@dataclass(frozen=True)
class ClaimPart:
    """What one reproduction finds of a claim, and the folder of its rows."""

    finding: ClaimFinding
    reproduction: str
    folder: Path | None


@dataclass(frozen=True)
class SettledClaim:
    """A claim, what was found of it, and the parts that this rests on.

    Attributes:
        claim: of the paper.
        finding: of all parts together.
        parts: what each reproduction that tests the claim finds, those first that could test it.
    """

    claim: PaperClaim
    finding: ClaimFinding
    parts: tuple[ClaimPart, ...] = ()

    @property
    def reproduction(self) -> str:
        """The reproduction whose verdict is the worst; of those that could not test it, the first."""
        return self._decisive.reproduction if self.parts else ""

    @property
    def folder(self) -> Path | None:
        """The folder of its rows."""
        return self._decisive.folder if self.parts else None

    @property
    def _decisive(self) -> ClaimPart:
        return max(self.parts, key=lambda part: _BADNESS[part.finding.verdict])


_BADNESS = {
    Verdict.NOT_TESTED: 0,
    Verdict.HOLDS: 1,
    Verdict.IN_DIRECTION: 2,
    Verdict.DOES_NOT_HOLD: 3,
}


def settled_claims() -> list[SettledClaim]:
    """Return every claim once, in the order of the papers.

    Where several reproductions settle one, it is found what they find together, see `JOINT_RULE`; of those
    that could not test it the reason is told.
    """
    found: dict[str, list[ClaimPart]] = {claim.name: [] for claim in CLAIMS}
    settling = _settling()
    folders = _folders(settling)
    for name, entry in settling.items():
        folder = folders.get(name)
        for finding in _findings(name, entry, folder):
            found[finding.claim].append(ClaimPart(finding, name, folder))
    return [_settled(claim, sorted(found[claim.name], key=_untested)) for claim in CLAIMS]


def joint_finding(parts: Sequence[ClaimPart]) -> ClaimFinding:
    """Return what several reproductions find of one claim together.

    Args:
        parts: of one claim, at least one.
    """
    if len(parts) == 1:
        return parts[0].finding

    def told(field: str) -> str:
        values = {part.reproduction: getattr(part.finding, field) for part in parts}
        return "; ".join(f"{name}: {value}" for name, value in values.items() if value)

    return ClaimFinding(
        parts[0].finding.claim,
        f"{JOINT_RULE}. {told('rule')}",
        told("setting"),
        told("measured"),
        _joint_verdict([part.finding.verdict for part in parts if not _untested(part)]),
        told("reason"),
    )


def _joint_verdict(tested: Sequence[Verdict]) -> Verdict:
    if not tested:
        return Verdict.NOT_TESTED
    if all(one is Verdict.HOLDS for one in tested):
        return Verdict.HOLDS
    none = all(one is Verdict.DOES_NOT_HOLD for one in tested)
    return Verdict.DOES_NOT_HOLD if none else Verdict.IN_DIRECTION


def _settled(claim: PaperClaim, parts: Sequence[ClaimPart]) -> SettledClaim:
    return SettledClaim(claim, joint_finding(parts) if parts else NO_REPRODUCTION, tuple(parts))


def grouped_reproductions(group: str) -> list[str] | None:
    """Return the names of a paper's reproductions, or of all papers'; None for what is no group.

    Raises:
        UserError: for a paper that has no reproduction yet.
    """
    papers = [paper for paper in PAPERS if group in (paper.name, ALL)]
    if not papers:
        return None
    names = [name for paper in papers for name in _of_paper(paper)]
    if not names:
        claims = ", ".join(claim.name for claim in CLAIMS if claim.paper in papers)
        raise UserError(f"no reproduction of {group} yet: its claims {claims} are not measured")
    return names


def _of_paper(paper: Paper) -> list[str]:
    claims = {claim.name for claim in CLAIMS if claim.paper == paper}
    return [
        name for name, entry in _settling().items() if any(one.claim in claims for one in entry.findings([]))
    ]


def _settling() -> dict[str, SettlesClaims]:
    """Return the reproductions that settle claims, by name."""
    return {
        name: entry for name, entry in built_in_reproductions().items() if isinstance(entry, SettlesClaims)
    }


def _folders(wanted: Collection[str]) -> Mapping[str, Path]:
    """Return of every wanted reproduction the folder that counts: whole before partial, then the newest.

    Quick runs show nothing but that everything runs, and are left out; so is a folder that is damaged.
    """
    best: dict[str, tuple[tuple[bool, str], Path]] = {}
    for folder in recorded_reproductions():
        files = reproduction_folder(folder)
        try:
            about = files.about()
            if about.quick or about.name not in wanted:
                continue
            cases = {one.case for one in files.recorded()}
        except UserError:
            continue
        rank = (cases >= set(about.cases or ()), about.created)
        if cases and rank > best.get(about.name, ((False, ""), folder))[0]:
            best[about.name] = (rank, folder)
    return {name: folder for name, (_, folder) in best.items()}


def _findings(name: str, entry: SettlesClaims, folder: Path | None) -> Sequence[ClaimFinding]:
    """Return what a reproduction finds in its folder; without one, or without its rows, why it does not."""
    if folder is None:
        return _untestable(entry, f"not measured yet: `hgb reproduce {name}` does")
    rows = [row for case in reproduction_folder(folder).recorded() for row in case.rows]
    try:
        return entry.findings(rows)
    except Exception as error:  # the rows may be anybody's
        return _untestable(entry, f"the rows in {folder} cannot be read: {failure_of(error)}")


def _untestable(entry: SettlesClaims, reason: str) -> list[ClaimFinding]:
    return [replace(one, verdict=Verdict.NOT_TESTED, reason=reason) for one in entry.findings([])]


def _untested(part: ClaimPart) -> bool:
    return part.finding.verdict is Verdict.NOT_TESTED
