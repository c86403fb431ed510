r"""Absolute pressure in a network whose nodes lie at different heights, and where water would boil or air be drawn in.

Heights do not move water round a closed circuit: what supply loses uphill the return gains. They decide how much
pressure is left. With the pressure :math:`p_0` that is kept at the return of the main plant, the drop on the way from
there :math:`\Delta p_n` and the height above the plant :math:`z_n`,

.. math:: p_{return,n} = p_0 + \Delta p_n - \rho g z_n, \qquad p_{supply,n} = p_0 + H - \Delta p_n - \rho g z_n,

H being the head of the plant's pump and each drop its side's own, less what boosters lift there (S. Frederiksen and S.
Werner, *District Heating and Cooling*, Studentlitteratur 2013, ch. 9). Water boils below its vapour pressure, that of
W. Wagner and A. Pruss (J. Phys. Chem. Ref. Data 31 (2002) 387, doi:10.1063/1.1461829, eq. 2.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rexnet_grid.delivery import Violation
from rexnet_grid.errors import Issue, NetworkDataError
from rexnet_grid.rexdynnet.booster import lopsided_pa
from rexnet_grid.rexdynnet.layout import Outputs
from rexnet_grid.rexdynnet.pump import SHUTOFF
from rexnet_grid.rexdynnet.pumping import needed_head_pa
from rexnet_grid.units import ZERO_CELSIUS_K

if TYPE_CHECKING:
    from collections.abc import Collection

    from rexnet_grid.delivery import NetworkState
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.network import HeatNetwork
    from rexnet_grid.rexdynnet.results import HeatRun

GRAVITY_M_S2 = 9.80665
ATMOSPHERE_PA = 101_325.0
USUAL_MARGIN_PA = 50_000.0
CRITICAL_K, CRITICAL_PA = 647.096, 22.064e6
WAGNER = ((1.0, -7.85951783), (1.5, 1.84408259), (3.0, -11.7866497), (3.5, 22.6807411), (4.0, -15.9618719),
          (7.5, 1.80122502))  # fmt: skip


def vapour_pressure_pa(water_c: FloatArray | float) -> FloatArray:
    """Return the pressure at which water boils [Pa] at temperatures of 0 to 180 degC."""
    kelvin = np.asarray(water_c, dtype=np.float64) + ZERO_CELSIUS_K
    away = 1.0 - kelvin / CRITICAL_K
    return np.asarray(CRITICAL_PA * np.exp(CRITICAL_K / kelvin * sum(a * away**power for power, a in WAGNER)))


@dataclass(frozen=True, slots=True)
class KeptPressure:
    """What the pressure-keeping of a network does.

    Attributes
    ----------
    kept_pa
        Absolute pressure kept at the return of the main plant [Pa].
    margin_pa
        What has to be left above the vapour pressure of the water [Pa].
    highest_pa
        Absolute pressure that pipes and substations bear [Pa].
    """

    kept_pa: float = 400_000.0
    margin_pa: float = USUAL_MARGIN_PA
    highest_pa: float = 1_700_000.0


def ways_pa(layout: Layout, drop_pa: FloatArray) -> FloatArray:
    """Return the drop from the main plant to each node (n_steps, n_nodes), from those of the pipes (n_steps, P) [Pa].

    NaN where no pipe leads to it.
    """
    way = np.full((len(drop_pa), len(layout.node_ptr) - 1), np.nan)
    way[:, layout.plant_node[0]] = 0.0
    for node, parent, pipe in zip(layout.tree_node, layout.tree_parent, layout.tree_pipe, strict=True):
        if pipe >= 0:
            sign = 1.0 if layout.pipe_to[pipe] == node else -1.0
            way[:, node] = way[:, parent] + sign * drop_pa[:, pipe]
    return way


def static_pa(network: HeatNetwork) -> FloatArray:
    """Return what height takes from the pressure at each node, against the main plant, (n_nodes,) [Pa]."""
    height = {node: float(data.get("height_m", 0.0)) for node, data in network.graph.nodes(data=True)}
    above = np.array(list(height.values())) - height[network.plants[0].node]
    return np.asarray(network.fluid.density * GRAVITY_M_S2 * above)


def from_main(network: HeatNetwork, layout: Layout, closed: Collection[str], stopped: Collection[str]) -> Layout:
    """Return a layout whose ways begin at the main plant, which keeps the pressure where its pump stands, too."""
    if layout.island[layout.plant_node[0]] == 0:
        return layout
    return network.layout(closed, set(stopped) - set(network.plant_names))


def head_at_main_pa(layout: Layout, heads_pa: FloatArray, there_pa: FloatArray, back_pa: FloatArray) -> FloatArray:
    """Return the pressure between supply and return at the main plant, (n_steps,) [Pa]; where it stands, another's.

    ``layout`` is the one that water flows by; ``heads_pa`` (n_steps, G) are the heads of the plants' pumps, the others
    the drops from the main plant to each node and back, (n_steps, N).
    """
    root = int(layout.island[layout.plant_node[0]])
    if root < 0:
        return np.zeros(len(heads_pa))
    at = layout.plant_node[root]
    return heads_pa[:, root] + there_pa[:, at] + back_pa[:, at]


def with_pressures(
    state: NetworkState,
    network: HeatNetwork,
    layout: Layout,
    kept: KeptPressure,
    chosen_pa: float,
    outputs: Outputs,
    out_of_service: tuple[Collection[str], Collection[str]] = ((), ()),
) -> NetworkState:
    """Return a delivered unit with its absolute pressures and the nodes at which they break a limit.

    Its arrays get the lowest and the highest pressure and the least that is left above boiling, each (1,) [Pa].

    Parameters
    ----------
    state
        The unit without them.
    network, layout, kept
        The network and how its pressure is kept.
    chosen_pa
        Head that was chosen for the main plant's pump, which is given where no more is needed [Pa].
    outputs
        What came of the parts of the unit.
    out_of_service
        Pipes that are shut, plants and boosters that stand.
    """
    mean = Outputs(*(array.mean(axis=0) for array in outputs))
    root = max(int(layout.island[layout.plant_node[0]]), 0)
    most_pa = float(layout.pump[root, SHUTOFF])
    needed_pa = max(needed_head_pa(layout, *part) for part in zip(outputs.dp_pa, outputs.sub_kg_s, strict=True))
    head_pa = max(needed_pa, min(chosen_pa, most_pa) if root == 0 else 0.0)
    static, drop = static_pa(network), mean.dp_pa[None]
    ways, heads = from_main(network, layout, *out_of_service), np.zeros((1, len(layout.plant_node)))
    aside, heads[0, root] = lopsided_pa(network, ways, mean.pipe_kg_s[None], drop), head_pa
    each = ways_pa(ways, drop - aside), ways_pa(ways, drop + aside)
    head_pa, there, back_again = head_at_main_pa(layout, heads, *each)[0], each[0][0], each[1][0]
    supply, back = kept.kept_pa + head_pa - there - static, kept.kept_pa + back_again - static
    left = np.minimum(supply - vapour_pressure_pa(mean.supply_c), back - vapour_pressure_pa(mean.return_c))
    highest = np.maximum(supply, back)
    broken = [
        Violation(f"node {network.nodes[k]}", "heat", f"node {network.nodes[k]} {limit}", float(values[k]), bound, "Pa")
        for limit, values, bound, wrong in (
            ("boiling", left, kept.margin_pa, left < kept.margin_pa),
            ("pressure", highest, kept.highest_pa, highest > kept.highest_pa),
        )
        for k in np.flatnonzero(wrong)
    ]
    found = {
        "lowest_pressure_pa": np.array([np.nanmin(np.minimum(supply, back))]),
        "highest_pressure_pa": np.array([np.nanmax(highest)]),
        "above_boiling_pa": np.array([np.nanmin(left)]),
    }
    return replace(state, arrays={**state.arrays, **found}, violations=(*state.violations, *broken))


@dataclass(frozen=True)
class Pressures:
    """Absolute pressures over time, in the order of the network's nodes; NaN where no pipe leads to the main plant.

    Attributes
    ----------
    supply_pa, return_pa
        At each node [Pa].
    boiling_pa
        What is left above the vapour pressure at each node, the least of both sides [Pa].
    """

    supply_pa: pd.DataFrame
    return_pa: pd.DataFrame
    boiling_pa: pd.DataFrame


def absolute_pressures(network: HeatNetwork, run: HeatRun, kept_pa: float) -> Pressures:
    """Return the absolute pressures of a run.

    Parameters
    ----------
    network
        The network; node attribute ``height_m``, 0 where there is none.
    run
        What :meth:`HeatNetwork.simulate` gave back.
    kept_pa
        Absolute pressure that is kept at the return of the main plant [Pa].

    Raises
    ------
    NetworkDataError
        When ``kept_pa`` is no pressure.
    """
    if not (np.isfinite(kept_pa) and kept_pa > 0.0):
        raise NetworkDataError([Issue(network.name, "kept_pa", str(kept_pa), "an absolute pressure above zero [Pa]")])
    drop, flow = run.pressure_drop_pa.to_numpy(), run.pipe_flow_kg_s.to_numpy()
    heads, static = run.plants_head_pa.to_numpy(), static_pa(network)
    out, back = (np.empty((len(drop), len(network.nodes))) for _ in range(2))
    for k, shut in enumerate(run.shut):
        part = slice(shut.first, run.shut[k + 1].first if k + 1 < len(run.shut) else None)
        layout = network.layout(shut.closed, shut.stopped)
        ways = from_main(network, layout, shut.closed, shut.stopped)
        aside = lopsided_pa(network, ways, flow[part], drop[part])
        there, back_again = ways_pa(ways, drop[part] - aside), ways_pa(ways, drop[part] + aside)
        back[part] = kept_pa + back_again - static
        out[part] = kept_pa + head_at_main_pa(layout, heads[part], there, back_again)[:, None] - there - static
    left = np.minimum(
        out - vapour_pressure_pa(run.supply_c.to_numpy()), back - vapour_pressure_pa(run.return_c.to_numpy())
    )

    def frame(values: FloatArray) -> pd.DataFrame:
        made = pd.DataFrame(values, index=run.supply_c.index, columns=list(network.nodes))
        made.attrs["unit"] = "Pa"
        return made

    return Pressures(frame(out), frame(back), frame(left))


def pressure_issues(
    network: HeatNetwork, pressures: Pressures, highest_pa: float = np.inf, margin_pa: float = USUAL_MARGIN_PA
) -> list[Issue]:
    """Return where water comes near boiling, air would be drawn in, or pipes are pressed too hard, with the first time.

    Parameters
    ----------
    network, pressures
        The network and its pressures.
    highest_pa
        Absolute pressure that pipes and substations bear [Pa].
    margin_pa
        What has to be left above the vapour pressure and above the atmosphere [Pa].
    """
    issues = []
    for side, table in (("supply", pressures.supply_pa), ("return", pressures.return_pa)):
        for found, expected in (
            (table < ATMOSPHERE_PA + margin_pa, f"at least {ATMOSPHERE_PA + margin_pa:.0f} Pa, or air is drawn in"),
            (table > highest_pa, f"at most {highest_pa:.0f} Pa"),
        ):
            issues += [
                Issue(network.name, f"{side} pressure at {node}, {found.index[found[node]][0]}",
                      f"{table[node][found[node]].iloc[0]:.0f} Pa", expected)
                for node in table.columns[found.any()]
            ]  # fmt: skip
    boils = pressures.boiling_pa < margin_pa
    issues += [
        Issue(network.name, f"water at {node}, {boils.index[boils[node]][0]}",
              f"{pressures.boiling_pa[node][boils[node]].iloc[0]:.0f} Pa above boiling", f"at least {margin_pa:.0f} Pa")
        for node in boils.columns[boils.any()]
    ]  # fmt: skip
    return issues
