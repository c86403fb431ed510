"""Heat, flow and return temperature of a pandapipes consumer.

Its design heat is ``qext_w``, or m cp dT where the file gives flow and temperature. Where it gives flow and heat, the
return temperature follows from both at the plant's supply temperature.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from rexnet_grid.rexdynnet.fluid import FREEZING_C
from rexnet_grid.units import ZERO_CELSIUS_K

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.pandapipes_json import Row, _File


def control(source: _File, table: str, row: Row, data: Row, supply_c: float) -> None:
    """Take up a controlled flow; the return follows from it and from the heat, at the plant's supply temperature."""
    flow = row["controlled_mdot_kg_per_s"]
    known = isinstance(flow, (int, float)) and not isinstance(flow, bool) and math.isfinite(flow)
    total = data.get("mass_flow_kg_s", 0.0) + (flow if known else 0.0)
    cooling_k = data["design_heat_kw"] * 1000.0 / (source.fluid.heat_capacity * total) if total > 0.0 else math.inf
    if not (known and flow > 0.0 and supply_c - cooling_k >= FREEZING_C):
        value = f"controlled_mdot_kg_per_s {flow} for {data['design_heat_kw']:g} kW at {supply_c:g} degC"
        source.refuse(table, row, value, "a flow that carries the heat without freezing [kg/s]")
        return
    data.update(mass_flow_kg_s=total, return_c=supply_c - cooling_k)


def heat_kw(source: _File, table: str, row: Row, supply_c: float) -> float:
    """Return ``qext_w``, or m cp dT of the flow and the cooling that the row gives [kW]."""
    heat, flow, cooling = row.get("qext_w"), row.get("controlled_mdot_kg_per_s"), row.get("deltat_k")
    if cooling is None and row.get("treturn_k") is not None:
        cooling = supply_c + ZERO_CELSIUS_K - float(row["treturn_k"])
    if heat is None and flow is not None and cooling is not None:
        heat = float(flow) * source.fluid.heat_capacity * float(cooling)
    if heat is None or float(heat) < 0.0:
        expected = "qext_w of at least 0, or controlled_mdot_kg_per_s with deltat_k or treturn_k"
        source.refuse(table, row, "no heat" if heat is None else f"{heat} W", expected)
        return 0.0
    return float(heat) / 1000.0


def gas_name(document: Row) -> str | None:
    """Return the name of a file's fluid where that is a gas."""
    given = document["_object"].get("fluid")
    inside = given.get("_object") if isinstance(given, dict) else None
    try:
        fluid = json.loads(inside) if isinstance(inside, str) else inside
    except ValueError:
        return None
    if isinstance(fluid, dict) and (fluid.get("is_gas") is True or fluid.get("fluid_type") == "gas"):
        return str(fluid.get("name"))
    return None
