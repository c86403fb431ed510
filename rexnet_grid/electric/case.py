"""The network as arrays: what every calculation of this package works on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
ComplexArray = NDArray[np.complex128]
TextArray = NDArray[np.str_]

PQ, PV, SLACK = 0, 1, 2
NOWHERE = -1
CASE_FORMAT = 12


@dataclass(frozen=True, slots=True, eq=False)
class GridCase:
    """An electric network resolved to nodes and edges, in per unit of ``base_mva``.

    A *bus* is a bus of the user's table; a *node* is an electrical point of the calculation: buses joined by closed
    bus-bus switches share one, an open switch at a line adds one. An *edge* is a two-port of the calculation; a
    *branch* is a row of the user's tables and owns one edge (line, transformer, impedance) or three (three-winding
    transformer).

    Attributes
    ----------
    name
        Name of the network.
    base_mva
        Power base [MVA].
    bus_id, bus_node
        (n_bus,) the user's bus index and the node it lies on; ``NOWHERE`` when it is out of service or unsupplied.
    bus_name, bus_kv, bus_lon, bus_lat
        (n_bus,) name, rated voltage [kV], coordinates [deg]; NaN where unknown.
    bus_in_service
        (n_bus,) 1 when the user's table has it in service.
    base_kw, base_kvar
        (n_bus,) the injection that the network's own tables hold [kW], [kvar].
    y_data, y_indices, y_indptr
        Node admittance matrix in CSR form [p.u.], shunts included.
    node_kind
        (n_node,) ``PQ``, ``PV`` or ``SLACK``.
    node_start
        (n_node,) voltage set point of slack and PV nodes, start value elsewhere [p.u.].
    node_fixed
        (n_node,) complex injection that belongs to no bus table, such as an extended ward's [p.u.].
    node_zip
        (n_node, 4) share of constant current and constant impedance in active power, then in reactive power [-].
    node_unzipped_kw
        (n_node,) part of the active injection to which ``node_zip`` does not apply (generators) [kW].
    node_shunt
        (n_node,) shunt conductance + j susceptance [p.u.].
    edge_from, edge_to
        (n_edge,) nodes.
    edge_y
        (n_edge, 4) two-port admittances ff, ft, tf, tt [p.u.].
    edge_scale
        (n_edge, 2) loading [%] per current [p.u.] at the from and the to end.
    edge_branch
        (n_edge,) the branch that owns the edge, ``NOWHERE`` for helpers.
    branch_name, branch_kind
        (n_branch,) such as ``"line 3"`` and ``"line"``.
    branch_from, branch_to
        (n_branch,) the user's bus ids at its ends.
    branch_rating
        (n_branch,) rated current of a line [kA], rated power of a transformer [kVA]; NaN when it has none.
    branch_idle
        (n_branch,) loading while it carries nothing: 0, or NaN where it is not supplied.
    branch_in_service
        (n_branch,) 1 when the user's table has it in service.
    supply_bus
        User's ids of the buses that balance.
    tap_edge, tap_side, tap_inverse, tap_position, tap_neutral, tap_step, tap_turn, tap_range
        Tap changers: edge, side (0 from, 1 to), 1 where the winding ends in the star point and its turns divide,
        position, neutral position, complex change of turns per step [-], ideal turn per step [rad], lowest and highest
        position (n_tap, 2).
    switch_name, switch_branch, switch_bus, switch_other
        Closed switches: name such as ``"switch 3"``; place of the branch it connects, ``NOWHERE`` when it joins two
        buses, -2 - e when it does so through the impedance of edge e; the user's bus ids at its sides (the same at a
        branch).
    switch_open
        Names of the switches that were open when the network was cut.
    load_name, load_kind, load_bus, load_kw, load_kvar
        The user's load table: name, type, bus id, consumption [kW], [kvar].
    sgen_name, sgen_kind, sgen_bus, sgen_kw
        The user's table of static generators: name, type, bus id, active power before its scaling [kW].
    storage_name, storage_bus, storage_kw, storage_kwh, storage_share
        The user's table of storages: name, bus id, largest rate [kW], usable capacity [kWh], content over it [-], NaN
        where it is unknown.
    steady_name, steady_element, steady_bus, steady_kw
        All others with a power of their own, such as motors: name, element (``"motor 3"``), bus id, injection [kW].
    controlled
        1 when controllers or elements of the network need pandapower's own solver in every case.
    """

    name: str
    base_mva: float
    bus_id: IntArray
    bus_node: IntArray
    bus_name: TextArray
    bus_kv: FloatArray
    bus_lon: FloatArray
    bus_lat: FloatArray
    bus_in_service: IntArray
    base_kw: FloatArray
    base_kvar: FloatArray
    y_data: ComplexArray
    y_indices: IntArray
    y_indptr: IntArray
    node_kind: IntArray
    node_start: ComplexArray
    node_fixed: ComplexArray
    node_zip: FloatArray
    node_unzipped_kw: FloatArray
    node_shunt: ComplexArray
    edge_from: IntArray
    edge_to: IntArray
    edge_y: ComplexArray
    edge_scale: FloatArray
    edge_branch: IntArray
    branch_name: TextArray
    branch_kind: TextArray
    branch_from: IntArray
    branch_to: IntArray
    branch_rating: FloatArray
    branch_idle: FloatArray
    branch_in_service: IntArray
    supply_bus: IntArray
    tap_edge: IntArray
    tap_side: IntArray
    tap_inverse: IntArray
    tap_position: FloatArray
    tap_neutral: FloatArray
    tap_step: ComplexArray
    tap_turn: FloatArray
    tap_range: FloatArray
    switch_name: TextArray
    switch_branch: IntArray
    switch_bus: IntArray
    switch_other: IntArray
    switch_open: TextArray
    load_name: TextArray
    load_kind: TextArray
    load_bus: IntArray
    load_kw: FloatArray
    load_kvar: FloatArray
    sgen_name: TextArray
    sgen_kind: TextArray
    sgen_bus: IntArray
    sgen_kw: FloatArray
    storage_name: TextArray
    storage_bus: IntArray
    storage_kw: FloatArray
    storage_kwh: FloatArray
    storage_share: FloatArray
    steady_name: TextArray
    steady_element: TextArray
    steady_bus: IntArray
    steady_kw: FloatArray
    controlled: int

    @property
    def n_bus(self) -> int:
        """How many buses the user's table has."""
        return len(self.bus_id)

    @property
    def n_node(self) -> int:
        """How many electrical nodes there are."""
        return len(self.node_kind)

    @property
    def carries_anything(self) -> bool:
        """Whether any node but those of the supply is supplied."""
        return bool(np.isin(self.node_kind, (PQ, PV)).any())

    def has_nodes_of(self, other: GridCase) -> bool:
        """Return whether another state of the network has the same nodes and edges."""
        ours, theirs = ((c.bus_node, c.edge_from, c.edge_to, c.edge_branch) for c in (self, other))
        return self.n_node == other.n_node and all(map(np.array_equal, ours, theirs))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return every field as an array, for a file without pickles."""
        return {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> GridCase:
        """Return the case that :meth:`to_arrays` wrote; raises KeyError when a field is missing."""
        plain: dict[str, type] = {"name": str, "base_mva": float, "controlled": int}
        values: dict[str, Any] = {}
        for f in fields(cls):
            values[f.name] = plain[f.name](arrays[f.name]) if f.name in plain else arrays[f.name]
        return cls(**values)
