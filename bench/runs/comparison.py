"""One problem trained by several methods: a folder of trainings, from which a stopped one goes on."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, JsonValue

from ..catalogue.kebab_case import kebab_case
from ..catalogue.typed_call import typed_call
from ..errors import UserError, unwritable
from ..records.durable import replace_durably
from ..records.strict_json import read_model
from ..training.request import TrainingRequest
from .provenance import provenance
from .training_file import COMPARISON_FILE, training_folder
from .training_run import RunningTraining, plan_new_training, plan_training_again, started_training


class ComparisonFile(BaseModel):
    """What `comparison.json` holds: the methods, what they all train, and where that began."""

    model_config = ConfigDict(extra="forbid")

    methods: tuple[str, ...]
    request: TrainingRequest
    command: list[str]
    created: str
    environment: dict[str, JsonValue]


@dataclass(frozen=True)
class TrainingComparison:
    """Methods that train one problem, each in a folder of its own below `folder`."""

    folder: Path
    methods: tuple[str, ...]
    request: TrainingRequest

    def folder_of(self, method: str) -> Path:
        """Return the folder of a method's training: its place and its name."""
        name = kebab_case(typed_call(method, "method").name)
        return self.folder / f"{self.methods.index(method) + 1}-{name}"

    @contextlib.contextmanager
    def started(self, method: str, command: Sequence[str]) -> Iterator[RunningTraining]:
        """Start a method's training, or go on with it; raise `UserError` where that cannot be."""
        path = self.folder_of(method)
        begun = training_folder(path).about_path.exists()
        asked = self.request.model_copy(update={"method": method})
        plan = plan_training_again(path) if begun else plan_new_training(asked, path)
        with started_training(plan, command) as running:
            yield running


def plan_comparison(
    methods: Sequence[str], request: TrainingRequest, folder: Path, command: Sequence[str]
) -> TrainingComparison:
    """Check that every method fits, and write what was asked for.

    Raises:
        UserError: for fewer than two methods or one that is there twice, or what `plan_training` refuses.
    """
    if len(set(methods)) < max(2, len(methods)):
        raise UserError(f"two or more different methods are compared; got {', '.join(methods) or 'none'}")
    comparison = TrainingComparison(folder, tuple(methods), request)
    for method in methods:
        plan_new_training(request.model_copy(update={"method": method}), comparison.folder_of(method))
    about = ComparisonFile(methods=comparison.methods, request=request, **provenance(command))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_durably(folder / COMPARISON_FILE, about.model_dump_json(indent=2).encode() + b"\n")
    except OSError as error:
        raise unwritable(folder, error) from error
    return comparison


def plan_comparison_again(folder: Path) -> TrainingComparison:
    """Read what a comparison was asked for.

    Raises:
        UserError: if there is none, or it is damaged.
    """
    path = folder / COMPARISON_FILE
    try:
        about = read_model(path, ComparisonFile, "a comparison")
    except OSError as error:
        raise UserError(
            f"{folder} is not the folder of a comparison: cannot read {path} ({error.strerror})"
        ) from error
    return TrainingComparison(folder, about.methods, about.request)
