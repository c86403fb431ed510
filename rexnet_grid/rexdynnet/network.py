"""A district heating network: plants, junctions and substations joined by routes of supply and return pipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import networkx as nx

from rexnet_grid.errors import Issue, NetworkDataError
from rexnet_grid.rexdynnet.fitness import attribute_issues, end_issues, network_issues
from rexnet_grid.rexdynnet.fluid import BOILING_C, FREEZING_C, Fluid
from rexnet_grid.rexdynnet.pipe import Pipe
from rexnet_grid.rexdynnet.topology import build_layout

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import pandas as pd

    from rexnet_grid.rexdynnet.emitters import Emitter
    from rexnet_grid.rexdynnet.exchanger import Exchanger
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.pump import Pump
    from rexnet_grid.rexdynnet.results import HeatRun
    from rexnet_grid.rexdynnet.simulation import HeatSimulation
    from rexnet_grid.rexdynnet.sizing import SizingRule


USUAL_RANGE_C = (55.0, 95.0)
USUAL_SUPPLY_C = 75.0
STAND_IN_M = 0.1


@dataclass(frozen=True, slots=True)
class Substation:
    """Where heat leaves the network.

    Attributes
    ----------
    node
        Its node.
    design_heat_kw
        Largest heat it is built for [kW]; 0 when unknown.
    return_c
        Usual return temperature [degC].
    max_mass_flow_kg_s
        What its control valve lets through [kg/s]; 0 for the flow at 3 m/s in its pipe.
    min_supply_c
        Lowest supply temperature it can work with [degC]: colder water passes it without giving heat, and what is
        missing is unserved; 0 for none.
    min_differential_pa
        Pressure between supply and return that its valve and exchanger need [Pa].
    bypass_supply_c, bypass_kg_s
        Supply temperature that a thermostatic bypass to the return keeps at the substation, and what it lets through
        when fully open [degC, kg/s]; 0 for none. A dead end is a substation without demand.
    heating, hot_water
        Heat exchangers between network and house; without any the return temperature is what is handed in.
    emitter
        Radiators or heated floor behind the heating exchanger: the house's return then follows from its load.
    """

    node: str
    design_heat_kw: float = 0.0
    return_c: float = 40.0
    max_mass_flow_kg_s: float = 0.0
    min_supply_c: float = 0.0
    min_differential_pa: float = 0.0
    bypass_supply_c: float = 0.0
    bypass_kg_s: float = 0.0
    heating: Exchanger | None = None
    hot_water: Exchanger | None = None
    emitter: Emitter | None = None

    @property
    def usual_return_c(self) -> float:
        """The return temperature when none is handed in [degC]: behind an exchanger the house's own."""
        return self.heating.secondary_return_c if self.heating is not None else self.return_c


@dataclass(frozen=True, slots=True)
class Plant:
    """Where heat enters the network; the first one keeps the pressure and takes up the balance of flow.

    Attributes
    ----------
    node
        Its node.
    max_heat_kw
        Largest heat [kW].
    min_supply_c, max_supply_c
        Limits of its supply temperature, which are held whatever is asked for [degC]; ``None`` for none. A market then
        runs it from 55 to 95 degC, or to its usual temperature where that is beyond.
    supply_c
        Usual supply temperature [degC]; of a drawn or read plant that names none 75, or the nearest inside its limits.
    pump
        Its circulation pump; without one the head needed is given, at an efficiency of 0.6, for at most the flow at
        3 m/s in the plant's pipes.
    """

    node: str
    max_heat_kw: float = float("inf")
    min_supply_c: float | None = None
    max_supply_c: float | None = None
    supply_c: float = USUAL_SUPPLY_C
    pump: Pump | None = None

    @property
    def coldest_c(self) -> float:
        """Lowest supply temperature that a market counts on [degC]."""
        return min(USUAL_RANGE_C[0], self.supply_c) if self.min_supply_c is None else self.min_supply_c

    @property
    def hottest_c(self) -> float:
        """Highest supply temperature that a market counts on [degC]."""
        return max(USUAL_RANGE_C[1], self.supply_c) if self.max_supply_c is None else self.max_supply_c


