r"""Response kernels: what a change of the plant's supply temperature does at each substation, unit by unit.

With the flows given, heat transport is linear in the temperatures that enter. So one pulse of the main plant's supply
temperature over one unit, sent through a network whose water and ground are otherwise at 60 degC, gives the finite
impulse response of every substation,

.. math:: \Delta T_s(k) = \sum_j h_s(k, j)\, \Delta T_{plant}(j), \qquad
          \Delta Q_s(k) = \dot m_s(k)\, c\, \Delta T_s(k),

with delay, loss, wall and mixing as the transport model itself has them; ΔQ is the heat that the same flow then
carries. The pulse is of the size of a usual change, because the model resolves pipes that are all but calm in fewer
stretches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import ConvergenceError
from rexnet_grid.rexdynnet.kernel import advance
from rexnet_grid.rexdynnet.layout import SUPPLY, Inputs, copy_state, initial_state, overwrite_state
from rexnet_grid.rexdynnet.storage import side_capacity_kwh_k, side_heat_kwh

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout, Outputs, State
    from rexnet_grid.rexdynnet.simulation import HeatSimulation

WATT_PER_KILOWATT = 1000.0
PULSE_K = 5.0
LEVEL_C = 60.0
GONE = 0.002


@dataclass(frozen=True, slots=True)
class ResponseKernels:
    """Responses to a kelvin more at the main plant during unit j, N units and S substations.

    Attributes
    ----------
    supply_k_per_k
        (N, N, S) ``[j, k, s]``: change of the mean supply temperature at substation s in unit k [K/K].
    heat_kw_per_k
        (N, N, S) change of the heat that the same flow carries to it [kW/K].
    """

    supply_k_per_k: FloatArray
    heat_kw_per_k: FloatArray


def calm_state(layout: Layout) -> State:
    """Return a network that is as warm as the ground, in which pulses begin."""
    level = np.full(len(layout.pipe_from), LEVEL_C)
    return initial_state(layout, level, level, level)


def response_kernels(
    sim: HeatSimulation,
    outputs: Outputs,
    dt_s: FloatArray,
    sub_kg_s: FloatArray,
    plant_kg_s: FloatArray,
    lags: int,
    calm: State | None = None,
) -> ResponseKernels:
    """Return the kernels for given flows; the simulation's state is left as it was.

    Parameters
    ----------
    sim, outputs
        The simulation, and room for the results of one unit, (parts, ...).
    dt_s
        Length of one part of a unit [s], one entry.
    sub_kg_s, plant_kg_s
        (N, S) and (N, G) flow of each substation and, beside the main one, of each plant [kg/s].
    lags
        In how many units the response is followed, or until 0.2 % of the pulse's heat is left; later it counts as
        nothing.
    calm
        Where pulses begin, :func:`calm_state` of the network; made here when left out.
    """
    layout = sim.layout
    units, subs = sub_kg_s.shape
    parts = outputs.supply_c.shape[0]
    calm = calm_state(layout) if calm is None else calm
    saved = copy_state(sim.state)
    still_kwh = side_capacity_kwh_k(layout) * LEVEL_C
    supply, least_kwh = np.zeros((units, units, subs)), 0.0
    for j in range(units):
        overwrite_state(sim.state, calm)
        for k in range(j, min(j + lags, units)):
            temperatures = np.full((parts, len(layout.plant_node)), LEVEL_C)
            if k == j:
                temperatures[:, 0] += PULSE_K
            inputs = Inputs(
                dt_s=dt_s,
                heat_w=np.full((parts, subs), np.nan),
                flow_kg_s=np.tile(sub_kg_s[k], (parts, 1)),
                return_c=np.full((parts, subs), LEVEL_C),
                supply_c=temperatures,
                plant_kg_s=np.tile(plant_kg_s[k], (parts, 1)),
                ground_c=np.full((parts, 1), LEVEL_C),
            )
            if advance(layout, sim.state, sim._backup, sim._scratch, inputs, outputs):  # noqa: SLF001
                raise ConvergenceError(f"{sim.network.name}: the flows in the loops were not found")
            supply[j, k] = (outputs.supply_c[:, layout.sub_node].mean(axis=0) - LEVEL_C) / PULSE_K
            left_kwh = side_heat_kwh(layout, sim.state, SUPPLY) - still_kwh
            if k == j:
                least_kwh = GONE * left_kwh
            if left_kwh <= least_kwh:
                break
    overwrite_state(sim.state, saved)
    supply *= sub_kg_s[None, :, :] > 0.0
    return ResponseKernels(supply, supply * sub_kg_s[None, :, :] * layout.fluid[1] / WATT_PER_KILOWATT)
