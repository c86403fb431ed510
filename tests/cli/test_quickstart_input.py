"""Slips around the quickstart that only show with real files and networks behind them."""

from __future__ import annotations

import pytest

from rexnet_grid.cli import main

TOWN = """
[scenario]
name = "town"
start = 2026-01-13
units = 96
[electric]
network = "lv_schutterwald:13"
[[participants]]
name = "bakery"
kind = "load"
bus = "bus 99999"
profile = "bread"
[[profiles]]
name = "bread"
file = "bread.csv"
column = "kw"
"""


@pytest.fixture
def rexnet(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words):
        monkeypatch.setattr("sys.argv", ["rexnet", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, capsys.readouterr().err

    return call


@pytest.mark.parametrize("command", ["run", "validate"])
def test_a_missing_bus_and_a_short_profile_are_said_together(rexnet, tmp_path, command):
    (tmp_path / "town.toml").write_text(TOWN)
    (tmp_path / "bread.csv").write_text("time,kw\n2026-01-13T00:00:00+01:00,1\n")
    code, err = rexnet(command, "town.toml")
    assert code == 2
    assert "bread: got one row; expected a series over the whole run" in err
    assert 'participants[0].bus: got "bus 99999"; expected one of the' in err
    assert not (tmp_path / "runs").exists()


def test_a_net_in_pieces_is_named_by_its_file_and_bus(rexnet, tmp_path):
    import pandapower as pp
    from pandapower.networks import create_kerber_landnetz_freileitung_1

    net = create_kerber_landnetz_freileitung_1()
    net.line = net.line.drop(net.line.index[3])
    pp.to_json(net, str(tmp_path / "cut.json"))
    code, err = rexnet("run", "quickstart", "--set", f"electric.network={tmp_path / 'cut.json'}")
    assert code == 2
    assert "in cut.json" in err
    assert "without supply" in err
    assert not (tmp_path / "runs" / "quickstart").exists()


def test_a_folder_does_not_hide_a_built_in_scenario(rexnet, tmp_path):
    (tmp_path / "quickstart").mkdir()
    assert rexnet("validate", "--shallow", "quickstart") == (0, "")
