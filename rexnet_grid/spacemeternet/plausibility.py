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


def implausible(data: ZoneData) -> list[Issue]:
    """Return what is wrong with readings of the right format: resets, and zones that answer to others' heat."""
    return [*_resets(data), *_swapped(data)]


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
    """Return t statistics (zones, zones) of each zone's warming on each zone's heat."""
    width = max(round(_RESPONSE_HOURS / data.step), 1)
    heat = data.heat[:, columns]
    total = np.vstack([np.zeros((1, heat.shape[1])), np.cumsum(heat, axis=0)])
    rows = np.arange(0, len(heat) - width, width)
    mean = (total[rows + width] - total[rows]) / width
    out = np.zeros((len(zones), len(zones)))
    for k, zone in enumerate(zones):
        reading = data.temperature[:, zone]
        change = reading[rows + width] - reading[rows]
        design = np.column_stack([mean, np.ones(len(rows)), reading[rows], data.boundary[rows, 0]])
        whole = np.isfinite(change)
        if whole.sum() <= design.shape[1] + 1:
            continue
        gram = np.linalg.pinv(design[whole].T @ design[whole])
        coefficient = gram @ design[whole].T @ change[whole]
        scatter = float(((change[whole] - design[whole] @ coefficient) ** 2).sum()) / (whole.sum() - design.shape[1])
        out[k] = (coefficient / np.sqrt(np.maximum(np.diag(gram) * scatter, 1e-300)))[: len(zones)]
    return out
