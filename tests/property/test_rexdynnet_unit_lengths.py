"""Headroom and linepack hold in units of 5, 15, 30 and 60 minutes: random trees, with valves and with exchangers.

The main plant leads or lags the demand by what the band says, unit after unit, and the full model is asked whether all
of it goes in and everybody is served. Trades among substations are taken from headroom row by row.
"""

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import Exchanger, HeatDelivery, HeatLimits, HeatNetwork
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe

RAMP_K = 5.0


def delivery(rng, minutes):
    """Return a random town, half of whose houses stand behind exchangers, after six hours, with its load [kW]."""
    graph: nx.Graph = nx.Graph()
    graph.add_node("P", kind="plant", max_supply_c=float(rng.uniform(80.0, 95.0)), min_supply_c=56.0)
    spots, houses = ["P"], int(rng.integers(3, 8))
    for k in range(houses):
        behind = {"heating": Exchanger.design(40.0, 75.0, 45.0, 60.0, 40.0)} if rng.random() < 0.5 else {}
        graph.add_node(f"h{k}", kind="substation", design_heat_kw=40.0, **behind)
        pipe = catalogue_pipe(str(rng.choice(["DN32", "DN40", "DN50", "DN65"])), float(rng.uniform(20.0, 300.0)))
        graph.add_edge(spots[int(rng.integers(len(spots)))], f"h{k}", pipe=pipe)
        spots.append(f"h{k}")
    heat = HeatDelivery(
        HeatNetwork.from_graph(graph), unit_minutes=minutes, supply_temperature=75.0, return_temperature_c=40.0,
        limits=HeatLimits(supply_ramp_k=RAMP_K, margin=0.02),
    )  # fmt: skip
    load = rng.uniform(5.0, 30.0, houses)
    for unit in range(360 // minutes):
        heat.deliver(unit, position(heat, unit, load))
    return heat, load, 360 // minutes


def position(heat, unit, load):
    """Return the load and a plant that covers it with the losses [kW]."""
    return np.concatenate(([load.sum() + float(heat.expected_loss_kw([unit])[0])], -load, [0.0]))


def clean(heat, unit, base):
    """Return whether a unit is met as it is, before anything is added."""
    state = heat.predict(unit, base)
    return not state.violations and abs(state.injection_kw[0] - base[0]) < 0.005 * base[0]


@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
@pytest.mark.parametrize("upwards", [True, False])
def test_the_band_of_each_unit_holds(minutes, upwards):
    """Unit after unit at one end of the band: heat goes in to a tenth of it and 1 % of the plant's, all are served."""
    moved = []
    for seed in range(3):
        rng = np.random.default_rng([seed, 31])
        heat, load, first = delivery(rng, minutes)
        for unit in range(first, first + 6):
            drawn = load * (1.0 + 0.2 * np.sin(unit + np.arange(len(load))))
            base = position(heat, unit, drawn)
            if not clean(heat, unit, base):
                break
            band = heat.linepack(range(unit, unit + 4), np.tile(base, (4, 1)))
            kw = float(band.upper_kw[0] if upwards else band.lower_kw[0])
            base[0] += kw
            state = heat.deliver(unit, base)
            assert not state.violations or max(v.value for v in state.violations) < 0.01 * abs(kw) + 0.05
            assert abs(state.injection_kw[0] - base[0]) < max(0.1 * abs(kw), 0.01 * base[0])
            moved.append(abs(kw))
    assert len(moved) > 5
    assert max(moved) * minutes / 60.0 > 0.4


@pytest.mark.parametrize("minutes", [30, 60])
def test_what_headroom_admits_in_long_units_arrives(minutes):
    """Trades among substations and with the plant, at the rows' end: no more than a hundredth of them is missing."""
    admitted = 0
    for seed in range(3):
        rng = np.random.default_rng([seed, 32])
        heat, load, unit = delivery(rng, minutes)
        base = position(heat, unit, load)
        room = heat.headroom([unit], base[None])[0]
        for _ in range(5):
            change = np.zeros(len(base))
            change[1:-1] = -rng.normal(0.0, 1.0, len(load)) * load
            change[0] = -change[1:-1].sum()
            uses = room.coefficients @ change
            binds = uses > 1e-9
            far = max(float((room.slack[binds] / uses[binds]).min()), 0.0)
            far = min(far, float((load / np.maximum(change[1:-1], 1e-9)).min()))
            state = heat.predict(unit, base + far * change)
            missing = sum(v.value for v in state.violations if v.limit.endswith("supply"))
            assert missing < 0.01 * far * np.abs(change).max() + 0.05
            admitted += far > 0.05
    assert admitted > 5
