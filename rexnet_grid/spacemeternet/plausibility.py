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
_TURNED = 3.0
_RESET_SHARE = 0.5
_FOREIGN = 0.35
_LEAST_W_PER_K = 0.4
_LEAST_WH_PER_K = 20.0
_LAGS = 2
_BLOCK_HOURS = 6.0
_ROWS_A_COLUMN = 3
_EITHER_SIDE = 1.5
_BOTH_SIDES = 4.5
_TWIN_SHARE = 0.98
_COLDER_K = 3.0
_TWIN_K = 1e-9


def implausible(data: ZoneData) -> list[Issue]:
    """Return what is wrong with readings of the right format: resets, and zones that answer to others' heat."""
    return [*_resets(data), *_turned(data), *_too_small(data), *_cold(data), *_swapped(data), *_twins(data)]


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


def _turned(data: ZoneData) -> list[Issue]:
    """Find heat counted negative: never above zero, and zones warm with it, which cooling does not do."""
    out = []
    for column, circuit in enumerate(data.circuits):
        heat = data.heat[:, column]
        if heat.max() > 0.0 or heat.min() == 0.0:
            continue
        slope, error = _warming(data, data.temperature[:, list(circuit.zones)].mean(axis=1), [column])
        if slope[0] < -_TURNED * error[0]:
            value = f"down to {heat.min():.3g} kW, and its zones warm with it"
            out.append(Issue("heat_kw", circuit.name, value, "heat to the zones, positive", "multiply by -1"))
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


def _cold(data: ZoneData) -> list[Issue]:
    """Find zones that are heated and yet colder than outdoors: their column is another one's."""
    out = []
    for column, circuit in enumerate(data.circuits):
        if data.heat[:, column].mean() <= 0.0:
            continue
        for zone in circuit.zones:
            excess = float(np.nanmean(data.temperature[:, zone] - data.boundary[:, 0]))
            if excess < -_COLDER_K:
                value = f"{-excess:.0f} K colder than outdoors on average, though heated"
                hint = "are the columns of a room and of outdoors swapped?"
                out.append(Issue("temperatures_c", data.zones[zone], value, "a room warmer than outdoors", hint))
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
    """Return zones that warm with another circuit's heat rather than with their own.

    Where each zone has a circuit of its own they come in pairs, and :func:`exchanged` finds them. Where circuits serve
    several, either two columns are swapped, or a radiator is shut and a door open; the readings do not tell which.
    """
    if len(data.circuits) < 2:
        return []
    if all(len(c.zones) == 1 for c in data.circuits):
        return [
            f"{data.zones[one]} (circuit {data.circuits[k].name})"
            for a, b in exchanged(data)
            for one, k in ((data.circuits[a].zones[0], b), (data.circuits[b].zones[0], a))
        ]
    own = {zone: k for k, c in enumerate(data.circuits) for zone in c.zones}
    zones = sorted(own)
    t = _responses(data, list(range(len(data.circuits))), zones)
    out = []
    for row, zone in zip(t, zones, strict=True):
        strongest = int(row.argmax())
        if strongest != own[zone] and row[strongest] > _CLEAR and row[own[zone]] < _FOREIGN * row[strongest]:
            out.append(f"{data.zones[zone]} (circuit {data.circuits[strongest].name})")
    return out


def exchanged(data: ZoneData) -> list[tuple[int, int]]:
    """Return pairs of circuits of one zone each whose zones answer at once to the other's heat more than to their own.

    Own heat acts first and strongest even where doors stand open. The rise of a reading within a step is regressed on
    all heats of this step and the two before, the reading, its last two changes and outdoors. Errors are those of
    blocks of six hours (Liang and Zeger 1986, DOI 10.1093/biomet/73.1.13); the two sides' t are added up as Stouffer's.
    """
    single = [(k, c.zones[0]) for k, c in enumerate(data.circuits) if len(c.zones) == 1]
    t = np.array([_others_first(data, k, zone) for k, zone in single])
    out = []
    for (a, _), row in zip(single, t, strict=True):
        for (b, _), other in zip(single, t, strict=True):
            crossed = min(row[b], other[a])
            if a < b and crossed > _EITHER_SIDE and row[b] + other[a] > _BOTH_SIDES * np.sqrt(2.0):
                out.append((a, b))
    return out


def _others_first(data: ZoneData, own: int, zone: int) -> FloatArray:
    """Return t statistics (circuits,) of a zone's answer within a step being to another circuit's heat, not to its own.

    The smaller of those of the answer itself and of how far it exceeds the one to the own heat; -inf for the own, and
    throughout where there are too few readings.
    """
    n, reading = len(data.circuits), data.temperature[:, zone]
    out = np.full(n, -np.inf)
    rows = np.arange(_LAGS, len(reading) - 1)
    changes = [reading[rows - k] - reading[rows - k - 1] for k in range(_LAGS)]
    heats = [data.heat[rows - k] for k in range(_LAGS + 1)]
    design = np.column_stack([*heats, reading[rows], *changes, data.boundary[rows], np.ones(len(rows))])
    rise = reading[rows + 1] - reading[rows]
    whole = np.isfinite(rise) & np.isfinite(design).all(axis=1)
    design, rise, rows = design[whole], rise[whole], rows[whole]
    if len(rows) < _ROWS_A_COLUMN * design.shape[1]:
        return out
    weight = np.linalg.pinv(design.T @ design) @ design.T
    answer = weight @ rise
    left = rise - design @ answer
    blocks = np.flatnonzero(np.diff((rows * data.step) // _BLOCK_HOURS, prepend=-1.0))
    scores = np.add.reduceat(weight[:n] * left, blocks, axis=1)
    scores *= np.sqrt(len(rows) / (len(rows) - design.shape[1]))
    more, alone = answer[:n] - answer[own], answer[:n]
    error = np.maximum(np.sqrt((scores**2).sum(axis=1)), 1e-300)
    apart = np.maximum(np.sqrt(((scores - scores[own]) ** 2).sum(axis=1)), 1e-300)
    others = np.arange(n) != own
    out[others] = np.minimum(more / apart, alone / error)[others]
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
