"""The process that measures the memory of one case, before anything else has run in it."""

import json
from collections.abc import Callable, Sequence

from .child import Setup, prepared, serve


def _weigh(setup: Setup, say: Callable[..., None]) -> Callable[[Sequence[str]], None]:
    listed = prepared(setup)

    def weigh(ids: Sequence[str]) -> None:
        (case,) = listed.named(ids)
        say(begin=f"weighing: {case.describe()}", case=case.id, timing=False)
        say(record=json.dumps(listed.bench.peak_alone(case)))

    return weigh


if __name__ == "__main__":
    serve(Setup, _weigh)
