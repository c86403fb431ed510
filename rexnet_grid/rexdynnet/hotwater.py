"""Hot water from a store in the house: what the network sees of the draw-offs behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from rexnet_grid.rexdynnet.arrays import FloatArray


class StoredHotWater(NamedTuple):
    """Load on the network [kW], content at the end of each step and hot water missed in it [kWh]."""

    load_kw: FloatArray
    stored_kwh: FloatArray
    unmet_kwh: FloatArray


def stored_hot_water(
    drawn_kwh: ArrayLike, capacity_kwh: float, charge_kw: float, hours: float, on_below: float = 0.6
) -> StoredHotWater:
    """Return the load of a hot water store that is charged at full power from ``on_below`` of its content until full.

    Without a store, hot water is made as it is drawn: ``drawn_kwh / hours`` is the load then. In every step
    load x hours = drawn - unmet + change of the content. Hand the load to ``HeatNetwork.simulate`` as ``hot_water_kw``.

    Parameters
    ----------
    drawn_kwh
        (n_steps,) hot water drawn in each step [kWh].
    capacity_kwh
        Usable content [kWh]; full at the start.
    charge_kw
        Charging power [kW].
    hours
        Length of a step [h].
    on_below
        Share of the content at which charging begins [-].

    Raises
    ------
    InputError
        With every number that cannot be.
    """
    drawn = np.asarray(drawn_kwh, dtype=np.float64)
    issues = [
        Issue("hot water", name, str(value), expected)
        for name, value, expected, fine in (
            ("capacity_kwh", capacity_kwh, "above zero [kWh]", capacity_kwh > 0.0),
            ("charge_kw", charge_kw, "above zero [kW]", charge_kw > 0.0),
            ("hours", hours, "above zero [h]", hours > 0.0),
            ("on_below", on_below, "0 to 1", 0.0 <= on_below <= 1.0),
        )
        if not fine
    ]
    if not (np.isfinite(drawn).all() and (drawn >= 0.0).all()):
        issues.append(Issue("hot water", "drawn_kwh", str(drawn.min()), "finite numbers, not negative [kWh]"))
    if issues:
        raise InputError(issues)
    load, stored, unmet = np.zeros(len(drawn)), np.empty(len(drawn)), np.zeros(len(drawn))
    content, charging = capacity_kwh, False
    for k, taken in enumerate(drawn.tolist()):
        charging = charging or content - taken < on_below * capacity_kwh
        given = min(charge_kw * hours, capacity_kwh - content + taken) if charging else 0.0
        after = content - taken + given
        unmet[k], content = max(-after, 0.0), max(after, 0.0)
        charging = charging and content < capacity_kwh * (1.0 - 1e-12)
        load[k], stored[k] = given / hours, content
    return StoredHotWater(load, stored, unmet)
