"""The process that measures a reproduction's cases, asked as `child` is."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ..machine.device import use_device
from ..records.reproduced_case import reproduced_now
from .child import serve


class ReproductionSetup(BaseModel):
    """The first line: of what reproduction the cases are.

    Attributes:
        entry: the name of its class.
        quick: whether they are the small ones.
        device: what is computed on.
        images: the folder of a user's own, of reproductions that take them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    entry: str
    quick: bool
    device: str
    images: Path | None = None


def _measure(setup: ReproductionSetup, say: Callable[..., None]) -> Callable[[Sequence[str]], None]:
    from .. import reproductions

    use_device(setup.device)
    entry = getattr(reproductions, setup.entry)()
    if setup.images is not None:
        entry = entry.of_images(setup.images)
    cases = {case.name: case for case in entry.cases(setup.quick)}

    def measure(names: Sequence[str]) -> None:
        for name in names:
            say(begin=name, case=name, timing=False)
            say(record=reproduced_now(name, entry.measure(cases[name], setup.quick)).to_line())

    return measure


if __name__ == "__main__":
    serve(ReproductionSetup, _measure)
