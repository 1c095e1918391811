"""What the tests of the conformance checks share."""

from hypergrad_bench import problems
from hypergrad_bench.bench.conformance import Finding
from hypergrad_bench.bench.conformance.small_problem import small_problems

SMOOTH = next(one for one in small_problems() if isinstance(one.regularizer, problems.SmoothRegularizer))
"""A small problem with a smooth energy."""


def failed(findings) -> set[str]:
    """The names of the checks that failed."""
    found: list[Finding] = list(findings)
    assert found
    return {finding.check for finding in found if not finding.passed}
