"""Networks in which generators hold voltages that the network cannot have at every end of a dead band, or at rest."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from rexnet_grid.electric import ElectricDelivery, ElectricNetwork

pp = pytest.importorskip("pandapower")


def feeder(supply=1.0, *, held=1.0, at=4, p_mw=0.0, controlled=True):
    """A low-voltage feeder of eight resistive cables behind a stepping transformer, with a generator on its way."""
    net = pp.create_empty_network()
    source, busbar = pp.create_bus(net, 20.0), pp.create_bus(net, 0.4)
    pp.create_ext_grid(net, source, supply)
    pp.create_transformer(net, source, busbar, "0.25 MVA 20/0.4 kV")
    bus = [busbar]
    for _ in range(8):
        bus.append(pp.create_bus(net, 0.4))
        pp.create_line(net, bus[-2], bus[-1], 0.08, "NAYY 4x50 SE")
    pp.create_gen(net, bus[at], p_mw, vm_pu=held)
    steps = {"tap_pos": 0, "tap_min": -3, "tap_max": 3, "tap_neutral": 0, "tap_step_percent": 2.5, "tap_side": "hv"}
    for column, value in {**steps, "tap_changer_type": "Ratio"}.items():
        net.trafo[column] = value
    if controlled:
        pp.control.DiscreteTapControl(net, 0, 0.98, 1.02)
    return net


@pytest.mark.parametrize("how", [{}, {"supply": 1.04}, {"held": 1.02, "at": 8}])
def test_headroom_where_no_generator_can_hold_its_voltage_at_an_end_of_the_dead_band(how):
    delivery = ElectricDelivery(ElectricNetwork.from_pandapower(feeder(**how)))
    n = len(delivery.nodes)
    assert delivery.check() == []
    rows = delivery.headroom([0], np.zeros((1, n)))[0]
    assert (rows.slack > 0.0).all()
    injecting = rows.coefficients if rows.injecting is None else rows.injecting
    rng = np.random.default_rng(0)
    for _ in range(40):
        trade = rng.normal(size=n) * (rng.random(n) < rng.uniform(0.2, 1.0))
        trade[0] = 0.0
        used = rows.coefficients @ np.minimum(trade, 0.0) + injecting @ np.maximum(trade, 0.0)
        room = float(np.divide(rows.slack, used, out=np.full_like(used, np.inf), where=used > 0.0).min())
        if np.isfinite(room):
            state = delivery.predict(0, room * trade)
            assert state.converged
            assert state.arrays["vm_pu"].min() > 0.9 - 0.002
            assert state.arrays["vm_pu"].max() < 1.1 + 0.002
            assert np.nanmax(state.arrays["loading_percent"]) < 102.0


def test_a_network_that_has_no_solution_at_rest_is_named_and_trades_nothing():
    """The generator's active power is what lets it hold its voltage: without its 40 kW ``runpp`` fails."""
    net = feeder(0.984, held=1.01, at=6, p_mw=0.04, controlled=False)
    net.line["length_km"] = 0.113
    idle = copy.deepcopy(net)
    idle.gen["p_mw"] = 0.0
    pp.runpp(net)
    with pytest.raises(pp.LoadflowNotConverged):
        pp.runpp(idle)
    network = ElectricNetwork.from_pandapower(net)
    assert network.power_flow(*network.base_injection()).converged
    delivery = ElectricDelivery(network)
    (issue,) = delivery.check()
    assert issue.key == "gen.vm_pu (bus 7 at 1.01)"
    assert issue.value == "no power flow solution while nobody injects"
    rows = delivery.headroom([0], np.zeros((1, len(delivery.nodes))))[0]
    assert rows.limits == ("no power flow without injections",)
    assert rows.slack.tolist() == [0.0]
    assert (rows.coefficients == -1.0).all()


def test_an_outage_that_leaves_no_solution_at_rest_is_named():
    net = feeder(0.984, held=1.01, at=6, controlled=False)
    net.line["length_km"] = 0.113
    net.line.loc[0, "parallel"] = 9
    pp.create_line(net, 1, 7, 0.05, "NAYY 4x150 SE", parallel=9)
    network = ElectricNetwork.from_pandapower(net)
    delivery = ElectricDelivery(network, secured_against=["line 8"])
    (issue,) = delivery.check()
    assert issue.value == "no power flow solution while nobody injects after the outage of line 8"
    assert delivery.headroom([0], np.zeros((1, len(delivery.nodes))))[0].slack.min() == 0.0
    plain = ElectricDelivery(network)
    assert plain.check() == []
    rest = np.zeros((1, len(plain.nodes)))
    assert plain.headroom([0], rest)[0].slack.min() > 0.0
    plain.change(out=["line 8"])
    assert plain.headroom([0], rest)[0].slack.min() == 0.0
    assert not plain.predict(0, rest[0]).converged
