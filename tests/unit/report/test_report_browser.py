"""The report in a real headless Chromium: no script error, no request, everything drawn and alive."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

import pytest

from rexnet_grid.report import write_report
from rexnet_grid.report.study_page import StudyTable, study_page

SOURCE = Path(__file__).with_name("report_chromium.py")


@pytest.fixture(scope="module")
def browser():
    spec = importlib.util.spec_from_file_location("report_chromium", SOURCE)
    chromium = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chromium)
    if chromium.CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        opened = chromium.Browser(Path(profile))
        yield opened
        opened.close()


@pytest.mark.browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (420, True)])
def test_report_opens_offline_without_a_complaint(browser, run_folder, other_folder, tmp_path, width, dark):
    page = write_report(run_folder, against=other_folder, out=tmp_path / "report.html")
    browser.open(page, width=width, dark=dark)
    assert browser.errors() == []
    assert browser.requests() == []
    assert browser.evaluate("document.documentElement.dataset.drawn") == str(
        browser.evaluate("document.querySelectorAll('[data-figure]').length")
    )
    assert browser.evaluate("document.querySelectorAll('.js-plotly-plot .main-svg').length") > 10
    assert browser.evaluate("document.querySelectorAll('.map line').length") > 10
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert browser.evaluate("document.title").startswith("A made-up winter day")
    assert browser.evaluate("document.images.length") == 0


@pytest.mark.browser
@pytest.mark.parametrize("drawn", [False, True])
def test_the_page_of_a_study_draws(browser, tmp_path, drawn):
    runs = [
        {
            "run": f"p{k}",
            "point": k,
            "seed": 1,
            "error": "",
            "a": k / 4,
            "b": k % 2 == 0,
            "violations": k,
            "cost_eur": k,
        }
        for k in range(4)
    ]
    path = tmp_path / "report.html"
    path.write_text(study_page(StudyTable("s", "quickstart", "grid", ("a", "b"), drawn, runs)), encoding="utf-8")
    browser.open(path)
    assert browser.errors() == []
    assert browser.requests() == []
    assert browser.evaluate("document.querySelectorAll('#curves .scatterlayer .point').length") == 4 + 4 * drawn


@pytest.mark.browser
def test_slider_tabs_and_pictures_answer(browser, run_folder, tmp_path):
    browser.open(write_report(run_folder, out=tmp_path / "report.html"))
    before = browser.evaluate("document.querySelector('#grid line').style.stroke")
    browser.evaluate(
        "(() => { const slider = document.querySelector('#grid input'); slider.value = 2;"
        "slider.dispatchEvent(new Event('input')); })()"
    )
    assert browser.evaluate("document.querySelector('#grid line').style.stroke") != before
    assert browser.evaluate("document.querySelector('#grid .when').textContent") == "01-13 00:30"
    browser.evaluate("document.querySelectorAll('#prices button')[1].click()")
    assert browser.evaluate("document.querySelector('#prices .js-plotly-plot .main-svg') !== null")
    painted = "document.querySelector('#books canvas').toDataURL()"
    first = browser.evaluate(painted)
    browser.evaluate("document.querySelectorAll('#books .tabs:last-child button')[2].click()")
    browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert browser.evaluate(painted) != first
    assert browser.errors() == []
