"""Bringing a network: checked first, copied whole, named as a scenario names it."""

from __future__ import annotations

import csv
import shutil

import pandapower as pp
import pytest

from rexnet_grid import Scenario
from rexnet_grid.cli import main
from rexnet_grid.errors import NetworkDataError, OutputError
from rexnet_grid.resources import builtin_dir
from rexnet_grid.rexdynnet import HeatNetwork
from rexnet_grid.rexdynnet.sizing import SizingRule
from rexnet_grid.scenario.checking import check_scenario
from rexnet_grid.scenario.describing import describe_network, import_network_file
from rexnet_grid.scenario.drawing import size_folder


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


def drawn(folder, network="schutterwald"):
    """Copy a built-in network without what its pipes are."""
    shutil.copytree(builtin_dir("networks") / "heat" / network, folder)
    with (folder / "pipes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = ["name", "from_node", "to_node", "length_m"]
    with (folder / "pipes.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_schutterwald_is_what_the_command_makes_of_its_drawing(tmp_path):
    said = size_folder(drawn(tmp_path / "drawn"), tmp_path / "town", SizingRule())
    given = builtin_dir("networks") / "heat" / "schutterwald"
    for name in ("nodes.csv", "pipes.csv", "substations.csv", "plants.csv"):
        assert (tmp_path / "town" / name).read_text() == (given / name).read_text()
    with (tmp_path / "town" / "bill_of_pipes.csv").open(newline="") as file:
        bill = {row["catalogue"]: float(row["route_m"]) for row in csv.DictReader(file)}
    assert sum(bill.values()) == pytest.approx(2626.1, abs=0.1)
    assert f"DN65      {bill['DN65']:.1f}" in said
    assert "207" not in said
    assert describe_network(str(tmp_path / "town")).count("nodes") == 1


def test_a_sized_folder_keeps_bends_and_boosters_and_drops_the_old_pipe(tmp_path):
    folder = tmp_path / "drawn"
    folder.mkdir()
    (folder / "nodes.csv").write_text("name,kind\nP,plant\na,substation\nb,substation\n")
    (folder / "pipes.csv").write_text(
        "name,from_node,to_node,inner_diameter_m,length_m,minor_loss,booster_shutoff_pa,comment\n"
        "p,P,a,0.8,100,3,20000,uphill\nq,a,b,0.8,50,,,\n"
    )
    (folder / "substations.csv").write_text("node,design_heat_kw\na,30\nb,200\n")
    (folder / "plants.csv").write_text("node\nP\n")
    size_folder(folder, tmp_path / "town", SizingRule(series=3))
    pipes = (tmp_path / "town" / "pipes.csv").read_text().splitlines()
    assert pipes[0] == "name,from_node,to_node,length_m,catalogue,series,minor_loss,booster_shutoff_pa,comment"
    assert pipes[1] == "p,P,a,100,DN50,3,3,20000,uphill"
    network = HeatNetwork.from_csv(tmp_path / "town")
    assert [data["pipe"].minor_loss for *_, data in network.graph.edges(data=True)] == [3.0, 0.0]
    assert network.booster_names == ("p",)


def test_what_cannot_be_sized_leaves_no_folder(tmp_path):
    folder = drawn(tmp_path / "drawn", "destest")
    rows = (folder / "substations.csv").read_text().splitlines()
    (folder / "substations.csv").write_text("\n".join([rows[0], *(row.replace(",", ",-", 1) for row in rows[1:])]))
    with pytest.raises(NetworkDataError, match="design_heat_kw"):
        size_folder(folder, tmp_path / "town", SizingRule())
    assert not (tmp_path / "town").exists()
    with pytest.raises(NetworkDataError, match="no such folder"):
        size_folder(tmp_path / "nowhere", tmp_path / "town", SizingRule())
    with pytest.raises(OutputError, match="not empty"):
        size_folder(drawn(tmp_path / "again"), folder, SizingRule())


def test_the_command_sizes_a_folder_and_names_every_wrong_option(tmp_path, monkeypatch, capsys):
    folder = str(drawn(tmp_path / "drawn", "destest"))

    def rexnet(*words):
        monkeypatch.setattr("sys.argv", ["rexnet", "networks", "size", folder, "--to", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, capsys.readouterr()

    code, said = rexnet(str(tmp_path / "town"), "--gradient", "-1", "--series", "5")
    assert code == 2
    assert "max_gradient_pa_m" in said.err
    assert "series" in said.err
    code, said = rexnet(str(tmp_path / "town"), "--gradient", "100", "--twin")
    assert code == 0
    assert "twin DN" in said.out
    assert "twin DN" in (tmp_path / "town" / "pipes.csv").read_text()
