r"""What supply temperature a load needs, and what load a supply temperature serves: valves and heat exchangers.

A substation without exchangers is served while its valve yields the load, :math:`P \le \dot m_{max} c (T - T_{ret})`.
Behind an exchanger the return follows from load and supply temperature, and near the temperature that the house wants
the valve opens without bound. There headroom counts on no more than ``cap_kg_s``, twice the usual largest flow: at that
flow the lowest temperature :math:`T_n(P)` that serves a load is found by bisection on the exchangers
themselves, at a grid of loads, for the weather of the unit, and both :math:`T_n(P)` and its inverse, the largest load
:math:`h(T)`, are read from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from rexnet_grid.rexdynnet.ends import station_draw

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import BoolArray, FloatArray
    from rexnet_grid.rexdynnet.houses import Houses
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.network import HeatNetwork

WATT_PER_KILOWATT = 1000.0
OVER_USUAL = 2.0
LOADS = 64
STEPS = 24
HIGHEST_C = 180.0
FIRST_STEP_K = 0.25
ACCURACY_K = 0.02
SERVED = 1.0 - 1e-6
SMALLEST_SPREAD_K = 1.0


@njit(cache=True, error_model="numpy")
def lowest_serving_c(
    exchanger: FloatArray,
    heat_w: FloatArray,
    hot_w: FloatArray,
    return_c: FloatArray,
    secondary_c: FloatArray,
    cap_kg_s: FloatArray,
    heat_capacity: float,
) -> FloatArray:
    """Return the lowest supply temperature that serves each load at a flow, (n_loads, n_substations) [degC].

    Parameters
    ----------
    exchanger
        (n_substations, 2, 6) see :func:`exchanger_table`.
    heat_w, hot_w, return_c, secondary_c
        (n_loads, n_substations) load, its hot water, the house's return and wanted supply, see :func:`station_draw`.
    cap_kg_s
        (n_substations,) flow [kg/s].
    heat_capacity
        Of water [J/(kg K)].
    """
    found = np.zeros(heat_w.shape)
    for s in range(heat_w.shape[1]):
        low = 0.0
        for k in range(heat_w.shape[0]):
            high, step, met = HIGHEST_C, FIRST_STEP_K, False
            while high - low > ACCURACY_K:
                at = 0.5 * (low + high) if met else low + step
                step *= 2.0
                if at >= high:
                    break
                flow, back = station_draw(
                    exchanger[s], heat_w[k, s], hot_w[k, s], at, return_c[k, s], secondary_c[k, s], cap_kg_s[s],
                    heat_capacity,
                )  # fmt: skip
                if flow * heat_capacity * (at - back) >= heat_w[k, s] * SERVED:
                    high, met = at, True
                else:
                    low = at
            found[k, s] = high
    return found


@njit(cache=True, error_model="numpy")
def drawn_kg_s(
    exchanger: FloatArray,
    heat_w: FloatArray,
    hot_w: FloatArray,
    arrive_c: FloatArray,
    return_c: FloatArray,
    secondary_c: FloatArray,
    most_kg_s: FloatArray,
    heat_capacity: float,
) -> FloatArray:
    """Return the flow of loads behind exchangers, (n_cases, n_substations) [kg/s]; see :func:`lowest_serving_c`."""
    found = np.zeros(heat_w.shape)
    for s in range(heat_w.shape[1]):
        for k in range(heat_w.shape[0]):
            found[k, s] = station_draw(
                exchanger[s], heat_w[k, s], hot_w[k, s], arrive_c[k, s], return_c[k, s], secondary_c[k, s],
                most_kg_s[s], heat_capacity,
            )[0]  # fmt: skip
    return found


@dataclass(frozen=True)
class Needs:
    """What loads need in one weather; S substations, of which some stand behind exchangers.

    Attributes
    ----------
    return_c
        (S,) expected return to the network [degC].
    lowest_c
        (S,) lowest supply temperature whatever the load [degC].
    cap_kg_s
        (S,) largest flow that is counted on [kg/s]; 0 where no plant reaches.
    behind
        (S,) whether there is an exchanger.
    load_kw, need_c
        (n_loads, S) a grid of loads and what they need behind an exchanger, both rising; to be safe where a radiator
        comes to its end, each with what the next load needs [kW, degC].
    kw_per_kg_k
        Heat capacity of water [kJ/(kg K)].
    houses, outdoor_c, exchanger, open_kg_s
        What stands behind the substations, the weather [degC], their exchangers (see :func:`exchanger_table`) and the
        flow of their valves when open [kg/s].
    """

    return_c: FloatArray
    lowest_c: FloatArray
    cap_kg_s: FloatArray
    behind: BoolArray
    load_kw: FloatArray
    need_c: FloatArray
    kw_per_kg_k: float
    houses: Houses
    outdoor_c: float
    exchanger: FloatArray
    open_kg_s: FloatArray

    def supply_c(self, load_kw: FloatArray, margin: float) -> FloatArray:
        """Return the lowest temperature at each substation that serves loads (n_units, S), valves but for a margin."""
        per_kelvin = self.cap_kg_s * (1.0 - margin) * self.kw_per_kg_k
        cut_off = per_kelvin <= 0.0
        found = self.return_c + np.where(cut_off, 0.0, load_kw / np.where(cut_off, 1.0, per_kelvin))
        for s in np.flatnonzero(self.behind & ~cut_off):
            at = load_kw[:, s] / (1.0 - margin)
            found[:, s] = np.where(at > 0.0, np.interp(at, self.load_kw[:, s], self.need_c[:, s]), self.return_c[s])
        return np.maximum(self.lowest_c, found)

    def most_kw(self, arrive_c: FloatArray) -> FloatArray:
        """Return the largest load that is served at supply temperatures (n_units, S) [kW]."""
        most = self.cap_kg_s * self.kw_per_kg_k * np.maximum(arrive_c - self.return_c, 0.0)
        for s in np.flatnonzero(self.behind & (self.cap_kg_s > 0.0)):
            most[:, s] = np.interp(arrive_c[:, s], self.need_c[:, s], self.load_kw[:, s], left=0.0)
        return np.where(arrive_c >= self.lowest_c, most, 0.0)

    def most_kw_per_k(self, arrive_c: FloatArray, fall_k: float) -> tuple[FloatArray, FloatArray]:
        """Return by how much that load falls with a kelvin less and rises with one more, over ``fall_k`` [kW/K]."""
        valve = np.broadcast_to(self.cap_kg_s * self.kw_per_kg_k, arrive_c.shape)
        if not self.behind.any():
            return valve, valve
        now = self.most_kw(arrive_c)
        falls = (now - self.most_kw(arrive_c - fall_k)) / fall_k
        rises = (self.most_kw(arrive_c + fall_k) - now) / fall_k
        return np.where(self.behind, falls, valve), np.where(self.behind, rises, valve)

    def flow_per_kw(self, arrive_c: FloatArray, load_kw: FloatArray, flow_kg_s: FloatArray) -> FloatArray:
        """Return the flow that a kilowatt more takes, (n_units, S) [kg/s/kW].

        The flow of an exchanger is convex in its load: the chord to the largest load that is served bounds it.
        """
        plain = 1.0 / (self.kw_per_kg_k * np.maximum(arrive_c - self.return_c, SMALLEST_SPREAD_K))
        if not self.behind.any():
            return np.asarray(plain)
        room_kw = np.maximum(self.most_kw(arrive_c) - load_kw, 1e-9)
        chord = np.maximum(self.cap_kg_s - flow_kg_s, 0.0) / room_kw
        steepest = 1.0 / (self.kw_per_kg_k * SMALLEST_SPREAD_K)
        return np.where(self.behind, np.clip(chord, plain, steepest), plain)

    def flow_per_kw_up_to(
        self, arrive_c: FloatArray, load_kw: FloatArray, flow_kg_s: FloatArray, more_kg_s: FloatArray
    ) -> FloatArray:
        """Return the flow that a kilowatt more takes until it has grown by ``more_kg_s`` (n_cases, S), [kg/s/kW].

        As :meth:`flow_per_kw` for one unit, (S,) each, with the chord of an exchanger to that flow where that is less
        than the largest.
        """
        whole = self.flow_per_kw(arrive_c[None], load_kw[None], flow_kg_s[None])[0]
        found = np.broadcast_to(whole, more_kg_s.shape).copy()
        if not self.behind.any():
            return found
        room_kw = np.maximum(self.most_kw(arrive_c[None])[0] - load_kw, 0.0)
        loads = load_kw + np.linspace(0.0, 1.0, STEPS)[:, None] * room_kw
        flows = np.maximum.accumulate(self.flow_kg_s(loads, np.broadcast_to(arrive_c, loads.shape)), axis=0)
        for s in np.flatnonzero(self.behind & (room_kw > 0.0)):
            target = flow_kg_s[s] + more_kg_s[:, s]
            kw = np.interp(target, flows[:, s], loads[:, s]) - load_kw[s]
            nearer = (target < flows[-1, s]) & (kw > 0.0)
            chord = np.minimum(more_kg_s[:, s] / np.where(nearer, kw, 1.0), found[:, s])
            found[:, s] = np.where(nearer, chord, found[:, s])
        return found

    def flow_kg_s(self, load_kw: FloatArray, arrive_c: FloatArray) -> FloatArray:
        """Return the flow that loads take from water of a temperature, both (n_units, S) [kg/s]."""
        spread = np.maximum(arrive_c - self.return_c, SMALLEST_SPREAD_K)
        plain = np.minimum(load_kw / (self.kw_per_kg_k * spread), self.open_kg_s)
        if not self.behind.any():
            return np.asarray(plain)
        row = self.houses.rows(self.outdoor_c, load_kw * WATT_PER_KILOWATT)
        drawn = drawn_kg_s(
            self.exchanger, load_kw * WATT_PER_KILOWATT, row.hot_w, arrive_c, row.return_c, row.secondary_c,
            self.open_kg_s, self.kw_per_kg_k * WATT_PER_KILOWATT,
        )  # fmt: skip
        return np.where(self.behind, drawn, plain)


def needs_of(
    network: HeatNetwork,
    layout: Layout,
    houses: Houses,
    outdoor_c: float,
    return_c: FloatArray,
    usual_kg_s: FloatArray,
    drawn_kw: FloatArray,
) -> Needs:
    """Return what loads need in a weather.

    Parameters
    ----------
    network, layout, houses
        The network and what stands behind its substations.
    outdoor_c
        Outdoor temperature [degC].
    return_c, usual_kg_s
        (S,) expected return and usual largest flow [degC, kg/s].
    drawn_kw
        (n_units, S) what is reserved; the grid of loads covers it [kW].
    """
    kilo = layout.fluid[1] / WATT_PER_KILOWATT
    behind = np.array([s.heating is not None or s.hot_water is not None for s in network.substations])
    cap = np.where(behind, np.minimum(layout.sub_max_kg_s, OVER_USUAL * usual_kg_s), layout.sub_max_kg_s)
    load = need = np.zeros((1, len(behind)))
    if behind.any():
        spread = np.maximum(network.plants[0].hottest_c - return_c, SMALLEST_SPREAD_K)
        largest = np.maximum(cap * kilo * spread, 1.1 * drawn_kw.max(axis=0, initial=0.0)) + 1e-3
        load = np.linspace(0.01, 1.0, LOADS)[:, None] * largest
        row = houses.rows(outdoor_c, load * WATT_PER_KILOWATT)
        need = lowest_serving_c(
            layout.exchanger, load * WATT_PER_KILOWATT, row.hot_w, row.return_c, row.secondary_c, cap, layout.fluid[1]
        )
        need = np.maximum.accumulate(need, axis=0) + 1e-6 * np.arange(LOADS)[:, None]
        load, need = load[:-1], need[1:]
    lowest = np.array([s.min_supply_c for s in network.substations])
    return Needs(
        return_c, lowest, cap, behind, load, need, kilo, houses, outdoor_c, layout.exchanger, layout.sub_max_kg_s
    )
