"""What a market's run records of a heat network, unit by unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.rexdynnet.layout import LOSS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Outputs
    from rexnet_grid.rexdynnet.network import HeatNetwork

WATT_PER_KILOWATT = 1000.0
PRESSURES = ("lowest_pressure_pa", "highest_pressure_pa", "above_boiling_pa")


def columns(network: HeatNetwork, *, pressure: bool) -> Mapping[str, tuple[str, ...]]:
    """Return the names that the recorded arrays are aligned to, with absolute pressures or without."""
    pipes, nodes, whole = network.pipes, network.nodes, (network.name,)
    return {
        "supply_c": nodes,
        "return_c": nodes,
        "mass_flow_kg_s": pipes,
        "pressure_drop_pa": pipes,
        "plant_kw": network.plant_names,
        "plant_supply_c": network.plant_names,
        "off_schedule_kw": network.plant_names,
        "unserved_kw": network.substation_names,
        "bypass_kg_s": network.substation_names,
        "loss_kw": whole,
        "stored_kwh": whole,
        "pump_head_pa": whole,
        "set_supply_c": whole,
        "set_head_pa": whole,
        "pump_kw": whole,
        **(dict.fromkeys(PRESSURES, whole) if pressure else {}),
    }


def arrays(
    mean: Outputs,
    scheduled_kw: FloatArray,
    stored_kwh: float,
    set_supply_c: float,
    set_head_pa: float,
    pump_kw: FloatArray,
) -> dict[str, FloatArray]:
    """Return the arrays of a unit, see :func:`columns`.

    Parameters
    ----------
    mean
        Means over the unit, of heads the largest of its parts, one-dimensional arrays.
    scheduled_kw
        (n_plants,) what the plants were to put in; ``off_schedule_kw`` is what they put in beyond it [kW].
    stored_kwh
        Heat in the supply side at the end, above 0 degC [kWh].
    set_supply_c, set_head_pa
        What the controller chose [degC, Pa].
    pump_kw
        (1,) electric power of the pump and of boosters [kW].
    """
    return {
        "supply_c": mean.supply_c,
        "return_c": mean.return_c,
        "mass_flow_kg_s": mean.pipe_kg_s,
        "pressure_drop_pa": mean.dp_pa,
        "plant_kw": mean.plant_w / WATT_PER_KILOWATT,
        "plant_supply_c": mean.plant_c,
        "off_schedule_kw": mean.plant_w / WATT_PER_KILOWATT - scheduled_kw,
        "unserved_kw": mean.unserved_w / WATT_PER_KILOWATT,
        "bypass_kg_s": mean.bypass_kg_s,
        "loss_kw": mean.ledger[LOSS : LOSS + 1] / WATT_PER_KILOWATT,
        "stored_kwh": np.array([stored_kwh]),
        "pump_head_pa": mean.head_pa,
        "set_supply_c": np.array([set_supply_c]),
        "set_head_pa": np.array([set_head_pa]),
        "pump_kw": pump_kw,
    }
