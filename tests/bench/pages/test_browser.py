"""The page in headless Chromium: sorts, filters, hovers, fits phones, and asks the network for nothing."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import grid, identity, measured

from hypergrad_bench.bench.pages.render import write_html
from hypergrad_bench.bench.pages.run_document import ShownRun, run_document
from hypergrad_bench.bench.records.record import Record

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MANY = 10_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser that finds no host, and notes what a page asks for and what its scripts complain of."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("chromium and chromium-driver are not installed")
    selenium = pytest.importorskip("selenium.webdriver")
    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "hide-scrollbars"):
        options.add_argument(f"--{argument}")
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = selenium.Chrome(options=options, service=selenium.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run."""
    return written(tmp_path_factory.mktemp("page") / "report.html", grid())


def written(path: Path, records: list[Record]) -> Path:
    """Write the page of some records."""
    run = ShownRun("run", tuple(records), (), {"jax": "0.10"}, ["hgb", "run"], path.parent)
    write_html(run_document([run]), path)
    return path


def opened(browser: Any, page: Path, width: int = 1400, address: str = "") -> Any:
    """Open the page anew, in a window of that width."""
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    browser.get(page.as_uri() + address)
    return browser


def first_cells(browser: Any, heading: str) -> list[str]:
    """The cells below a heading, of the rows that are shown."""
    script = """
      const heads = [...document.querySelectorAll("#records-table thead button")];
      const at = heads.findIndex((one) => one.textContent.startsWith(arguments[0]));
      const rows = [...document.querySelectorAll("#records-table tbody tr")];
      return rows.map((row) => row.cells[at].textContent);
    """
    return browser.execute_script(script, heading)


def head(browser: Any, heading: str) -> Any:
    """The button in the head of a column."""
    path = f"//table[@id='records-table']//thead//button[starts-with(., '{heading}')]"
    return browser.find_element("xpath", path)


def told(browser: Any) -> str:
    """How many records are shown."""
    return browser.find_element("id", "records-count").text


def test_nothing_is_asked_of_the_network_and_no_script_complains(browser, page) -> None:
    opened(browser, page)
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"
    ]
    assert asked
    assert all(url.startswith(("file:", "data:", "blob:", "about:")) for url in asked)
    assert browser.get_log("browser") == []


def test_a_head_sorts_both_ways_by_click_and_by_key(browser, page) -> None:
    opened(browser, page)
    head(browser, "total ms").click()
    times = [float(text) for text in first_cells(browser, "total ms") if text != "–"]
    assert times == sorted(times)
    assert head(browser, "total ms").find_element("xpath", "..").get_attribute("aria-sort") == "ascending"
    head(browser, "total ms").send_keys("\n")
    times = [float(text) for text in first_cells(browser, "total ms") if text != "–"]
    assert times == sorted(times, reverse=True)
    assert head(browser, "total ms").find_element("xpath", "..").get_attribute("aria-sort") == "descending"


def test_words_and_choices_filter(browser, page) -> None:
    opened(browser, page)
    records = grid()
    assert told(browser) == f"{len(records)} of {len(records)} records"
    browser.find_element("id", "records-text").send_keys("inpainting one")
    kept = sum(one.task == "inpainting" and "OneStep" in one.method for one in records)
    assert told(browser) == f"{kept} of {len(records)} records"
    assert set(first_cells(browser, "method")) == {"OneStep"}
    browser.find_element("css selector", "button[type=reset]").click()
    time.sleep(0.1)
    assert told(browser).startswith(f"{len(records)} of")
    label = browser.find_element("xpath", "//label[starts-with(., 'status')]/select")
    label.send_keys("failed")
    assert set(first_cells(browser, "status")) == {"failed"}


def test_rows_are_turned_page_by_page(browser, page) -> None:
    opened(browser, page)
    assert len(first_cells(browser, "record")) == 100
    before = first_cells(browser, "record")
    browser.find_element("id", "records-after").send_keys("\n")
    assert set(first_cells(browser, "record")) & set(before) == set()
    assert browser.find_element("id", "records-place").text.startswith("101 to ")


