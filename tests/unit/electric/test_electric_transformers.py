"""Transformers that pandapower cannot make a two-port of are named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.errors import NetworkDataError

pp = pytest.importorskip("pandapower")


def stepped():
    """A transformer whose impedance, ratio and angle follow a table, at step -2; its row is 7."""
    net = pp.create_empty_network()
    bus = [pp.create_bus(net, kv) for kv in (110.0, 20.0)]
    pp.create_ext_grid(net, bus[0])
    pp.create_transformer(net, *bus, "25 MVA 110/20 kV", tap_pos=-2)
    pp.create_load(net, bus[1], 8.0, 2.0)
    net.trafo["tap_dependency_table"], net.trafo["id_characteristic_table"] = True, 0
    net.trafo["tap_changer_type"] = "Tabular"
    columns = {
        "voltage_ratio": np.linspace(0.85, 1.15, 19),
        "angle_deg": np.linspace(-10.0, 10.0, 19),
        "vk_percent": np.linspace(9.0, 15.0, 19),
        "vkr_percent": np.linspace(0.3, 0.6, 19),
    }
    windings = {f"{what}_{side}_percent": np.nan for what in ("vk", "vkr") for side in ("hv", "mv", "lv")}
    steps = {"id_characteristic": 0, "step": range(-9, 10)}
    net["trafo_characteristic_table"] = pd.DataFrame({**steps, **columns, **windings})
    return net


def wound():
    net = pp.create_empty_network()
    bus = [pp.create_bus(net, kv) for kv in (110.0, 20.0, 10.0)]
    pp.create_ext_grid(net, bus[0])
    pp.create_transformer3w(net, *bus, "63/25/38 MVA 110/20/10 kV")
    pp.create_load(net, bus[2], 1.0)
    return net


def test_a_transformer_follows_its_table_as_in_pandapower():
    net = stepped()
    network = ElectricNetwork.from_pandapower(net)
    pp.runpp(net, tolerance_mva=1e-9)
    flow = network.power_flow(*network.base_injection())
    np.testing.assert_allclose(flow.vm_pu, net.res_bus.vm_pu, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("vk_percent", np.nan, "trafo_characteristic_table 7: got vk_percent nan; expected a finite number"),
        ("voltage_ratio", np.nan, "trafo_characteristic_table 7: got voltage_ratio nan"),
        ("vkr_percent", 30.0, "trafo_characteristic_table 7: got vkr_percent 30 beside vk_percent 11"),
    ],
)
def test_rows_on_which_a_tap_stands_are_named(column, value, said):
    net = stepped()
    net.trafo_characteristic_table.loc[3, column] = value
    ElectricNetwork.from_pandapower(net)
    net.trafo_characteristic_table.loc[7, column] = value
    with pytest.raises(NetworkDataError) as error:
        ElectricNetwork.from_pandapower(net)
    assert said in str(error.value)
    assert "trafo 0 stands at step -2" in str(error.value)


def test_a_table_that_is_not_there_is_named():
    net = stepped()
    del net["trafo_characteristic_table"]
    with pytest.raises(NetworkDataError, match="trafo 0: got tap_dependency_table without trafo_characteristic_table"):
        ElectricNetwork.from_pandapower(net)
    net = stepped()
    net.trafo["id_characteristic_table"] = np.nan
    with pytest.raises(NetworkDataError, match="trafo 0: got id_characteristic_table nan"):
        ElectricNetwork.from_pandapower(net)


def test_a_resistance_beyond_the_impedance_is_named():
    net = stepped()
    net.trafo["tap_dependency_table"] = False
    net.trafo["tap_changer_type"] = "Ratio"
    net.trafo["vkr_percent"] = 14.0
    with pytest.raises(NetworkDataError, match="trafo 0: got vkr_percent 14 beside vk_percent 12"):
        ElectricNetwork.from_pandapower(net)
    net = wound()
    net.trafo3w["vkr_mv_percent"] = 40.0
    with pytest.raises(NetworkDataError, match="trafo3w 0: got vkr_mv_percent 40 beside vk_mv_percent"):
        ElectricNetwork.from_pandapower(net)
