"""The suites: which sizes, precisions, seeds and budgets a run goes through."""

from dataclasses import dataclass

from ..errors import UserError, nearest
from .clock_settings import ClockSettings
from .limits import MOST_SEEDS
from .suite_fields import are, is_whole, require, require_names, require_whole
from .sweep import Sweep

TASKS = ("denoising", "inpainting", "deconvolution")
"""The tasks that suites compare on unless they say otherwise; every other task comes after them."""

OTHERS = "*"
"""Stands in a suite's lists for every built-in entry that the suite names nowhere: newcomers join it."""


@dataclass(frozen=True)
class Workload:
    """A size of a problem with what is fitting for it.

    Attributes:
        regularizer: its name; each one that the suite does not name takes the first workload of `OTHERS` at
            whose shape it can start.
        shape: of one signal or image.
        batch: signals or images that share the regulariser.
        unrolled_steps: budgets of methods that use every step, in rising order; plain unrolling goes through
            all of them, to show how its error falls, the others take the largest.
        tasks: on which it runs unless others are asked for, with `OTHERS` also those that no workload of the
            suite names; a plug-in's tasks come too.
        methods: who runs on it in place of the suite's; a plug-in's do too. The suite's for none.

    Raises:
        ValueError: for a field that is something else, such as a name in the place of a tuple of names.
    """

    regularizer: str
    shape: tuple[int, ...]
    batch: int
    unrolled_steps: tuple[int, ...]
    tasks: tuple[str, ...] = TASKS
    methods: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would be left out, or end as an error of Python's, once a run lists its cases."""
        require(self, "regularizer", "a name", are(str, (self.regularizer,)))
        require_whole(self, "shape", "unrolled_steps")
        rising = sorted(set(self.unrolled_steps)) == list(self.unrolled_steps)
        require(self, "unrolled_steps", "budgets in rising order", rising)
        require(self, "batch", "a whole number from 1 on", is_whole(self.batch))
        require_names(self, "tasks", "methods")


@dataclass(frozen=True)
class Suite:
    """A named grid: its workloads for every task, in every precision, for every seed.

    Attributes:
        solvers: in this order, the first that supports a lower level meets every method, the others one;
            `OTHERS` and a plug-in's come last. If none supports it, every solver of the catalogue that does
            takes their place.
        dtypes: in the first one everybody runs; see `lineup` for who stays out of the others.
        methods: who runs on every task; a plug-in's do too. A sweep takes all but other libraries' if empty.
        further_solvers_on: tasks on which those other solvers run.
        further_methods_on: tasks on which all other methods run.
        contenders_on: tasks on which other libraries' methods run.
        compiler_options: XLA's, where they are not its defaults; they are recorded.
        untimed_level: of XLA's optimisations of programs that are never timed: those need not be fast, and
            compile sooner.
        on_request: workloads of regularisers that run only when they are asked for by name; those of which
            there is none take every size of the suite.
        methods_on_request: methods that run only when they are asked for by name: they came after the suite
            was recorded, and its cases stay.
        sweep: over what every method's budget is swept; None gives each its suite's one.

    Raises:
        ValueError: for a field that is something else, such as a precision that there is not.
    """

    name: str
    sentence: str
    workloads: tuple[Workload, ...]
    solvers: tuple[str, ...]
    methods: tuple[str, ...]
    dtypes: tuple[str, ...]
    seeds: int
    clock: ClockSettings
    further_solvers_on: tuple[str, ...] = ("denoising",)
    further_methods_on: tuple[str, ...] = ()
    contenders_on: tuple[str, ...] = TASKS
    compiler_options: tuple[tuple[str, int], ...] = ()
    untimed_level: int = 1
    on_request: tuple[Workload, ...] = ()
    methods_on_request: tuple[str, ...] = ()
    sweep: Sweep | None = None

    def __post_init__(self) -> None:
        """Refuse what would be left out, or end as an error of Python's, once a run lists its cases."""
        require_names(self, "solvers", "methods", "methods_on_request", "dtypes")
        require_names(self, "further_solvers_on", "further_methods_on", "contenders_on")
        for name in ("workloads", "on_request"):
            require(self, name, "a tuple of Workload", are(Workload, getattr(self, name)))
        for name in ("workloads", "solvers", "dtypes"):
            require(self, name, "one entry or more", len(getattr(self, name)) > 0)
        require(self, "dtypes", f"a tuple of {', '.join(TOLERANCES)}", set(self.dtypes) <= set(TOLERANCES))
        few = is_whole(self.seeds) and self.seeds <= MOST_SEEDS
        require(self, "seeds", f"a whole number from 1 to {MOST_SEEDS}", few)
        require(self, "untimed_level", "a whole number from 0 to 3", self.untimed_level in range(4))
        require(self, "clock", "ClockSettings", isinstance(self.clock, ClockSettings))
        require(self, "sweep", "None or a Sweep", self.sweep is None or isinstance(self.sweep, Sweep))


TOLERANCES = {"float64": 1e-10, "float32": 3e-6}
"""Relative residual at which solvers stop; in float32 a little above what rounding lets them reach."""

MAX_STEPS = 20_000
"""Steps at most for methods that stop at the tolerance."""

COMPARED = ("closed-form", "implicit", "one-step", "unrolled", "jaxopt-implicit", "jaxopt-unrolled")
"""The methods that every suite compares on every task; the others are studied by themselves."""

NETWORKS = tuple(
    Workload(regularizer, (8, 8), 1, (10, 30))
    for regularizer in (
        "gradient-step",
        "red",
        "scalar-potential",
        "implicit-denoiser",
        "plug-and-play",
        "input-convex-network",
    )
)
"""On a CPU their references do not end within minutes where no matrix is factorised, at 32 x 32 pixels."""

