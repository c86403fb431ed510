"""Whether the meters of a building can be what their columns say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import Issue

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.zonemodel import ZoneData

_RESPONSE_HOURS = 1.0
_CLEAR = 8.0
_WEAK = 0.3
_RESET_SHARE = 0.5
_FOREIGN = 0.35
_LEAST_W_PER_K = 0.4
_LEAST_WH_PER_K = 20.0
_TWIN_SHARE = 0.98
_TWIN_K = 1e-9


def implausible(data: ZoneData) -> list[Issue]:
    """Return what is wrong with readings of the right format: resets, and zones that answer to others' heat."""
    return [*_resets(data), *_too_small(data), *_swapped(data), *_twins(data)]


def _twins(data: ZoneData) -> list[Issue]:
    """Find one sensor given twice: two zones that read the same nearly always."""
    out = []
    for a in range(len(data.zones)):
        for b in range(a + 1, len(data.zones)):
            apart = data.temperature[:, a] - data.temperature[:, b]
            known = np.isfinite(apart)
            if known.any() and float(np.mean(np.abs(apart[known]) < _TWIN_K)) >= _TWIN_SHARE:
                names = f"{data.zones[a]} and {data.zones[b]}"
                hint = "is one sensor given twice? make them one zone"
                out.append(Issue("temperatures_c", names, "the same readings", "a sensor for each zone", hint))
    return out


def _resets(data: ZoneData) -> list[Issue]:
    """Find powers that can only come from a register that started anew or rolled over."""
    out = []
    for column, circuit in enumerate(data.circuits):
        heat = data.heat[:, column]
        usual = float(np.quantile(np.abs(heat), 0.99))
        if heat.min() < -_RESET_SHARE * max(usual, 1e-9) and (heat < 0.0).mean() < 0.01:
            hint = "a meter that resets? MeterFrame turns registers into powers and skips resets"
            out.append(Issue("heat_kw", circuit.name, f"{heat.min():.3g} kW once", "heat that is not negative", hint))
        elif usual > 0.0 and heat.max() > 20.0 * usual:
            hint = "a register that rolled over, or a unit that changed?"
            out.append(Issue("heat_kw", circuit.name, f"{heat.max():.3g} kW once", f"up to some {usual:.3g} kW", hint))
    return out


def _too_small(data: ZoneData) -> list[Issue]:
    """Find heat that could not warm a shoe box: watts that were kilowatts before somebody divided by a thousand."""
    out = []
    for column, circuit in enumerate(data.circuits):
        excess = float(np.nanmean(data.temperature[:, list(circuit.zones)] - data.boundary[:, [0]]))
        most = 1000.0 * float(np.quantile(data.heat[:, column], 0.99))
        least = _LEAST_W_PER_K * excess * circuit.shared_by
        if excess > 1.0 and 0.0 < most < least:
            value = f"{most:.2g} W at most, for {excess:.0f} K above outdoors"
            hint = "kW given as W?"
            out.append(Issue("heat_kw", circuit.name, value, f"more than {least:.2g} W", hint))
            continue
        capacity = _implied_capacity(data, column) / circuit.shared_by
        if capacity < _LEAST_WH_PER_K:
            value = f"heat that warms zones as if each held {capacity:.2g} Wh/K"
            expected = f"at least {_LEAST_WH_PER_K:g} Wh/K, as a small room"
            out.append(Issue("heat_kw", circuit.name, value, expected, "kW given as W?"))
    return out


def _implied_capacity(data: ZoneData, column: int) -> float:
    """Return the heat a circuit takes to warm all its zones by a kelvin within an hour [Wh/K]; infinite if unclear."""
    zones = list(data.circuits[column].zones)
    together = data.temperature[:, zones].mean(axis=1)
    slope, error = _warming(data, together, [column])
    if slope[0] < _CLEAR * error[0]:
        return float(np.inf)
    return 1000.0 * max(_RESPONSE_HOURS, data.step) / float(slope[0])


def strangers(data: ZoneData) -> list[str]:
    """Return zones that warm with another circuit's heat and hardly with their own, where circuits serve several.

    Either two columns are swapped, or a radiator is shut and a door open; the readings do not tell which.
    """
    if len(data.circuits) < 2 or all(len(c.zones) == 1 for c in data.circuits):
        return []
    own = {zone: k for k, c in enumerate(data.circuits) for zone in c.zones}
    zones = sorted(own)
    t = _responses(data, list(range(len(data.circuits))), zones)
    out = []
    for row, zone in zip(t, zones, strict=True):
        strongest = int(row.argmax())
        if strongest != own[zone] and row[strongest] > _CLEAR and row[own[zone]] < _FOREIGN * row[strongest]:
            out.append(f"{data.zones[zone]} (circuit {data.circuits[strongest].name})")
    return out


def _swapped(data: ZoneData) -> list[Issue]:
    """Find pairs of zones each of which warms when the other is heated and not when itself is."""
    single = [(k, c.zones[0]) for k, c in enumerate(data.circuits) if len(c.zones) == 1]
    if len(single) < 2:
        return []
    columns, zones = [k for k, _ in single], [z for _, z in single]
    t = _responses(data, columns, zones)
    out = []
    for a in range(len(zones)):
        for b in range(a + 1, len(zones)):
            crossed = min(t[a, b], t[b, a])
            if crossed > _CLEAR and t[a, a] < _WEAK * t[a, b] and t[b, b] < _WEAK * t[b, a]:
                names = f"{data.zones[zones[a]]} and {data.zones[zones[b]]}"
                hint = "are two columns of temperatures_c or heat_kw swapped?"
                out.append(Issue("heat_kw", names, "each warms with the other's heat", "heat of the same zone", hint))
    return out


def _responses(data: ZoneData, columns: list[int], zones: list[int]) -> FloatArray:
    """Return t statistics (zones, columns) of each zone's warming on the heat of each column."""
    out = np.zeros((len(zones), len(columns)))
    for k, zone in enumerate(zones):
        slope, error = _warming(data, data.temperature[:, zone], columns)
        out[k] = slope / error
    return out


def _warming(data: ZoneData, reading: FloatArray, columns: list[int]) -> tuple[FloatArray, FloatArray]:
    """Return by how much a reading rises in about an hour for each kW of each column, and the standard errors [K/kW].

    Regressed on the reading itself and the outdoor temperature besides; zeros where there are too few readings.
    """
    width = max(round(_RESPONSE_HOURS / data.step), 1)
    heat = data.heat[:, columns]
    total = np.vstack([np.zeros((1, heat.shape[1])), np.cumsum(heat, axis=0)])
    rows = np.arange(0, len(heat) - width, width)
    mean = (total[rows + width] - total[rows]) / width
    change = reading[rows + width] - reading[rows]
    design = np.column_stack([mean, np.ones(len(rows)), reading[rows], data.boundary[rows, 0]])
    whole = np.isfinite(change)
    if whole.sum() <= design.shape[1] + 1:
        return np.zeros(len(columns)), np.ones(len(columns))
    gram = np.linalg.pinv(design[whole].T @ design[whole])
    coefficient = gram @ design[whole].T @ change[whole]
    scatter = float(((change[whole] - design[whole] @ coefficient) ** 2).sum()) / (whole.sum() - design.shape[1])
    error = np.sqrt(np.maximum(np.diag(gram) * scatter, 1e-300))
    return coefficient[: len(columns)], error[: len(columns)]
