"""The linepack band against the full model, beside a second plant and in a mesh; exact restoring of all of it."""

import networkx as nx
import numpy as np
import pytest

from rexnet_grid.rexdynnet import Exchanger, HeatDelivery, HeatLimits, HeatNetwork
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe

DRAWN = np.array([20.0, 15.0, 10.0, 12.0])


def delivery(plants, *, mesh, **ends):
    graph = nx.Graph()
    graph.add_node("main", kind="plant", max_supply_c=90.0)
    for house in "abcd":
        graph.add_node(house, kind="substation", design_heat_kw=40.0, **ends)
    ways = [("main", "a", "DN65", 60.0), ("a", "b", "DN50", 80.0), ("b", "c", "DN32", 50.0), ("a", "d", "DN40", 70.0)]
    if mesh:
        ways.append(("d", "c", "DN32", 60.0))
    if plants == 2:
        graph.add_node("side", kind="plant", max_heat_kw=60.0, max_supply_c=90.0)
        ways.append(("c", "side", "DN40", 30.0))
    for a, b, size, length in ways:
        graph.add_edge(a, b, pipe=catalogue_pipe(size, length))
    limits = HeatLimits(supply_ramp_k=5.0)
    heat = HeatDelivery(
        HeatNetwork.from_graph(graph), supply_temperature=75.0, return_temperature_c=40.0, limits=limits
    )
    for unit in range(8):
        heat.deliver(unit, position(heat, unit))
    return heat


def position(heat, unit):
    side = [0.4 * DRAWN.sum()] if len(heat.network.plants) == 2 else []
    lost = float(heat.expected_loss_kw([unit])[0])
    return np.concatenate(([DRAWN.sum() + lost - sum(side)], side, -DRAWN, [0.0]))


@pytest.mark.parametrize("mesh", [False, True])
@pytest.mark.parametrize("plants", [1, 2])
def test_the_main_plant_gives_what_the_band_promises(plants, mesh):
    """At both ends all heat goes in, all is served, and the supply temperature moves by about the ramp of 5 K."""
    heat = delivery(plants, mesh=mesh)
    base = position(heat, 8)
    band = heat.linepack([8], base[None])
    now = heat.predict(8, base).arrays["plant_supply_c"][0]
    assert band.lower_kw[0] < -1.0
    assert band.upper_kw[0] > 1.0
    for kw in (band.lower_kw[0], band.upper_kw[0]):
        moved = base.copy()
        moved[0] += kw
        state = heat.predict(8, moved)
        assert not state.violations
        assert state.injection_kw[0] == pytest.approx(moved[0], rel=1e-3)
        assert 2.0 < abs(state.arrays["plant_supply_c"][0] - now) < 7.0


@pytest.mark.parametrize("ends", [{}, {"heating": Exchanger.design(40.0, 75.0, 45.0, 60.0, 40.0)}])
def test_restoring_brings_back_headroom_band_signal_and_what_follows(ends):
    """To the last bit, whatever was asked, delivered or shut in between."""
    heat = delivery(2, mesh=True, **ends)
    held = heat.save()

    def seen():
        positions = np.tile(position(heat, 8), (3, 1))
        rows = heat.headroom([8, 9, 10], positions)
        band = heat.linepack([8, 9, 10], positions)
        signal = heat.signal([8, 9, 10], positions).marginal_loss
        then = heat.deliver(8, 1.1 * positions[0])
        return [*(a for r in rows for a in (r.coefficients, r.slack)), band.upper_kw, signal, *then.arrays.values()]

    first = seen()
    heat.restore(held)
    assert all(np.array_equal(a, b) for a, b in zip(first, seen(), strict=True))
    heat.change(closed=[heat.network.pipes[1]], stopped=["side"])
    heat.headroom([9], np.zeros((1, len(heat.nodes))))
    heat.deliver(9, 0.3 * position(heat, 9))
    heat.restore(held)
    assert heat.out_of_service == ((), ())
    assert all(np.array_equal(a, b) for a, b in zip(first, seen(), strict=True))
