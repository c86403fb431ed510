"""Values on the command line are typed as in TOML."""

from __future__ import annotations

from datetime import date

import pytest

from rexnet_grid.cli.progress import PlainProgress
from rexnet_grid.cli.values import overrides, toml_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("false", False),
        ("3", 3),
        ("3.5", 3.5),
        ("1e3", 1000.0),
        ('"x"', "x"),
        ("cigre_lv", "cigre_lv"),
        ("lv_schutterwald:5", "lv_schutterwald:5"),
        ("[1, 2]", [1, 2]),
        ("{ a = 1 }", {"a": 1}),
        ("2026-01-13", date(2026, 1, 13)),
        ("", ""),
        ("1\nfoo = 2", "1\nfoo = 2"),
    ],
)
def test_a_value(text, value):
    assert toml_value(text) == value
    assert type(toml_value(text)) is type(value)


def test_a_value_may_hold_an_equals_sign():
    assert overrides(["scenario.title=a=b"]) == {"scenario.title": "a=b"}


def test_plain_progress_says_every_tenth(capsys):
    tell = PlainProgress("day")
    for done in range(97):
        tell(done, 96)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[0].startswith("day: 0 of 96 units")
    assert lines[-1].startswith("day: 96 of 96 units")


def test_a_relative_path_on_the_command_line_counts_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "net.json").write_text("{}")
    settings = ["electric.network=net.json", "heat.network=mine", "weather.source=missing.csv", "profiles.0.file=a.csv"]
    found = overrides([*settings, "electric.network=net.json"])
    assert found["electric.network"] == str(tmp_path / "net.json")
    assert found["heat.network"] == str(tmp_path / "mine")
    assert found["weather.source"] == str(tmp_path / "missing.csv")
    assert found["profiles.0.file"] == str(tmp_path / "a.csv")
    assert overrides(["electric.network=cigre_lv"])["electric.network"] == "cigre_lv"
    assert overrides(["scenario.title=net.json"])["scenario.title"] == "net.json"


def test_a_run_that_is_refused_leaves_nothing_behind(tmp_path, monkeypatch):
    from rexnet_grid import run
    from rexnet_grid.errors import InputError
    from rexnet_grid.scenario import Scenario

    monkeypatch.chdir(tmp_path)
    data = {
        "scenario": {"name": "x", "start": date(2026, 1, 13), "units": 4},
        "electric": {"network": "cigre_mv", "secured_against": ["line 99"]},
    }
    with pytest.raises(InputError):
        run(Scenario.from_dict(data))
    assert list(tmp_path.iterdir()) == []
