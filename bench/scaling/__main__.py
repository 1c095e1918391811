"""`python -m hypergrad_bench.bench.scaling`: write the tables of `docs/scaling.md` anew.

With `--simulate` the grid is simulated first, which writes `results/harness-scale-cpu/simulation.json`.
"""

import argparse
import sys

from ..errors import UserError
from ..runs.recorded import SHIPPED
from .page_places import fill
from .scaling_tables import SIMULATED, scaling_tables

TYPED = ("python", "-m", "hypergrad_bench.bench.scaling")
PAGE = SHIPPED.parent / "docs" / "scaling.md"


def main() -> None:
    """Read the arguments, simulate if asked to, and write the page."""
    parser = argparse.ArgumentParser(prog=" ".join(TYPED), description=__doc__)
    parser.add_argument("--simulate", action="store_true", help="simulate the grid first")
    parser.add_argument("--seeds", type=int, default=512, help="of the default suite, 195 cases each")
    asked = parser.parse_args()
    try:
        if asked.simulate:
            from .simulated_grid import simulate_default

            simulate_default(SHIPPED, SHIPPED / SIMULATED, asked.seeds, [*TYPED, *sys.argv[1:]])
        PAGE.write_text(fill(PAGE.read_text(), scaling_tables(SHIPPED)))
    except (UserError, OSError) as error:
        sys.exit(str(error))
    sys.stdout.write(f"The page is {PAGE}\n")


if __name__ == "__main__":
    main()
