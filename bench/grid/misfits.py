"""Combinations of what was asked for that do not fit together: left out of a run, and named."""

from dataclasses import dataclass, field

from .case import label
from .problem import Problem


class Misfit(ValueError):
    """Report that a task, a regulariser, a size and ground truths do not fit together; others may."""


@dataclass
class Misfits:
    """Collect misfits; equal ones of several tasks are one line."""

    _tasks: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)

    def add(self, problem: Problem, reason: str) -> None:
        """Note why a problem cannot be made."""
        name = f"{problem.regularizer.name}, {'x'.join(map(str, problem.shape))}"
        self._tasks.setdefault((name, reason), {})[label(problem.task.value)] = None

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self._tasks)

    def lines(self) -> tuple[str, ...]:
        """Return a line for each problem and reason: `denoising, inpainting: red, 16: why`."""
        return tuple(
            f"{', '.join(tasks)}: {problem}: {reason}" for (problem, reason), tasks in self._tasks.items()
        )


def nothing_fits(*found: Misfits) -> str:
    """Return what is said where no combination is left."""
    lines = [line for misfits in found for line in misfits.lines()]
    return lines[0] if len(lines) == 1 else "\n  ".join(("nothing that was asked for fits together:", *lines))
