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


def pump_kw(flow_kg_s: FloatArray, head_pa: FloatArray, density: float, efficiency: float) -> FloatArray:
    """Return the electric power of a pump [kW] for its flow [kg/s], head [Pa] and efficiency [-]."""
    return np.asarray(flow_kg_s * head_pa / (density * efficiency * WATT_PER_KILOWATT))


def worst_head_pa(
    layout: Layout, ways: FloatArray, pipe_kg_s: FloatArray, sub_kg_s: FloatArray, needs_pa: FloatArray | float = 0.0
) -> FloatArray:
    """Return the head to the worst substation that draws, and back, for many cases of flow, (n_cases,) [Pa].

    ``ways`` are the :func:`tree_ways`; ``needs_pa`` is what each substation needs itself.
    """
    drop = 2.0 * drops(layout, pipe_kg_s) @ ways.T
    worst: FloatArray = np.where(sub_kg_s > 0.0, drop + needs_pa, 0.0).max(axis=1, initial=0.0)
    return worst


def needed_head_pa(layout: Layout, drop_pa: FloatArray, sub_kg_s: FloatArray) -> float:
    """Return what the pump has to lift for drops (n_pipes,) [Pa] and flows (n_substations,) [kg/s].

    Of a step that was gone in pieces, which is at most a quarter of an hour, those are means and so is this.
    The drop to the worst substation that draws, and back, and the pressure that this one needs itself [Pa].
    """
    way = np.zeros(len(layout.node_ptr) - 1)
    for node, parent, pipe in zip(layout.tree_node, layout.tree_parent, layout.tree_pipe, strict=True):
        if pipe >= 0:
            way[node] = way[parent] + (drop_pa[pipe] if layout.pipe_to[pipe] == node else -drop_pa[pipe])
    head = 2.0 * way[layout.sub_node] + layout.sub_needs_pa
    return float(np.where(sub_kg_s > 0.0, head, 0.0).max(initial=0.0))
