"""What may force one step of a heat network, and which state it may go back to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import Issue, NetworkDataError
from rexnet_grid.rexdynnet.forcing import LARGEST_KG_S, check_range, check_water, raise_if
from rexnet_grid.rexdynnet.layout import NOT_GIVEN, State

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.layout import Inputs

WATT_PER_KILOWATT = 1000.0
LARGEST_KW = 1e7
COLDEST_GROUND_C, HOTTEST_GROUND_C = -60.0, 120.0
SAME_DENSITY = 1e-9


def length_s(dt_s: Any) -> float:
    """Return the length of a step, checked [s]."""
    try:
        length = float(dt_s)
    except (TypeError, ValueError):
        length = math.nan
    if not 0.0 < length < math.inf:
        raise NetworkDataError([Issue("step", "dt_s", str(dt_s), "a finite time above zero [s]")])
    return length


def check_state(name: str, state: Any, own: State) -> None:
    """Raise for what is no state of the network that ``own`` is one of.

    Every pipe must hold the water that it holds there, but for one ratio of densities.
    """
    if not isinstance(state, State):
        raise NetworkDataError([Issue(name, "state", type(state).__name__, "what save() of this network returned")])
    wrong = [n for n, a, b in zip(State._fields, state, own, strict=True) if np.shape(a) != b.shape]
    if not wrong:
        ratio = state.water_kg / own.water_kg
        if np.abs(ratio - ratio[0]).max() > SAME_DENSITY * ratio[0]:
            wrong = ["water_kg"]
    if wrong:
        got, expected = (
            f"{len(s.flow)} pipes, {len(s.order)} nodes, {len(s.arrive_c)} substations, "
            f"{len(s.stopped) - len(s.flow)} plants, {s.water_kg.sum():.6g} kg"
            for s in (state, own)
        )
        hint = "it was saved in another network"
        raise NetworkDataError([Issue(name, f"state, {wrong[0]}", got, expected, hint)])


def check_step(inputs: Inputs, has_heat: bool, has_flow: bool, *, plain: bool) -> None:
    """Raise with everything that is wrong with a step's forcing; ``plain`` when only heat or flow is forced."""
    low = min(inputs.return_c.min(), inputs.supply_c.min())
    high = max(inputs.return_c.max(), inputs.supply_c.max())
    fine = low >= 0.0 and high <= 180.0
    fine = fine and bool(((inputs.ground_c >= COLDEST_GROUND_C) & (inputs.ground_c <= HOTTEST_GROUND_C)).all())
    largest_w = LARGEST_KW * WATT_PER_KILOWATT
    fine = fine and (not has_heat or 0.0 <= inputs.heat_w.min() <= inputs.heat_w.max() <= largest_w)
    fine = fine and (not has_flow or 0.0 <= inputs.flow_kg_s.min() <= inputs.flow_kg_s.max() <= LARGEST_KG_S)
    if fine and plain and (has_heat or has_flow):
        return
    issues: list[Issue] = []
    if not (has_heat or has_flow):
        issues.append(Issue("step", "heat_demand_kw", "", "heat_demand_kw or mass_flow_kg_s"))
    others = inputs.plant_kg_s[:, 1:]
    for name, values, wanted in (
        ("heat_demand_kw", inputs.heat_w / WATT_PER_KILOWATT, has_heat),
        ("mass_flow_kg_s", inputs.flow_kg_s, has_flow),
        ("plant_mass_flow_kg_s", others, bool(others.size) and not np.isnan(others).all()),
        ("hot_water_kw", inputs.hot_w / WATT_PER_KILOWATT, inputs.hot_w is not NOT_GIVEN),
        ("secondary_supply_c", inputs.secondary_c, inputs.secondary_c is not NOT_GIVEN),
        ("return_temperature_c", inputs.return_c, True),
        ("supply_temperature_c", inputs.supply_c, True),
        ("ground_c", inputs.ground_c, True),
    ):
        if wanted and not np.isfinite(values).all():
            issues.append(Issue("step", name, str(values[~np.isfinite(values)][0]), "finite numbers"))
        elif wanted and not name.endswith("_c"):
            largest, unit = (LARGEST_KW, "kW") if name.endswith("_kw") else (LARGEST_KG_S, "kg/s")
            check_range(f"step: {name}", values, 0.0, largest, unit, issues)
    if inputs.hot_w is not NOT_GIVEN and has_heat and (inputs.hot_w > inputs.heat_w * (1.0 + 1e-9)).any():
        issues.append(Issue("step", "hot_water_kw", "more than heat_demand_kw", "a part of the heat demand"))
    for name, values in (
        ("return_temperature_c", inputs.return_c),
        ("supply_temperature_c", inputs.supply_c),
        ("secondary_supply_c", inputs.secondary_c),
    ):
        check_water(name, values, issues)
    check_range("ground_c", inputs.ground_c, COLDEST_GROUND_C, HOTTEST_GROUND_C, "degC", issues)
    raise_if(issues)
