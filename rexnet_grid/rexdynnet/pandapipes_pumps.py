r"""Pumps of a pandapipes file: their curves, and which pipe of the supply belongs to one in the return.

A standard type holds the polynomial of the pressure lift [bar] over the volume flow [m3/h], highest power first, which
becomes the curve of a :class:`Booster`, :math:`h = H_0 - a \dot m - k \dot m^2`. The file knows no efficiency: power is
that of the usual one from wire to water, 0.6. A pump out of service lets no water pass, as in pandapipes.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import networkx as nx

from rexnet_grid.rexdynnet.booster import Booster
from rexnet_grid.rexdynnet.pump import Pump

if TYPE_CHECKING:
    from collections.abc import Callable

    from rexnet_grid.rexdynnet.fluid import Fluid

PA_PER_BAR = 1e5
SECONDS_PER_HOUR = 3600.0
HIGHEST_DEGREE = 2
WIDE_M3_H = 1000.0
NOTHING = 1e-9


def pump_curves(
    document: dict[str, Any],
    rows: list[tuple[str, dict[str, Any]]],
    fluid: Fluid,
    refuse: Callable[[str, dict[str, Any], str, str, str], None],
) -> dict[int, Booster]:
    """Return the booster of each pump by its index; ``refuse`` is told table, row, value, expectation and hint."""
    found = {}
    types = _plain(document["_object"].get("std_types") or {}).get("pump") or {}
    for table, row in rows:
        name = row.get("std_type")
        numbers = types[name].get("reg_par") if name in types else None
        curve = _falling(numbers) if isinstance(numbers, list) else None
        if curve is None:
            expected = "a standard type of the file whose lift falls with the flow, of the second degree at most"
            hint = "known are " + ", ".join(types) if types else "the file has no standard types of pumps"
            refuse(table, row, f"std_type {name}", expected, hint)
            continue
        per_kg_s = SECONDS_PER_HOUR / fluid.density
        head, linear, square = (PA_PER_BAR * c * per_kg_s**k for k, c in enumerate(curve))
        found[row["index"]] = Booster(Pump(head, square), fall_pa_s_kg=linear)
    return found


def _plain(value: Any) -> Any:
    """Return a value of the file without the classes that it is wrapped in."""
    if isinstance(value, dict) and "_object" in value:
        inside = value["_object"]
        return _plain(json.loads(inside) if isinstance(inside, str) else inside)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _falling(numbers: list[Any]) -> tuple[float, float, float] | None:
    """Return lift without flow and its fall with the flow and its square [bar, m3/h], None for any other curve."""
    try:
        values = [float(c) for c in reversed(numbers)]
    except (TypeError, ValueError):
        return None
    if not values or not all(map(math.isfinite, values)) or values[0] <= 0.0:
        return None
    felt = [c if abs(c) * WIDE_M3_H**k > NOTHING * values[0] else 0.0 for k, c in enumerate(values)]
    if any(felt[HIGHEST_DEGREE + 1 :]) or max(felt[1:], default=0.0) > 0.0:
        return None
    padded = [*felt, 0.0, 0.0]
    return padded[0], -padded[1], -padded[2]


def upstream(graph: nx.Graph[str], a: str, b: str) -> set[str]:
    """Return what hangs together with ``a`` if its edge to ``b`` is taken out."""
    cut = graph.copy()
    cut.remove_edge(a, b)
    return set(nx.node_connected_component(cut, a))


def serving(graph: nx.Graph[str], root: str, served: frozenset[str], others: set[str]) -> tuple[str, str] | None:
    """Return the first bridge from ``root`` on, without a pump, behind which all ``served`` lie and no ``others``."""
    bridges = {frozenset(edge) for edge in nx.bridges(graph)}
    for near, far in nx.bfs_edges(graph, root):
        if frozenset((near, far)) in bridges and graph.edges[near, far].get("booster") is None:
            behind = upstream(graph, far, near)
            if served and served <= behind and not others & behind:
                return near, far
    return None
