"""What ``rexnet estimate`` does, and the learned headroom of the loop."""

import json

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet import PhaseAssigner, VoltageSpaceNet
from rexnet_grid.spacemeternet.estimate import run_phase, run_thermal, run_voltage
from rexnet_grid.spacemeternet.loop import LearnedVoltageHeadroom

ROUTES = np.array([[1, 1, 1, 1], [1, 2, 2, 2], [1, 2, 3, 3], [1, 2, 3, 4.0]]) * 2e-4


def feeder(steps=600, noise=2e-4, seed=2):
    rng = np.random.default_rng(seed)
    p = -rng.gamma(1.5, 1.0, (steps, 4))
    q = 0.3 * p * rng.uniform(0.5, 1.5, p.shape)
    v = np.sqrt(1.0 + 2 * (p @ ROUTES + 0.3 * q @ ROUTES)) + rng.normal(0, noise, p.shape)
    return p, q, v


def two_rooms(days=6, seed=1):
    rng = np.random.default_rng(seed)
    n = 96 * days
    index = pd.date_range("2026-01-01", periods=n, freq="15min", tz="UTC")
    outdoor = 3 + 4 * np.sin(np.arange(n) / 96 * 2 * np.pi) + np.cumsum(rng.normal(0, 0.05, n))
    heat = rng.integers(0, 2, (n // 8 + 1, 2)).repeat(8, axis=0)[:n] * 2.0
    t = np.full((n, 2), 20.0)
    for k in range(n - 1):
        flow = 0.07 * (t[k, ::-1] - t[k]) + 0.05 * (outdoor[k] - t[k]) + heat[k]
        t[k + 1] = t[k] + 0.25 / 1.4 * flow + rng.normal(0, 0.005, 2)
    return pd.DataFrame(
        {
            "temperature_c:east": t[:, 0] + rng.normal(0, 0.05, n),
            "temperature_c:west": t[:, 1] + rng.normal(0, 0.05, n),
            "heat_kw:east": heat[:, 0],
            "heat_kw:west": heat[:, 1],
            "outdoor_c": outdoor,
        },
        index=index.rename("time"),
    )


def test_thermal_estimate_writes_table_graph_and_page(tmp_path):
    path = tmp_path / "rooms.csv"
    two_rooms().to_csv(path)
    summary = run_thermal([path], tmp_path / "out")
    assert "1 edge present" in str(summary)
    assert "east - west: " in str(summary)
    assert "heat loss to outdoor: " in str(summary)
    graph = pd.read_csv(tmp_path / "out" / "graph.csv")
    assert graph["conductance_w_k"][0] == pytest.approx(70, rel=0.2)
    assert "svg" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert len(pd.read_csv(tmp_path / "out" / "parameters.csv")) > 5
    space = json.loads((tmp_path / "out" / "state_space.json").read_text(encoding="utf-8"))
    assert space["outputs"] == ["east", "west"]
    assert np.shape(space["A"]) == (len(space["states"]),) * 2
    assert np.shape(space["B"]) == (len(space["states"]), len(space["inputs"]))


def test_one_meter_for_two_rooms_is_said_in_the_column(tmp_path):
    path = tmp_path / "rooms.csv"
    table = two_rooms()
    together = table["heat_kw:east"] + table["heat_kw:west"]
    shared = table.drop(columns=["heat_kw:east", "heat_kw:west"]).assign(**{"heat_kw:east+west": together})
    shared.to_csv(path)
    summary = str(run_thermal([path], tmp_path / "out"))
    assert "one meter for east, west" in summary
    shared.rename(columns={"heat_kw:east+west": "heat_kw:east+vest", "outdoor_c": "Te"}).to_csv(path)
    with pytest.raises(MeterDataError, match=r"Te: got of unknown quantity.*such as temperature_c:kitchen"):
        run_thermal([path], tmp_path / "out")


def test_thermal_estimate_from_irregular_meters_in_other_units(tmp_path):
    table = two_rooms()
    local = table.tz_convert("Europe/Berlin").tz_localize(None)
    rng = np.random.default_rng(0)
    rooms = local[["temperature_c:east", "temperature_c:west"]] + 273.15
    rooms.columns = ["temperature_k:east", "temperature_k:west"]
    rooms.index += pd.to_timedelta(rng.uniform(-60, 60, len(rooms)), unit="s")
    rooms.to_csv(tmp_path / "rooms.csv", index_label="time")
    energy = (0.25 * local[["heat_kw:east", "heat_kw:west"]]).shift(1, fill_value=0.0).cumsum()
    energy.columns = ["heat_kwh:east", "heat_kwh:west"]
    energy.iloc[300:] -= energy.iloc[300]
    energy.to_csv(tmp_path / "heat.csv", index_label="time")
    local[["outdoor_c"]].to_csv(tmp_path / "outdoor.csv", index_label="time")
    pd.DataFrame({"zone": ["east", "west"], "x": [0, 1], "y": [0, 0]}).to_csv(tmp_path / "places.csv", index=False)
    files = [tmp_path / f"{name}.csv" for name in ("rooms", "heat", "outdoor", "places")]
    summary = run_thermal(files, tmp_path / "out", "Europe/Berlin")
    assert "1 edge present" in str(summary)
    assert "heat_kw:east: the register started anew once" in str(summary)
    graph = pd.read_csv(tmp_path / "out" / "graph.csv")
    assert graph["conductance_w_k"][0] == pytest.approx(70, rel=0.2)


def test_voltage_estimate_from_parquet(tmp_path):
    p, q, v = feeder()
    columns = {f"{k}:{c}": t[:, i] for k, t in (("p_kw", p), ("q_kvar", q), ("vm_pu", v)) for i, c in enumerate("abcd")}
    path = tmp_path / "feeder.parquet"
    pd.DataFrame(columns, index=pd.RangeIndex(len(p), name="time")).to_parquet(path)
    assert "branches: " in str(run_voltage([path]))
    table = pd.read_csv(tmp_path / "estimate-voltage" / "parameters.csv").set_index(["voltage_at", "injection_at"])
    assert table.loc[("d", "d"), "pu_per_kw"] == pytest.approx(8e-4, rel=0.1)
    graph = pd.read_csv(tmp_path / "estimate-voltage" / "graph.csv").set_index("customers_below")
    assert graph.loc["c d", "state"] == "present"
    assert set(graph["state"]) <= {"present", "undetermined"}
    assert "verdict" in (tmp_path / "estimate-voltage" / "report.html").read_text(encoding="utf-8")


def test_phase_estimate(tmp_path):
    rng = np.random.default_rng(0)
    busbar = 1 + np.cumsum(rng.normal(0, 1e-3, (300, 3)), axis=0)
    customers = busbar[:, [0, 2, 1, 2]] - 0.01 + rng.normal(0, 2e-4, (300, 4))
    table = pd.DataFrame(
        np.hstack([busbar, customers]),
        columns=["busbar:L1", "busbar:L2", "busbar:L3", *[f"customer:{i}" for i in range(4)]],
    )
    table.to_csv(tmp_path / "v.csv", index_label="time")
    run_phase([tmp_path / "v.csv"])
    assert list(pd.read_csv(tmp_path / "estimate-phase" / "graph.csv")["phase"]) == ["L1", "L3", "L2", "L3"]


def test_every_fault_of_a_file_is_named(tmp_path):
    table = two_rooms().rename(columns={"outdoor_c": "outdor_c"})
    table["heat_kw:east"] = "much"
    table.to_csv(tmp_path / "rooms.csv")
    with pytest.raises(MeterDataError) as error:
        run_thermal([tmp_path / "rooms.csv"])
    said = str(error.value)
    assert "outdor_c" in said
    assert 'did you mean "outdoor_c"' in said
    assert "heat_kw:east" in said


def test_learned_headroom_is_silent_then_knows_the_feeder():
    p, q, v = feeder(300)
    learned = LearnedVoltageHeadroom(["a", "b", "c", "d"], (0.95, 1.05), warm_up_units=200, refit_every=50)
    nodes = ["a", "b", "c", "d", "elsewhere"]
    for k in range(199):
        learned.append(p[k], q[k], v[k])
    assert learned.headroom([7], np.zeros((1, 5)), nodes)[0].limits == ()
    learned.append(p[199], q[199], v[199])
    rows = learned.headroom([7, 8], np.array([[0.0] * 5, [0, 0, 0, -20, 0]]), nodes)
    calm, loaded = rows
    assert calm.coefficients.shape == (8, 5)
    assert not calm.coefficients[:, 4].any()
    row = calm.limits.index("d undervoltage")
    assert -calm.coefficients[row, 3] == pytest.approx(8e-4, rel=0.15)
    assert calm.slack[row] < 0.05
    assert loaded.slack[row] < calm.slack[row] - 0.01
    state = learned.save()
    learned.append(p[200], q[200], v[200])
    learned.restore(state)
    again = learned.headroom([7], np.zeros((1, 5)), nodes)[0]
    np.testing.assert_array_equal(again.slack, calm.slack)


def test_learned_headroom_lives_without_reactive_power_and_with_a_silent_node():
    p, _, v = feeder(300)
    p[:, 1] = 0.0
    learned = LearnedVoltageHeadroom(["a", "b", "c", "d"], warm_up_units=250)
    for k in range(260):
        learned.append(p[k], None, np.where(k == 7, np.nan, v[k]))
    rows = learned.headroom([7], np.zeros((1, 4)), ["a", "b", "c", "d"])[0]
    assert np.isfinite(rows.coefficients).all()
    assert np.isfinite(rows.slack).all()


def test_voltage_estimate_of_meters_that_lose_readings_shows_what_is_left_over(tmp_path):
    rng, tables = np.random.default_rng(2), []
    for name, table in zip(("p_kw", "q_kvar", "vm_pu"), feeder(), strict=True):
        kept = np.where(rng.random(table.shape) < 0.1, np.nan, table)
        tables.append(pd.DataFrame(kept, columns=[f"{name}:{c}" for c in "abcd"]))
    index = pd.date_range("2026-01-01", periods=len(tables[0]), freq="15min", tz="UTC", name="time")
    pd.concat(tables, axis=1).set_index(index).to_csv(tmp_path / "meters.csv")
    summary = run_voltage([tmp_path / "meters.csv"])
    assert any("10% of the readings" in line for line in summary.lines)
    page = (summary.folder / "report.html").read_text(encoding="utf-8")
    assert page.count("10% of the readings") == 1
    assert ">nan<" not in page.lower()


def test_voltage_constraints_widen_with_confidence():
    p, q, v = feeder()
    net = VoltageSpaceNet().fit(*(pd.DataFrame(t, columns=list("abcd")) for t in (p, q, v)))
    sure, surer = (net.to_constraints("voltage", c, band_pu=(0.95, 1.05)) for c in (0.8, 0.99))
    assert sure.limits[:1] == ("a overvoltage",)
    assert (surer.slack < sure.slack).all()
    with pytest.raises(ValueError, match="voltage"):
        net.to_constraints("comfort")
    for wrong in (np.full(len(net.customers_), np.nan), np.zeros(1)):
        with pytest.raises(ValueError, match="finite numbers"):
            net.to_constraints(p_kw=wrong)


def test_a_known_tree_is_taken_as_it_is():
    p, q, v = feeder(steps=200, noise=1e-3)
    tree = nx.path_graph(["busbar", "a", "b", "c", "d"])
    net = VoltageSpaceNet(tree).fit(*(pd.DataFrame(t, columns=list("abcd")) for t in (p, q, v)))
    np.testing.assert_allclose(net.vm_pu_per_kw_, ROUTES, rtol=0.25)
    assert len(net.trees_) == 1
    edges = net.edge_table().set_index("customers_below")
    assert (edges["probability"] == 1.0).all()
    assert edges.loc["d", "r_pu_per_kw"] == pytest.approx(2e-4, abs=3.0 * edges.loc["d", "std_error"])
    with pytest.raises(MeterDataError, match="node of the tree"):
        VoltageSpaceNet(nx.path_graph(["busbar", "a"])).fit(*(pd.DataFrame(t, columns=list("abcd")) for t in (p, q, v)))


def stuck(v):
    v = v.copy()
    v[:, 2] = 1.0
    return v


BAD_FEEDERS = [
    (lambda p, q, v: (p, q, v * 230), "a and 3 more: got a median of .*looks like volt"),
    (lambda p, q, v: (p, q, v[:10]), "rows"),
    (lambda p, q, v: (p[:12], q[:12], v[:12]), "at least 16 complete rows"),
    (lambda p, q, v: (-p, q, v), "multiply p_kw by -1"),
    (lambda p, q, v: (1000.0 * p, q, v), "looks like watt"),
    (lambda p, q, v: (p, q, stuck(v)), "c: got always 1"),
    (lambda p, q, v: (p, q, np.where(np.arange(4) == 1, np.nan, v)), "b: got no readings"),
]


@pytest.mark.parametrize(("change", "said"), BAD_FEEDERS)
def test_bad_readings_of_a_feeder_are_named(change, said):
    with pytest.raises(MeterDataError, match=said):
        VoltageSpaceNet().fit(*(pd.DataFrame(t, columns=list("abcd")) for t in change(*feeder())))


@pytest.mark.parametrize(("column", "said"), [(0.0, "1: got always 0"), (np.nan, "1: got 0 of 40 readings")])
def test_bad_voltages_for_phases_are_named(column, said):
    v = np.random.default_rng(0).normal(1.0, 0.01, (40, 3))
    v[:, 1] = column
    with pytest.raises(MeterDataError, match=said):
        PhaseAssigner().fit(v, v[:, [0, 2]])
