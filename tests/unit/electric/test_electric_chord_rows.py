"""Chords tell what AC says of a network full of demand or infeed: of all columns from half way, of each alone."""

from __future__ import annotations

import numpy as np
import pandapower.networks as nw
import pytest

from rexnet_grid.electric import ElectricDelivery, ElectricLimits, ElectricNetwork
from rexnet_grid.electric.case import NOWHERE, PQ
from rexnet_grid.electric.chord_rows import ChordLoading, Chords, ChordUndervoltage
from rexnet_grid.electric.full_states import FullStates, flow_of
from rexnet_grid.electric.node_model import NodeModel
from rexnet_grid.electric.tap_views import View
from rexnet_grid.electric.view_rows import _Maker

LIMITS = ElectricLimits(margin=0.02)


class Grid:
    def __init__(self, net):
        self.network = ElectricDelivery(ElectricNetwork.from_pandapower(net), LIMITS).network
        case = self.network.case
        self.buses = np.flatnonzero(case.bus_node != NOWHERE)
        columns = case.bus_node[self.buses].copy()
        columns[0] = NOWHERE
        self.limited = np.flatnonzero(case.node_kind == PQ)
        model = NodeModel.of(case, self.network.solver)
        self.full = FullStates(self.network, LIMITS, self.buses, columns, model, self.limited)
        self.states = self.full.states(thermal=True)
        maker = _Maker(View.whole_of(self.network), LIMITS, columns, model, self.full, *self.states)
        self.idle = self.flow(np.zeros((1, len(columns))))
        self.chords = Chords(maker.chord(self.idle, self.states[0], -1.0), maker.chord(self.idle, self.states[1], 1.0))

    def flow(self, kw):
        return flow_of(self.network, LIMITS, self.buses, kw)


@pytest.fixture(scope="module")
def grid():
    return Grid(nw.case9())


def size(voltage):
    return np.abs(voltage)


def test_slopes_half_way_are_those_of_ac(grid):
    for chord, state, sign in ((grid.chords.demand, grid.states[0], -1.0), (grid.chords.infeed, grid.states[1], 1.0)):
        step = 1e-3 * np.abs(state.kw).max() * np.eye(len(state.kw))[1:]
        ahead, behind = (np.abs(grid.flow(0.5 * state.kw + k * step).node_voltage).T for k in (sign, -sign))
        slopes = (ahead - behind) / (2.0 * sign * step.max())
        if sign < 0.0:  # whoever draws less draws less reactive power too
            assert slopes == pytest.approx(chord.slopes(size)[0][:, 1:], rel=1e-3, abs=1e-9)
        grown = state.kw[1:] > 0.0
        assert slopes[:, grown] == pytest.approx(chord.slopes(size)[0][:, 1:][:, grown], rel=1e-3, abs=1e-9)


def test_one_column_alone_takes_at_least_what_ac_says_when_it_has_filled_the_network(grid):
    rows = ChordUndervoltage.of(grid.chords, LIMITS, grid.limited, tuple(f"node {n}" for n in grid.limited))
    n, idle = len(grid.limited), np.abs(grid.chords.idle)[grid.limited]
    for chord, coefficients in ((grid.chords.demand, rows.falling), (grid.chords.infeed, rows.rising)):
        flow = grid.flow(np.diag(chord.lone_kw)[1:])
        took = idle[:, None] - np.abs(flow.node_voltage)[:, grid.limited].T
        assert took.max() > 0.01
        assert (coefficients[:n, 1:] * chord.lone_kw[1:] >= took - 1e-9).all()


def test_a_line_full_by_one_column_has_that_much_less_left_in_some_direction(grid):
    rows = ChordLoading.of(grid.network.case, grid.chords, LIMITS)
    names = np.array(rows.names)
    flow = grid.flow(np.diag(grid.chords.demand.lone_kw)[1:])
    told = rows.at_rest()[:, None] - rows.falling[:, 1:] * grid.chords.demand.lone_kw[1:]
    for column, loading in enumerate(flow.loading_percent):
        branch = int(np.nanargmax(loading))
        own = np.flatnonzero(names == f"{grid.network.case.branch_name[branch]} loading")
        assert told[own, column].min() <= 98.0 - loading[branch] + 0.02 * loading[branch]


def test_what_fills_a_network_alone_breaks_no_limit_and_a_ninth_more_does(grid):
    for sign in (-1.0, 1.0):
        state = grid.full.lone(sign)
        assert (sign * np.diag(state.kw)[1:] > 0.0).all()
        for share, fine in ((1.0, True), (1.0 / 0.9, False)):
            flow = grid.flow(share * state.kw[1:])
            turned = (flow.node_voltage * np.conj(grid.chords.idle)).real / np.abs(grid.chords.idle) ** 2
            vm, loading = flow.vm_pu[:, grid.buses], flow.loading_percent
            kept = (vm.min(axis=1) >= 0.9) & (vm.max(axis=1) <= 1.1) & (np.nanmax(loading, axis=1) <= 100.0)
            assert ((kept & (turned.min(axis=1) >= 0.6)) == fine).all()
