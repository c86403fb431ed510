"""The report as a file: complete, small, and safe whatever a name contains."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from rexnet_grid.errors import InputError, OutputError
from rexnet_grid.report import write_report
from rexnet_grid.report.places import place_nodes
from rexnet_grid.report.section import clock, number, plain, stride, table
from rexnet_grid.report.terminal import comparison_table, summary_table
from rexnet_grid.results import Results, RunWriter

DRAWN = {"grid", "loading", "voltage", "prices", "books", "reserved", "heat-map", "temperatures", "fronts", "comfort"}
EVERY_SECTION = DRAWN | {"money", "cuts", "details"}


class Elements(HTMLParser):
    """Collect elements, attributes and the text of scripts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.found, self.scripts, self._script = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self._script = ""

    def handle_endtag(self, tag):
        if tag == "script":
            self.scripts.append(self._script)
            self._script = None

    def handle_data(self, data):
        if self._script is not None:
            self._script += data


@pytest.fixture(scope="module")
def page(run_folder, other_folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    assert write_report(run_folder, against=other_folder, out=path) == path
    return path.read_text(encoding="utf-8")


def test_every_section_is_there(page):
    elements = Elements(page)
    keys = {attributes["id"] for tag, attributes in elements.found if tag == "section"}
    assert keys == EVERY_SECTION | {"against"}
    figures = json.loads(elements.scripts[0])
    drawn = {attributes["data-figure"] for _, attributes in elements.found if "data-figure" in attributes}
    assert drawn == set(figures) == keys - {"cuts", "details"}


def test_it_is_one_file_that_asks_for_nothing(page, run_folder):
    elements = Elements(page)
    assert len(elements.scripts) == 3
    for tag, attributes in elements.found:
        assert "src" not in attributes
        assert tag not in {"link", "iframe", "img", "object", "embed"}
        assert attributes.get("href", "#").startswith("#")
    assert "default-src 'none'" in page
    assert len(page.encode()) < 12e6


def test_names_from_files_are_only_text(page):
    elements = Elements(page)
    assert not [attributes for _, attributes in elements.found if any(key.startswith("on") for key in attributes)]
    figures = json.loads(elements.scripts[0])
    texts = json.dumps(figures["loading"]) + json.dumps(figures["reserved"]) + json.dumps(figures["money"])
    assert "<img" not in texts
    assert "<of>" not in page.replace("&lt;of&gt;", "")
    assert any("<img" in name for name in figures["grid"]["nodes"])  # drawn with textContent, so kept as it is


def test_figures_are_valid_json_without_nan(page):
    text = re.search(r'id="figures">(.*?)</script>', page, re.DOTALL).group(1)
    assert "NaN" not in text
    assert json.loads(text)["against"]["choices"][0]["name"] == "Limits broken"


def test_the_map_is_aligned_to_the_recorded_arrays(page, run_folder):
    grid = json.loads(Elements(page).scripts[0])["grid"]
    run = Results.open(run_folder)
    assert np.shape(grid["node_values"]) == run.electric.vm_pu.shape
    assert grid["branch_worst"][0] == pytest.approx(run.electric.loading_percent["trafo 0"].max(), abs=0.06)
    assert grid["branches"][0][2] == 0
    assert min(grid["node_worst"]) == pytest.approx(run.electric.vm_pu.min().min(), abs=1e-4)


def test_comparison_tells_the_runs_apart(page, run_folder, other_folder):
    assert "without feedback" in page
    shown = comparison_table(Results.open(run_folder), Results.open(other_folder))
    assert [column.header for column in shown.columns] == ["", "with feedback", "without feedback", ""]
    assert shown.row_count >= 6


def test_summary_for_the_terminal(run_folder):
    console = Console(width=120)
    with console.capture() as said:
        console.print(summary_table(Results.open(run_folder)))
    text = said.get()
    assert "A made-up winter day <of> tests: 24 units" in text
    assert "electricity" in text
    assert "cash sums to zero" in text
    assert "transformers" in text


def test_an_interrupted_or_nearly_empty_run_still_reports(synthetic, tmp_path):
    folder = synthetic.make_run(tmp_path / "cut", finish=False)
    assert "interrupted" in write_report(folder).read_text()
    RunWriter(tmp_path / "empty", header={"start": "2026-01-05T00:00+00:00", "unit_minutes": 15}).finish({})
    text = write_report(tmp_path / "empty").read_text()
    assert "Nothing was cut" in text
    assert text.count("<section") == 2


def test_gaps_in_the_arrays_are_drawn_as_gaps(tmp_path):
    writer = RunWriter(tmp_path / "gaps", header={"start": "2026-01-05T00:00+00:00", "unit_minutes": 15})
    writer.append("nodes", {"carrier": "heat", "node": ["a", "b"], "x": [0, 1], "y": 0, "kind": "substation"})
    pipe = {"branch": "p", "from_node": "a", "to_node": "b", "length_m": 5.0, "rating": 0.05}
    writer.append("branches", {"carrier": "heat", **pipe})
    for unit in range(3):
        writer.append_array("heat/supply_c", unit, ["a", "b"], [np.nan, np.nan if unit == 1 else 60.0])
        writer.append_array("electric/vm_pu", unit, ["bus 0"], [np.nan])
        writer.append_array("electric/loading_percent", unit, ["line 0"], [np.nan])
    writer.finish({})
    figures = json.loads(Elements(write_report(tmp_path / "gaps").read_text()).scripts[0])
    assert figures["heat-map"]["node_values"] == [[None, 60.0], [None, None], [None, 60.0]]
    assert figures["voltage"]["choices"][0]["traces"][0]["y"] == [None] * 3


def test_cuts_are_summed_over_places(page, run_folder):
    assert "<td>trafo loading</td>" in page
    assert "before delivery" in page
    total = Results.open(run_folder).actions.query("stage == 'secure'")
    assert len(total) > 0


def test_bad_folders_and_targets(run_folder, tmp_path):
    with pytest.raises(InputError, match="no such run folder"):
        write_report(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no such run folder"):
        write_report(run_folder, against=tmp_path / "nowhere")
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(run_folder, out=tmp_path / "missing" / "report.html")


def test_the_same_run_gives_the_same_report(run_folder, tmp_path):
    one, two = (write_report(run_folder, out=tmp_path / name).read_bytes() for name in ("1.html", "2.html"))
    assert one == two


def test_degrees_become_metres_and_gaps_are_filled():
    known = {0: np.array([7.88, 48.45]), 1: np.array([7.881, 48.45]), 2: np.array([np.nan, np.nan])}
    place = place_nodes(3, known, [(0, 1), (1, 2)])
    assert np.hypot(*(place[1] - place[0])) == pytest.approx(73.8, abs=0.2)
    assert place[2] == pytest.approx(place[1])


def test_without_coordinates_nodes_stand_as_a_tree():
    place = place_nodes(4, {}, [(0, 1), (1, 2), (1, 3)])
    assert np.isfinite(place).all()
    assert len({tuple(xy) for xy in place}) == 4
    assert place[2, 0] == place[3, 0] > place[1, 0] > place[0, 0]
    assert place_nodes(3, {}, []) is None


def test_time_never_runs_backwards():
    index = pd.date_range("2026-10-25 01:00", periods=5, freq="h", tz="Europe/Berlin")
    said = clock(index)
    assert said == sorted(said)
    assert len(set(said)) == 5
    assert clock(index[:0]) == []


def test_small_helpers():
    assert plain([[1.23456, np.nan]], 2) == [[1.23, None]]
    assert stride(10, 3) == 4
    assert stride(0, 3) == 1
    assert number(None) == number(float("nan")) == "–"
    assert number(12345.6) == "12\u202f346"
    assert number(0.123) == "0.12"
    assert "&lt;b&gt;" in table(["<b>"], [["x"]])
