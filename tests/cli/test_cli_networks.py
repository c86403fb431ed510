"""Bringing a network: checked first, copied whole, named as a scenario names it."""

from __future__ import annotations

import shutil

import pandapower as pp
import pytest

from rexnet_grid import Scenario
from rexnet_grid.errors import NetworkDataError, OutputError
from rexnet_grid.resources import builtin_dir
from rexnet_grid.scenario.checking import check_scenario
from rexnet_grid.scenario.describing import describe_network, import_network_file


@pytest.fixture
def feeder(tmp_path):
    net = pp.create_empty_network(name="feeder")
    buses = [pp.create_bus(net, vn_kv=0.4) for _ in range(2)]
    pp.create_ext_grid(net, buses[0])
    pp.create_line(net, *buses, length_km=0.1, std_type="NAYY 4x150 SE")
    pp.create_load(net, buses[1], p_mw=0.01)
    path = tmp_path / "feeder.json"
    pp.to_json(net, str(path))
    return path


def test_an_imported_network_runs_in_a_scenario(feeder, tmp_path):
    said = import_network_file(feeder, tmp_path / "town")
    assert "2 buses, 1 branches, 1 loads" in said
    assert said.endswith(f'[electric] network = "{(tmp_path / "town" / "feeder.json").as_posix()}"')
    text = '[scenario]\nname = "s"\nstart = 2026-01-13\n[electric]\nnetwork = "feeder.json"\n'
    (tmp_path / "town" / "s.toml").write_text(text)
    assert check_scenario(Scenario.load(tmp_path / "town" / "s.toml")) == []


def test_a_folder_of_a_heat_network_is_brought_whole(tmp_path):
    shutil.copytree(builtin_dir("networks") / "heat" / "destest", tmp_path / "mine")
    assert "25 nodes" in import_network_file(tmp_path / "mine", tmp_path / "town")
    assert (tmp_path / "town" / "mine" / "pipes.csv").is_file()


def test_nothing_is_copied_that_is_no_network(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(NetworkDataError):
        import_network_file(tmp_path / "x.json", tmp_path / "town")
    assert not (tmp_path / "town").exists()


def test_nothing_is_overwritten(feeder, tmp_path):
    with pytest.raises(OutputError, match="not empty"):
        import_network_file(feeder, tmp_path)


def test_a_pickle_is_no_network(tmp_path):
    (tmp_path / "net.p").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(NetworkDataError, match="unknown kind of file"):
        describe_network(str(tmp_path / "net.p"))
