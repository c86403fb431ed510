"""Choose diameters from the catalogue for the design load, with the bill of pipes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd

from rexnet_grid.errors import InputError, Issue, NetworkDataError
from rexnet_grid.rexdynnet.catalogue import EN253, EN15698, catalogue_pipe
from rexnet_grid.rexdynnet.fluid import BOILING_C, FREEZING_C
from rexnet_grid.rexdynnet.hydraulics import drag_table, pipe_drop
from rexnet_grid.rexdynnet.network import HeatNetwork, Plant, Substation
from rexnet_grid.rexdynnet.pipe import Pipe
from rexnet_grid.rexdynnet.sensitivity import flow_factors
from rexnet_grid.rexdynnet.topology import build_layout

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout

WATT_PER_KILOWATT = 1000.0
SERIES = (1, 2, 3)
SMALLEST_SPREAD_K = 1.0
KEPT = ("minor_loss", "soil_resistance")
PLAIN = Pipe(1.0, 0.1)


@dataclass(frozen=True, slots=True)
class SizingRule:
    """What a pipe may do at design load.

    Attributes
    ----------
    max_gradient_pa_m
        Pressure drop per length [Pa/m]; 100 to 250 is usual.
    max_velocity_m_s
        [m/s].
    supply_c, return_c
        Design temperatures [degC].
    series
        Insulation series of the catalogue.
    twin
        Whether twin pipes are laid, up to DN200.
    """

    max_gradient_pa_m: float = 150.0
    max_velocity_m_s: float = 2.0
    supply_c: float = 75.0
    return_c: float = 45.0
    series: int = 2
    twin: bool = False

    def __post_init__(self) -> None:
        issues = [
            Issue("sizing", name, str(value), f"a finite number above zero [{unit}]")
            for name, value, unit in (
                ("max_gradient_pa_m", self.max_gradient_pa_m, "Pa/m"),
                ("max_velocity_m_s", self.max_velocity_m_s, "m/s"),
            )
            if not 0.0 < value < math.inf
        ]
        issues += [
            Issue("sizing", name, str(value), f"water from {FREEZING_C:g} to {BOILING_C:g} degC")
            for name, value in (("supply_c", self.supply_c), ("return_c", self.return_c))
            if not FREEZING_C <= value <= BOILING_C
        ]
        if not issues and self.supply_c < self.return_c + SMALLEST_SPREAD_K:
            expected = f"at least {SMALLEST_SPREAD_K:g} K above return_c {self.return_c:g}"
            issues.append(Issue("sizing", "supply_c", f"{self.supply_c:g}", expected))
        if self.series not in SERIES:
            issues.append(Issue("sizing", "series", str(self.series), "insulation series 1, 2 or 3"))
        if self.twin not in (True, False):
            issues.append(Issue("sizing", "twin", repr(self.twin), "true or false"))
        if issues:
            raise InputError(issues)

    @property
    def catalogue(self) -> tuple[str, ...]:
        """The entries to choose from, smallest first."""
        return tuple(EN15698 if self.twin else EN253)


def size_network(network: HeatNetwork, rule: SizingRule | None = None) -> tuple[HeatNetwork, pd.DataFrame]:
    """Return the network with the smallest catalogue pipes that keep the rule, and the bill of pipes.

    The first choice is for the flows of equal pipes without losses. The full model then holds the design load until all
    is steady, and pipes that break the rule grow until none does: losses ask for more flow, and in a mesh a larger pipe
    draws flow.

    Parameters
    ----------
    network
        A network with lengths and design heats; its diameters are not used, so one that was drawn without is read with
        ``sizing=SizingRule()``, see :meth:`HeatNetwork.from_csv`. Every pipe gets at least DN20. Minor losses and soil
        of a pipe that was drawn are kept; the rule is about the straight pipe.
    rule
        The limits.

    Returns
    -------
    network, bill
        The bill has one row a diameter: ``route_m``, ``pipe_m`` (two single pipes or one twin pipe a route).

    Raises
    ------
    NetworkDataError
        When a substation has no design heat or the largest pipe does not suffice.
    """
    rule = rule or SizingRule()
    issues = [
        Issue(network.name, f"substation {s.node}, design_heat_kw", "", "its design heat [kW], to size the pipes for")
        for s in network.substations
        if not s.design_heat_kw > 0.0
    ]
    if issues:
        raise NetworkDataError(issues)
    layout = build_layout(network)
    heat = np.array([s.design_heat_kw for s in network.substations]) * WATT_PER_KILOWATT
    draw = heat / (layout.fluid[1] * (rule.supply_c - rule.return_c))
    equal = layout._replace(diameter_m=np.ones_like(layout.diameter_m))
    flow = np.abs(flow_factors(equal)[:, layout.sub_node] @ draw)
    names = _smallest(network, layout, flow, rule)
    sized = _with_pipes(network, names, rule)
    rank = {name: k for k, name in enumerate(rule.catalogue)}
    while True:
        needed = _smallest(network, layout, _design_flow(sized, rule), rule)
        larger = [max(pair, key=rank.__getitem__) for pair in zip(names, needed, strict=True)]
        if larger == names:
            break
        names, sized = larger, _with_pipes(network, larger, rule)
    return sized, bill_of_pipes(sized)


def bill_of_pipes(network: HeatNetwork) -> pd.DataFrame:
    """Return the lengths of a sized network by catalogue entry [m]: ``route_m``, and ``pipe_m`` to be bought.

    A twin pipe holds supply and return; of single pipes two lie in a route.
    """
    total = dict.fromkeys((*EN253, *EN15698), 0.0)
    for *_, data in network.graph.edges(data=True):
        total[data["catalogue"]] += data["pipe"].length_m
    lengths = pd.Series({name: length for name, length in total.items() if length > 0.0}, dtype=np.float64)
    in_a_route = np.array([1.0 if name in EN15698 else 2.0 for name in lengths.index])
    bill = pd.DataFrame({"route_m": lengths, "pipe_m": in_a_route * lengths})
    bill.index.name = "catalogue"
    bill.attrs["unit"] = "m"
    return bill


def _with_pipes(network: HeatNetwork, names: list[str], rule: SizingRule) -> HeatNetwork:
    """Return the network with these entries of the catalogue, one a route."""
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(network.graph.nodes(data=True))
    for (a, b, data), name in zip(network.graph.edges(data=True), names, strict=True):
        drawn = data["pipe"]
        kept = {field: getattr(drawn, field) for field in KEPT if getattr(drawn, field) != getattr(PLAIN, field)}
        pipe = catalogue_pipe(name, drawn.length_m, rule.series, **kept)
        graph.add_edge(a, b, **{**data, "pipe": pipe, "catalogue": name, "series": rule.series})
    return HeatNetwork(graph, network.substations, network.plants, network.fluid, network.name)


def _design_flow(network: HeatNetwork, rule: SizingRule) -> FloatArray:
    """Return the steady flow in every pipe at design load, all of it from the main plant (n_pipes,) [kg/s]."""
    bare = replace(
        network,
        substations=tuple(Substation(s.node, s.design_heat_kw, rule.return_c) for s in network.substations),
        plants=tuple(Plant(p.node, min_supply_c=0.0, supply_c=rule.supply_c) for p in network.plants),
    )
    demand = {s.node: s.design_heat_kw for s in network.substations}
    start = pd.Timestamp(0)
    run = bare.simulate(start, start + pd.Timedelta(minutes=15), heat_demand_kw=demand, initial_c="steady")
    flow: FloatArray = np.abs(run.pipe_flow_kg_s.to_numpy(dtype=np.float64)[-1])
    return flow


def _smallest(network: HeatNetwork, layout: Layout, flow: FloatArray, rule: SizingRule) -> list[str]:
    """Return the name of the smallest fitting catalogue pipe of each route."""
    found: list[str] = [""] * len(flow)
    for name in reversed(rule.catalogue):
        pipe = catalogue_pipe(name, 1.0, rule.series)
        most = rule.max_velocity_m_s * pipe.area_m2 * layout.fluid[0]
        ones = np.ones(len(flow))
        trial = layout._replace(
            drag=drag_table(pipe.inner_diameter_m * ones, ones, pipe.roughness_m * ones, 0.0 * ones, layout.fluid)
        )
        for p, m in enumerate(flow):
            if m <= most and pipe_drop(trial, p, float(m)) <= rule.max_gradient_pa_m:
                found[p] = name
    expected = f"a flow that {rule.catalogue[-1]} carries"
    hint = f"at {rule.max_gradient_pa_m:g} Pa/m and {rule.max_velocity_m_s:g} m/s; allow more, or check design_heat_kw"
    issues = [
        Issue(network.name, f"pipe {network.pipes[p]}", f"{flow[p]:.1f} kg/s", expected, hint)
        for p in range(len(flow))
        if not found[p]
    ]
    if issues:
        raise NetworkDataError(issues)
    return found