@dataclass(frozen=True)
class HeatNetwork:
    """A checked network, ready to be simulated; the drawing of a route gives both its supply and its return pipe.

    Attributes
    ----------
    graph
        Nodes with ``kind`` and, where known, ``x_m`` and ``y_m``; edges with ``name``, ``pipe``, ``from_node`` and,
        where there is one, ``booster``.
    substations, plants
        In the order of all results.
    fluid
        What flows.
    name
        For messages and reports.
    """

    graph: nx.Graph
    substations: tuple[Substation, ...]
    plants: tuple[Plant, ...]
    fluid: Fluid = field(default_factory=Fluid)
    name: str = "heat network"

    def __post_init__(self) -> None:
        issues = network_issues(self)
        if issues:
            raise NetworkDataError(issues)

    @classmethod
    def from_graph(
        cls, graph: nx.Graph, fluid: Fluid | None = None, name: str = "heat network", sizing: SizingRule | None = None
    ) -> HeatNetwork:
        """Return the network drawn as a networkx graph.

        Parameters
        ----------
        graph
            Node attribute ``kind`` in {"plant", "substation", "junction"}, optional ``x_m``, ``y_m``, ``lon_deg``,
            ``lat_deg``, ``height_m`` and any field of :class:`Substation` or :class:`Plant`; edge attribute ``pipe`` (a
            :class:`Pipe`), optional ``name``, ``from_node`` and ``booster`` (a :class:`Booster`, which
            needs the ``from_node`` from which it lifts). Nodes and edges may also have ``name``, ``label``,
            ``comment``, ``x``, ``y``, ``pos`` and ``geometry``, which nothing reads; anything else is refused.
        fluid
            Water at 60 degC when left out, with the film between water and wall at its own temperature and what pipes
            hold as :class:`HeatSimulation` says.
        name
            For messages.
        sizing
            With it all pipes are chosen by :func:`size_network`: an edge then needs no ``pipe`` but ``length_m``.

        Raises
        ------
        NetworkDataError
            With everything that is wrong.
        """
        drawn: nx.Graph[str] = nx.Graph()
        own = {"plant": Plant.__slots__[1:], "substation": Substation.__slots__[1:]}
        if sizing is not None:
            graph = with_stand_ins(graph)
        issues = attribute_issues(name, graph, own)
        substations, plants = [], []
        for node, data in graph.nodes(data=True):
            kind = data.get("kind", "junction")
            drawn.add_node(str(node), **{**data, "kind": kind})
            if kind == "substation":
                substations.append(Substation(str(node), **_own(data, Substation)))
            elif kind == "plant":
                plants.append(Plant(str(node), **_own(data, Plant)))
        for a, b, data in graph.edges(data=True):
            _draw(drawn, str(a), str(b), data, name, issues)
        if len(drawn.edges) < len(graph.edges):
            raise NetworkDataError([*issues, *end_issues(name, substations, plants)])
        try:
            network = cls(drawn, tuple(substations), tuple(plants), fluid or Fluid.water(60.0, follows=True), name)
        except NetworkDataError as error:
            raise NetworkDataError([*issues, *error.issues]) from None
        if issues:
            raise NetworkDataError(issues)
        if sizing is None:
            return network
        from rexnet_grid.rexdynnet.sizing import size_network

        return size_network(network, sizing)[0]

    @classmethod
    def from_csv(cls, path: str | Path, fluid: Fluid | None = None, sizing: SizingRule | None = None) -> HeatNetwork:
        """Return the network of a folder of CSV files; see :mod:`rexnet_grid.rexdynnet.reading`.

        With a ``sizing`` its pipes need no diameters: :func:`size_network` chooses all of them for the design heats.
        """
        from rexnet_grid.rexdynnet.reading import read_folder

        return read_folder(path, fluid, sizing)

    @classmethod
    def from_pandapipes(cls, path: str | Path, fluid: Fluid | None = None) -> HeatNetwork:
        """Return the network of a pandapipes JSON file; see :mod:`rexnet_grid.rexdynnet.pandapipes_json`."""
        from rexnet_grid.rexdynnet.pandapipes_json import read_pandapipes

        return read_pandapipes(path, fluid)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of all nodes."""
        return tuple(self.graph.nodes)

    @property
    def pipes(self) -> tuple[str, ...]:
        """Names of the routes."""
        return tuple(data["name"] for _, _, data in self.graph.edges(data=True))

    @property
    def booster_names(self) -> tuple[str, ...]:
        """Names of the routes that have a booster."""
        return tuple(data["name"] for _, _, data in self.graph.edges(data=True) if data.get("booster") is not None)

    @property
    def substation_names(self) -> tuple[str, ...]:
        """Nodes of the substations, the columns of demand."""
        return tuple(s.node for s in self.substations)

    @property
    def plant_names(self) -> tuple[str, ...]:
        """Nodes of the plants, the main one first."""
        return tuple(p.node for p in self.plants)

    def layout(self, closed: Collection[str] = (), stopped: Collection[str] = ()) -> Layout:
        """Return the arrays that the kernels work on, with some pipes shut and some plants or boosters off."""
        return build_layout(self, closed, stopped)

    def start(self, initial_c: float | Any = 60.0, **options: Any) -> HeatSimulation:
        """Return a simulation whose pipes hold water of ``initial_c`` [degC]; see :class:`HeatSimulation`."""
        from rexnet_grid.rexdynnet.simulation import HeatSimulation

        return HeatSimulation(self, initial_c=initial_c, **options)

    def simulate(self, start: pd.Timestamp, end: pd.Timestamp, dt_s: float = 900.0, **forcing: Any) -> HeatRun:
        """Simulate from ``start`` to ``end``; see :func:`rexnet_grid.rexdynnet.whole_run.simulate`."""
        from rexnet_grid.rexdynnet.whole_run import simulate

        return simulate(self, start, end, dt_s, **forcing)


def _draw(drawn: nx.Graph[str], a: str, b: str, data: dict[str, Any], name: str, issues: list[Issue]) -> None:
    pipe, booster = data.get("pipe"), data.get("booster")
    if not isinstance(pipe, Pipe):
        issues.append(Issue(name, f"edge {a}-{b}, pipe", repr(pipe), "a rexdynnet.Pipe"))
        return
    drawn.add_edge(a, b, name=str(data.get("name", f"{a}-{b}")), pipe=pipe, from_node=str(data.get("from_node", a)))
    if booster is not None:
        drawn.edges[a, b]["booster"] = booster
    if booster is not None and "from_node" not in data:
        expected = "the node from which the booster lifts supply water to the other"
        issues.append(Issue(name, f"edge {a}-{b}, from_node", "", expected))


def with_stand_ins(graph: nx.Graph) -> nx.Graph:
    """Return a copy in which edges with a ``length_m`` and no ``pipe`` have a pipe of some diameter."""
    drawn = graph.copy()
    for _, _, data in drawn.edges(data=True):
        if "pipe" not in data and "length_m" in data:
            data["pipe"] = Pipe(data.pop("length_m"), STAND_IN_M)
    return drawn


def _own(data: dict[str, Any], kind: type) -> dict[str, Any]:
    own = {key: data[key] for key in kind.__slots__ if key in data and key != "node"}  # type: ignore[attr-defined]
    if kind is Plant and "supply_c" not in own:
        own["supply_c"] = _usual_supply_c(own.get("min_supply_c"), own.get("max_supply_c"))
    return own


def _usual_supply_c(lowest_c: Any, highest_c: Any) -> float:
    """Return the usual supply temperature of a plant that names none: the nearest to 75 degC inside its limits."""
    usual = USUAL_SUPPLY_C
    for limit, nearest in ((highest_c, min), (lowest_c, max)):
        if isinstance(limit, (int, float)) and FREEZING_C <= limit <= BOILING_C:
            usual = nearest(usual, float(limit))
    return usual
