r"""The pump: how much head it needs and what that costs in electricity.

The pump lifts the flow of the main plant by the drop to the worst substation and back and by the differential pressure
that a substation needs itself, :math:`P = \dot V \Delta p / \eta` (e.g. S. Frederiksen and S. Werner, *District Heating
and Cooling*, Studentlitteratur 2013, ch. 10), η being the efficiency from wire to water.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.hydraulics import drops

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout

WATT_PER_KILOWATT = 1000.0
SMALLEST_FACTOR = 1e-9


def pump_kw(flow_kg_s: FloatArray, head_pa: FloatArray, density: float, efficiency: float) -> FloatArray:
    """Return the electric power of a pump [kW] for its flow [kg/s], head [Pa] and efficiency [-]."""
    return np.asarray(flow_kg_s * head_pa / (density * efficiency * WATT_PER_KILOWATT))


def worst_head_pa(layout: Layout, factors: FloatArray, pipe_kg_s: FloatArray, sub_kg_s: FloatArray) -> FloatArray:
    """Return the drop to the worst substation that draws, and back, for many cases of flow, (n_cases,) [Pa].

    ``factors`` are the :func:`flow_factors`, which say which pipes lie on the way.
    """
    by_sub = factors[:, layout.sub_node]
    ways = np.sign(by_sub) * (np.abs(by_sub) > SMALLEST_FACTOR)
    drop = 2.0 * drops(layout, pipe_kg_s) @ ways
    worst: FloatArray = np.where(sub_kg_s > 0.0, drop, 0.0).max(axis=1, initial=0.0)
    return worst
