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


@dataclass(frozen=True)
class SettledClaim:
    """A claim, what was found of it, the reproduction that finds it, and the folder of its rows."""

    claim: PaperClaim
    finding: ClaimFinding
    reproduction: str = ""
    folder: Path | None = None


def settled_claims() -> list[SettledClaim]:
    """Return every claim once, in the order of the papers.

    Where several reproductions settle one, the first that could test it speaks, else the first of all.
    """
    found: dict[str, list[SettledClaim]] = {claim.name: [] for claim in CLAIMS}
    by_name = {claim.name: claim for claim in CLAIMS}
    settling = _settling()
    folders = _folders(settling)
    for name, entry in settling.items():
        folder = folders.get(name)
        for finding in _findings(name, entry, folder):
            found[finding.claim].append(SettledClaim(by_name[finding.claim], finding, name, folder))
    return [
        min(found[claim.name], key=_untested, default=SettledClaim(claim, NO_REPRODUCTION))
        for claim in CLAIMS
    ]


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


def _untested(settled: SettledClaim) -> bool:
    return settled.finding.verdict is Verdict.NOT_TESTED
