"""The page of the filter bank's speed from made-up rows."""

from hypergrad_bench.bench.report.page import page_markdown
from hypergrad_bench.bench.reproductions import FilterBankSpeed

ROW = {"status": "ok", "reason": "", "form": "product", "forward_seconds": 1e-3, "loop_seconds": 8e-3}
ROW |= {"b": 1, "h": 64, "k": 8, "s": 5, "dtype": "float32", "threads": 2, "torch_version": None}
ROW |= {"gflop": 0.003, "bytes": 296512, "compile_seconds": 0.5}


def _row(case, alone, loop):
    return ROW | {"case": case, "ratio_alone": alone, "ratio_loop": loop}


def test_verdict_counts_what_meets_the_target_both_ways():
    rows = [_row("a", 0.5, 0.6), _row("b", 0.5, 0.7), _row("c", 0.8, 0.1)]
    page = FilterBankSpeed().page(rows)
    assert page.verdict == (
        "1 of 3 cases meet the target of 0.6. Missed: b (0.5 alone, 0.7 in the loop), "
        "c (0.8 alone, 0.1 in the loop)."
    )
    assert list(page.figures) == ["ratios"]
    assert page.sections[0].lines[0][:4] == ["a", "1", "-", "2"]


def test_without_torch_the_page_says_so():
    row = ROW | {"case": "a", "reason": "torch is not installed", "ratio_alone": None, "ratio_loop": None}
    text = page_markdown(FilterBankSpeed().page([row]))
    assert "a: torch is not installed." in text
    assert "None: no case was compared with torch." in text
    assert not FilterBankSpeed().page([row]).figures
