"""The report of a study: the means it shows, what it leaves out, and that nothing in a name is taken for HTML."""

from __future__ import annotations

import json
import re

import pytest

from rexnet_grid.report.study_page import StudyTable, study_page


def row(point, seed, share, enabled, violations, loss, error=""):
    return {
        "run": f"p{point}-s{seed}", "point": point, "seed": seed, "error": error, "units": 8,
        "population.pv_share": share, "feedback.enabled": enabled,
        **({} if error else {"violations": violations, "electricity_loss_kwh": loss, "heat_loss_kwh": 1.0}),
    }  # fmt: skip


ROWS = [
    row(0, 1, 0.0, True, 0, 4.0),
    row(0, 2, 0.0, True, 0, 6.0),
    row(1, 1, 1.0, True, 0, 8.0),
    row(1, 2, 1.0, True, 0, 0.0, error="ZeroDivisionError: <script>"),
    row(2, 1, 0.0, False, 3, 4.0),
    row(2, 2, 0.0, False, 5, 4.0),
    row(3, 1, 1.0, False, 9, 9.0),
    row(3, 2, 1.0, False, 9, 9.0),
]
VARIED = ("population.pv_share", "feedback.enabled", "units")


def page(rows=ROWS, drawn=False, varied=VARIED):
    return study_page(StudyTable("sun & <b>", "quickstart", "grid", varied, drawn, rows))


def figures_of(text):
    return json.loads(re.search(r'id="figures">(.*?)</script>', text, re.DOTALL)[1])


def test_curves_run_over_numbers_and_bars_are_standard_errors():
    choices = figures_of(page())["curves"]["choices"]
    assert [choice["name"] for choice in choices] == ["Limits broken", "Losses"]
    losses = choices[1]["traces"]
    assert [trace["name"] for trace in losses] == ["feedback.enabled = true", "feedback.enabled = false"]
    assert losses[0]["x"] == [0.0, 1.0]
    assert losses[0]["y"] == [6.0, 9.0]  # both carriers; the mean of 4 and 6, and the one run that did not fail
    assert losses[0]["error_y"]["array"] == [1.0, 0.0]  # s / sqrt(n) = sqrt(2) / sqrt(2)
    assert choices[0]["traces"][1]["y"] == [4.0, 9.0]


def test_drawn_points_stand_over_every_key():
    traces = figures_of(page(drawn=True))["curves"]["choices"][0]["traces"]
    assert [trace["xaxis"] for trace in traces] == ["x", "x2"]
    assert traces[1]["x"] == ["true", "true", "false", "false"]


def test_names_and_failures_are_only_text():
    text = page()
    assert "<h1>sun &amp; &lt;b&gt;</h1>" in text
    assert "<td>ZeroDivisionError: &lt;script&gt;</td>" in text
    assert "8 runs of quickstart at 4 points, design: grid, units = 8; 1 failed" in text
    assert "6.00 ± 1.00" in text


@pytest.mark.parametrize("rows", [[row(0, 1, 0.0, True, 0, 0.0, error="no solution")], [ROWS[0]]])
def test_a_study_of_nothing_to_compare_has_a_page(rows):
    text = page(rows)
    assert figures_of(text) == {}
    assert 'id="curves"' not in text
