"""Feeders with a known truth: sensitivities on a Kerber net, phases on the POLA feeders."""

import json

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.spacemeternet import PhaseAssigner, VoltageSpaceNet
from rexnet_grid.spacemeternet.voltage import FreeRegressionWarning

DAYS, HELD_OUT_DAYS = 21, 5


@pytest.fixture(scope="module")
def kerber():
    """Kerber's overhead-line village net with 13 loads (Kerber 2011, as in pandapower), lived in for 26 days."""
    networks = pytest.importorskip("pandapower.networks")
    return live(networks.create_kerber_landnetz_freileitung_1(), 1)


def live(pp_net, seed):
    net = ElectricNetwork.from_pandapower(pp_net)
    rng = np.random.default_rng(seed)
    bus = [list(net.buses).index(b) for b in pp_net.load.bus]
    n, steps = len(bus), 96 * (DAYS + HELD_OUT_DAYS)
    day = 2 * np.pi * np.arange(steps) / 96
    base = rng.gamma(1.2, 0.5, (steps, n)) * (1 + 0.5 * np.sin(day))[:, None]
    clear = rng.random((steps // 96, 1)).repeat(96, axis=0)
    solar = (rng.random(n) < 0.3) * 5 * np.clip(np.sin(day - np.pi / 2), 0, None)[:, None] * clear
    p, q = solar - base, -base * rng.uniform(0.1, 0.4, n) * rng.uniform(0.8, 1.2, (steps, n))
    kw, kvar = np.zeros((steps, len(net.buses))), np.zeros((steps, len(net.buses)))
    kw[:, bus], kvar[:, bus] = p, q
    v = np.asarray(net.power_flow(kw, kvar).vm_pu)[:, bus]
    mean = net.power_flow(kw.mean(axis=0), kvar.mean(axis=0))
    truth = np.asarray(net.sensitivities(mean).vm_pu_per_kw)[np.ix_(bus, bus)]
    return p, q, v, truth


@pytest.mark.parametrize(("noise", "error", "rmse_v"), [(0.001, 0.06, 0.03), (0.002, 0.10, 0.05), (0.005, 0.20, 0.10)])
def test_sensitivities_without_a_map(kerber, noise, error, rmse_v):
    p, q, v, truth = kerber
    rng = np.random.default_rng(7)
    pm, qm, vm = (pd.DataFrame(x * (1 + noise * rng.normal(size=x.shape))) for x in (p, q, v))
    train = 96 * DAYS
    net = VoltageSpaceNet().fit(pm[:train], qm[:train], vm[:train])
    found = net.vm_pu_per_kw_.to_numpy()
    assert np.linalg.norm(found - truth) / np.linalg.norm(truth) <= error
    held_out = net.predict(pm[train:], qm[train:]).to_numpy() - v[train:]
    assert np.sqrt((held_out**2).mean()) * 230.0 <= rmse_v
    assert (np.abs(found - truth) < 1.96 * net.std_error_.to_numpy()).mean() >= 0.9


def metered(kerber, noise, wander=None):
    p, q, v, truth = kerber
    rng = np.random.default_rng(7)
    v = v if wander is None else v + wander[:, None]
    return [pd.DataFrame(x * (1 + noise * rng.normal(size=x.shape))) for x in (p, q, v)], truth


def relative_error(net, truth):
    return np.linalg.norm(net.vm_pu_per_kw_.to_numpy() - truth) / np.linalg.norm(truth)


GAIN_CASES = [(0.001, 0.06, 0.03, 0.005), (0.005, 0.20, 0.10, 0.0)]


@pytest.mark.parametrize(("noise", "error", "rmse_v", "gain_std"), GAIN_CASES)
def test_sensitivities_with_a_gain_of_each_meter(kerber, noise, error, rmse_v, gain_std):
    """Readings with constant gain errors of 0.5 % are told apart from the feeder; so are those without."""
    (p, q, v), truth = metered(kerber, noise)
    gain = 1.0 + gain_std * np.random.default_rng(2).normal(size=v.shape[1])
    train = 96 * DAYS
    net = VoltageSpaceNet(gain_std=0.005, n_trees=8).fit(p[:train], q[:train], v[:train] * gain)
    assert relative_error(net, truth) <= error
    held_out = net.predict(p[train:], q[train:]).to_numpy() - kerber[2][train:] * gain
    assert np.sqrt((held_out**2).mean()) * 230.0 <= rmse_v
    apart = net.gain_["gain"] / net.gain_["gain"].mean() - gain / gain.mean()
    assert np.abs(apart).max() < 0.002
    assert (np.abs(net.gain_["gain"] - gain) < 3.0 * net.gain_["std_error"]).all()


@pytest.mark.parametrize("course", ["day", "walk", "white"])
def test_a_supply_that_wanders_by_a_percent_does_not_pass_for_resistance(kerber, course):
    rng = np.random.default_rng(4)
    steps = len(kerber[0])
    wander = {
        "day": lambda: np.sin(2 * np.pi * np.arange(steps) / 96 + 1.0) + 0.3 * rng.normal(size=steps),
        "walk": lambda: np.cumsum(rng.normal(size=steps)) / np.sqrt(0.3 * steps),
        "white": lambda: rng.normal(size=steps),
    }[course]()
    (p, q, v), truth = metered(kerber, 0.002, 0.01 * wander)
    net = VoltageSpaceNet().fit(p, q, v)
    assert relative_error(net, truth) <= 0.12
    assert (np.abs(net.vm_pu_per_kw_.to_numpy() - truth) < 1.96 * net.std_error_.to_numpy()).mean() >= 0.9
    others = net.predict(p, q, v).to_numpy() - (kerber[2] + 0.01 * wander[:, None])
    assert np.sqrt((others**2).mean()) * 230.0 <= 0.25


@pytest.mark.parametrize("name", ["create_kerber_landnetz_kabel_1", "create_kerber_landnetz_freileitung_2"])
def test_short_feeders_behind_a_transformer_are_known_less_well_and_said_so(name):
    """Eight loads on short lines: most of what they share is the transformer, whose X/R is no cable's."""
    networks = pytest.importorskip("pandapower.networks")
    lived = live(getattr(networks, name)(), 5)
    (p, q, v), truth = metered(lived, 0.002)
    net = VoltageSpaceNet().fit(p, q, v)
    assert (np.abs(net.vm_pu_per_kw_.to_numpy() - truth) < 1.96 * net.std_error_.to_numpy()).mean() >= 0.9
    assert relative_error(net, truth) <= 0.2


def test_free_regression_warns_and_deserves_it(kerber):
    (p, q, v), truth = metered(kerber, 0.002)
    with pytest.warns(FreeRegressionWarning, match="wrong sign"):
        free = VoltageSpaceNet(method="free").fit(p, q, v)
    tree = VoltageSpaceNet().fit(p, q, v)
    assert relative_error(free, truth) > 5.0 * relative_error(tree, truth)
    assert "free regression" in free.diagnostics_["warning"]
    assert tree.diagnostics_["warning"] == ""
    assert free.edge_table().empty
    assert (free.std_error_.to_numpy().mean()) > 5.0 * tree.std_error_.to_numpy().mean()


FEEDERS = ["1076069_1274129", "1132967_1400879", "1351982_1596442", "65025_80035"]


def pola(folder, name):
    read = {k: json.loads((folder / f"{name}_{k}.json").read_text()) for k in ("devices", "voltage_data")}
    voltages = read["voltage_data"]
    customers, truth = {}, []
    for device in read["devices"]["LVcustomers"]:
        series = voltages.get(str(device["busId"]), {}).get("phase_" + "ABC"[device["phases"][0] - 1])
        if len(device["phases"]) == 1 and series is not None:
            customers[str(device["deviceId"])] = np.array(series, dtype=float)
            truth.append(device["phases"][0] - 1)
    busbar = {phase: np.array(voltages["transfo"][f"phase_{phase}"], dtype=float) for phase in "ABC"}
    return pd.DataFrame(customers), pd.DataFrame(busbar), np.array(truth)


@pytest.mark.parametrize(("meter_class", "right"), [(0.001, 0.98), (0.005, 0.85)])
def test_phases_of_the_pola_feeders(validation_dir, meter_class, right):
    """Hoogsteyn et al. (2022), arXiv:2204.06372; noise of a third of the class at the customers' meters."""
    folder = validation_dir / "spacemeternet" / "pola_lv"
    if not folder.is_dir():
        pytest.skip(f"no POLA feeders in {validation_dir}")
    rng = np.random.default_rng(0)
    assigned = correct = total = 0
    for name in FEEDERS:
        v, busbar, truth = pola(folder, name)
        labels = PhaseAssigner().fit(v + meter_class / 3 * rng.normal(size=v.shape), busbar).labels_
        sure = labels >= 0
        assigned, correct, total = assigned + sure.sum(), correct + (labels == truth)[sure].sum(), total + len(truth)
    assert correct / assigned >= right
    assert assigned / total >= 0.7


def test_phases_abstain_when_the_busbar_is_drowned_in_noise(validation_dir):
    folder = validation_dir / "spacemeternet" / "pola_lv"
    if not folder.is_dir():
        pytest.skip(f"no POLA feeders in {validation_dir}")
    v, busbar, _ = pola(folder, FEEDERS[-1])
    rng = np.random.default_rng(0)
    noisy = [t + 0.005 / 3 * rng.normal(size=t.shape) for t in (v, busbar)]
    found = PhaseAssigner().fit(*noisy)
    assert (found.labels_ == -1).mean() > 0.9


@pytest.mark.parametrize(("meter_class", "days"), [(0.001, 80), (0.005, 320)])
def test_enough_days_name_the_groups_although_the_busbar_is_as_noisy(validation_dir, meter_class, days):
    """The same ten days lived again and again, with fresh noise on every meter, the busbar's too."""
    folder = validation_dir / "spacemeternet" / "pola_lv"
    if not folder.is_dir():
        pytest.skip(f"no POLA feeders in {validation_dir}")
    v, busbar, truth = pola(folder, FEEDERS[-1])
    rng = np.random.default_rng(0)
    long = [np.tile(t.to_numpy(), (days // 10, 1)) for t in (v, busbar)]
    labels = PhaseAssigner().fit(*(t + meter_class / 3 * rng.normal(size=t.shape) for t in long)).labels_
    sure = labels >= 0
    assert (labels == truth)[sure].mean() >= 0.98
    assert sure.mean() >= 0.8