def test_an_address_shows_a_record_and_how_to_measure_it_again(browser, page) -> None:
    record = grid()[150]
    opened(browser, page, address=f"#record-{record.id}")
    box = browser.find_element("id", "record")
    assert box.is_displayed()
    assert f"hgb rerun {record.id} --run {page.parent}" in box.text
    assert browser.execute_script("return document.activeElement.id") == "record"
    assert record.id in first_cells(browser, "record")
    box.find_element("tag name", "button").click()
    assert not browser.find_element("id", "record").is_displayed()
    opened(browser, page, address="#record-abcdefabcdef")
    assert "no such record" in browser.find_element("id", "record").text


def test_equal_cases_of_two_runs_are_told_apart(browser, tmp_path) -> None:
    """Their ids are the same; each address shows the record of its own run."""
    runs = [
        ShownRun(name, (measured(total_seconds=seconds),), (), {}, ["hgb"], tmp_path / name)
        for name, seconds in (("before", 0.001), ("after", 0.5))
    ]
    write_html(run_document(runs), tmp_path / "both.html")
    opened(browser, tmp_path / "both.html")
    links = browser.find_elements("css selector", "tbody a[href^='#record-']")
    addresses = [link.get_attribute("href") for link in links]
    for address, run in zip(addresses, runs, strict=True):
        browser.get(address)
        time.sleep(0.1)
        text = browser.find_element("id", "record").text
        assert f"--run {run.folder}" in text
        assert ("500" in text) == (run.name == "after")


def test_a_point_says_what_it_is_and_shows_its_record(browser, page) -> None:
    opened(browser, page)
    script = """
      const box = document.querySelector(".chart");
      Plotly.Fx.hover(box, [{ curveNumber: 0, pointNumber: 0 }]);
      return [box.data.length, document.querySelector(".chart .hoverlayer").textContent];
    """
    lines, hover = browser.execute_script(script)
    assert lines > 1
    assert "with" in hover
    assert "error" in hover
    drawn = browser.execute_script("return document.querySelector('.chart .xtitle').textContent")
    assert drawn == "solve and gradient (ms)"
    chosen = "document.querySelector('select[data-chart]')"
    browser.execute_script(f"{chosen}.value = '1'; {chosen}.dispatchEvent(new Event('change'));")
    assert browser.execute_script("return document.querySelector('.chart').data.length") > 0
    click = "document.querySelector('.chart').emit('plotly_click', {points: [{customdata: arguments[0]}]});"
    browser.execute_script(click, grid()[0].id)
    assert browser.current_url.endswith(f"#record-{grid()[0].id}")


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_screen_in_light_and_dark(browser, page, width, scheme) -> None:
    """Wide tables scroll within themselves; text and paper differ enough to be read."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    opened(browser, page, width)
    sizes = "return [document.documentElement.scrollWidth, window.innerWidth];"
    needed, given = browser.execute_script(sizes)
    assert needed <= given
    style = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor];"
    ink, paper = (luminance(one) for one in browser.execute_script(style))
    assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) > 7
    assert (paper > ink) == (scheme == "light")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def luminance(color: str) -> float:
    """The relative luminance of `rgb(r, g, b)`, as WCAG 2 defines it."""
    parts = [float(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_ten_thousand_records_are_no_burden(browser, tmp_path) -> None:
    """All are there, and a sort of all of them ends."""
    records = [
        measured(id=identity(number), total_seconds=(number * 7919 % MANY + 1) / 1e3)
        for number in range(MANY)
    ]
    opened(browser, written(tmp_path / "report.html", records))
    assert told(browser) == f"{MANY} of {MANY} records"
    head(browser, "total ms").click()
    assert first_cells(browser, "total ms")[:2] == ["1", "2"]
    assert browser.get_log("browser") == []