SUITES = {
    suite.name: suite
    for suite in (
        Suite(
            name="smoke",
            sentence="the whole grid at a tiny size, five minutes on two cores: does everything run?",
            workloads=(
                Workload("analysis-l1", (16,), 2, (200,), (*TASKS, OTHERS)),
                Workload("fields-of-experts", (8, 8), 2, (50,), (*TASKS, OTHERS)),
                # The others run a method that suits them on one task: not every pair is needed to show that.
                Workload("analysis-l12", (8, 8), 1, (200,), ("denoising",), ("closed-form",)),
                Workload("untied-experts", (8, 8), 2, (50,), ("inpainting",), ("implicit", "phantom")),
                Workload("convex-ridge", (8, 8), 1, (50,), ("super-resolution",), ("implicit",)),
                Workload("weakly-convex-ridge", (8, 8), 1, (50,), ("magnetic-resonance",), ("one-step",)),
                Workload("input-convex-network", (8, 8), 1, (50,), ("inpainting",), ("one-step",)),
                Workload("wavelet-l1", (8, 8), 1, (200,), ("denoising",), ("closed-form",)),
                Workload("wavelet-l12", (8, 8), 1, (50,), ("inpainting",), ("implicit",)),
                Workload("gradient-step", (8, 8), 1, (20,), ("deconvolution",), ("one-step",)),
                Workload("red", (8, 8), 1, (20,), ("inpainting",), ("one-step",)),
                Workload("scalar-potential", (8, 8), 1, (20,), ("inpainting",), ("one-step",)),
                Workload("implicit-denoiser", (8, 8), 1, (20,), ("inpainting",), ("restarted",)),
                Workload("plug-and-play", (8, 8), 1, (20,), ("inpainting",), ("implicit",)),
                Workload(OTHERS, (8, 8), 1, (50,), ("denoising",), ("closed-form", "implicit", "one-step")),
                Workload(OTHERS, (16,), 1, (50,), ("denoising",), ("closed-form", "implicit", "one-step")),
            ),
            solvers=(
                "dual-fista",
                "nesterov",
                "active-set",
                "admm",
                "primal-dual",
                "lbfgs",
                "gradient-descent",
                "picard",
                "anderson",
                "broyden",
                "forward-backward",
                "nonmonotone-accelerated-gradient",
                OTHERS,
            ),
            methods=COMPARED,
            dtypes=("float64",),
            seeds=1,
            clock=ClockSettings(rounds_min=2, rounds_max=3, seconds=0.2, warmup=1, limit_seconds=20.0),
            further_methods_on=("denoising",),
            contenders_on=("denoising",),
            # Nearly all of its time is compilation, which level 0 hardly shortens; there networks crawl.
            compiler_options=(("xla_backend_optimization_level", 1),),
            untimed_level=0,
        ),
        Suite(
            name="default",
            sentence="three tasks, two regularisers, two sizes, two precisions; 9 to 20 minutes on two cores",
            workloads=(
                Workload("analysis-l1", (64,), 32, (30, 100, 300, 1000)),
                Workload("analysis-l1", (256,), 4, (30, 100, 300)),
                Workload("fields-of-experts", (32, 32), 4, (10, 30, 100)),
                Workload("fields-of-experts", (64, 64), 1, (10, 30, 100)),
            ),
            solvers=("dual-fista", "nesterov", "active-set", "primal-dual", "lbfgs"),
            methods=COMPARED,
            dtypes=("float64", "float32"),
            seeds=2,
            clock=ClockSettings(rounds_min=3, rounds_max=25, seconds=1.0, warmup=1, limit_seconds=60.0),
            untimed_level=0,
            on_request=NETWORKS,
        ),
        Suite(
            name="frontier",
            sentence="every method swept over its budget: time and memory to reach 1e-2, 1e-4, 1e-6",
            workloads=(
                Workload("analysis-l1", (64,), 4, (30, 100, 300, 1000)),
                Workload("analysis-l1", (12, 12), 1, (30, 100, 300, 1000)),
                Workload("fields-of-experts", (16, 16), 2, (10, 30, 100, 300)),
                Workload("fields-of-experts", (32, 32), 2, (10, 30, 100, 300)),
            ),
            solvers=("dual-fista", "nesterov", "primal-dual", "active-set", "lbfgs"),
            methods=(),
            dtypes=("float64",),
            seeds=1,
            clock=ClockSettings(rounds_min=3, rounds_max=15, seconds=3.0, warmup=1, limit_seconds=10.0),
            contenders_on=(),
            on_request=NETWORKS,
            methods_on_request=("piggyback",),
            sweep=Sweep(),
        ),
        Suite(
            name="peers",
            sentence="our implicit rule and other libraries' on the same arrays, at equal accuracy",
            workloads=(
                Workload("fields-of-experts", (16, 16), 2, (30, 100, 300)),
                Workload("fields-of-experts", (32, 32), 2, (30, 100, 300)),
                Workload("fields-of-experts", (64, 64), 1, (30, 100, 300)),
            ),
            solvers=("nesterov", "lbfgs"),
            methods=("implicit", "jaxopt-implicit", "optimistix-implicit"),
            dtypes=("float64",),
            seeds=1,
            clock=ClockSettings(rounds_min=3, rounds_max=15, seconds=3.0, warmup=1, limit_seconds=10.0),
            # Ratios are read at 1e-4: a power of ten apart, nobody is charged for much more than that.
            sweep=Sweep(tolerances=(1e-3, 1e-4, 1e-5, 1e-6, 1e-7)),
        ),
    )
}


def suite_of(name: str) -> Suite:
    """Return a suite by name; raise `UserError` for an unknown one."""
    if name not in SUITES:
        raise UserError(nearest(name, SUITES, kind="suite"))
    return SUITES[name]
