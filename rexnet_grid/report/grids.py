"""The networks on their maps, and their state over the day."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.report.places import place_nodes
from rexnet_grid.report.section import Figure, Section, clock, escape, limit_line, line, plain, plot, plots, stride

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.results import Results
    from rexnet_grid.units import Carrier

MOST_MAP_UNITS = 400
HALF_TURN = 180.0


def grid_map(results: Results) -> Section | None:
    """Return the electric grid on its map: branches by loading, buses by voltage."""
    if not {"vm_pu", "loading_percent"} <= set(results.electric.arrays):
        return None
    vm, loading = results.electric.vm_pu, results.electric.loading_percent
    low, high = voltage_limits(results)
    base = _skeleton(results, "electricity", list(vm.columns), list(loading.columns))
    if base is None:
        return None
    vm, loading = _thin(vm), _thin(loading)
    figure: Figure = {
        **base,
        "times": clock(vm.index),
        "worst": "Worst of the run",
        "worst_note": "each at its worst",
        "node_values": plain(vm.to_numpy(), 4),
        "branch_values": plain(loading.to_numpy(), 1),
        "node_worst": plain(_furthest(vm, (low + high) / 2), 4),
        "branch_worst": plain(loading.max().to_numpy(), 1),
        "node_scale": {
            "title": "Bus voltage",
            "unit": "p.u.",
            "decimals": 3,
            "stops": [[low - 0.02, "$bad"], [low, "$warn"], [(low + high) / 2, "$calm"], [high, "$c4"]],
        },
        "branch_scale": {
            "title": "Loading",
            "unit": "%",
            "decimals": 0,
            "stops": [[0, "$faint"], [50, "$calm"], [80, "$warn"], [loading_limit(results), "$bad"]],
        },
    }
    sentence = (
        "Each line is a cable coloured by its loading, each dot a bus coloured by its voltage; move the slider to "
        "walk through the day and see where the grid is strained."
    )
    return Section("grid", "The grid on its map", sentence, figure)


def heat_map(results: Results) -> Section | None:
    """Return the heat network on its map: places and pipes by supply temperature."""
    if "supply_c" not in results.heat.arrays:
        return None
    supply = results.heat.supply_c
    base = _skeleton(results, "heat", list(supply.columns), [])
    if base is None:
        return None
    supply = _thin(supply)
    values = supply.to_numpy()
    ground = _beneath(results, list(supply.columns))
    grey = 0 if ground is None else len(ground["nodes"]) - values.shape[1]
    base = ground or base
    hidden = np.full((len(values), grey), np.nan)
    top = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
    least = float(np.nanquantile(values, 0.01)) if np.isfinite(values).any() else 0.0
    floor = results.manifest.number("scenario", "heat", "supply_min_c")
    bottom = min(least, top - 1.0) if floor is None else min(max(floor, least), top - 1.0)
    stops = [[bottom, "$cold"], [(bottom + top) / 2, "$warn"], [top, "$hot"]]
    figure: Figure = {
        **base,
        "times": clock(supply.index),
        "worst": "Coldest of the run",
        "worst_note": "each at its coldest",
        "start": int(supply.median(axis=1).fillna(np.inf).to_numpy().argmin()),
        "node_values": plain(np.hstack((hidden, values)), 2),
        "node_worst": plain(np.concatenate((np.full(grey, np.nan), supply.min().to_numpy())), 2),
        "node_scale": {"title": "Supply temperature", "unit": "°C", "decimals": 1, "stops": stops},
    }
    sentence = (
        "Supply temperature at the plant, the junctions and the substations; what the plant sends out arrives later "
        "and colder the longer the way."
    )
    if grey:
        sentence += " In grey, the electric grid in the same streets."
    return Section("heat-map", "The heat network on its map", sentence, figure)


def envelopes(results: Results) -> list[Section]:
    """Return the loading and the voltage of the whole grid over the day, each within its limits."""
    sections = []
    if "loading_percent" in results.electric.arrays:
        frame = results.electric.loading_percent
        figure = _loading(frame, loading_limit(results))
        sentence = (
            "The most loaded branch of every unit and the middle of all branches; above the dashed line it breaks."
        )
        sections.append(Section("loading", "Loading through the day", sentence, figure, half=True))
    if "vm_pu" in results.electric.arrays:
        figure = _voltage(results.electric.vm_pu, *voltage_limits(results))
        sentence = "The band between the lowest and the highest bus voltage; it should stay between the dashed lines."
        sections.append(Section("voltage", "Voltage through the day", sentence, figure, half=True))
    return sections


def voltage_limits(results: Results) -> tuple[float, float]:
    """Return the lowest and highest allowed voltage [p.u.]."""
    low = results.manifest.number("scenario", "electric", "voltage_min_pu")
    high = results.manifest.number("scenario", "electric", "voltage_max_pu")
    return (0.9 if low is None else low), (1.1 if high is None else high)


def loading_limit(results: Results) -> float:
    """Return the highest allowed loading [%]."""
    limit = results.manifest.number("scenario", "electric", "loading_max_percent")
    return 100.0 if limit is None else limit


def _loading(frame: pd.DataFrame, limit: float) -> Figure | None:
    step = stride(len(frame))
    grouped = frame.groupby(np.arange(len(frame)) // step)
    worst, middle = grouped.max().max(axis=1), grouped.median().median(axis=1)
    x = clock(frame.index[::step])
    named = [f"{escape(name)}" for name in frame.columns[frame.fillna(-np.inf).to_numpy().argmax(axis=1)][::step]]
    traces = [
        line(x, worst, "most loaded branch", "$c2", 1, text=named, hovertemplate="%{y:.1f} %<br>%{text}"),
        line(x, middle, "middle of all branches", "$c1", 1, hovertemplate="%{y:.1f} %"),
    ]
    shape, note = limit_line(limit, f"limit {limit:g} %")
    layout = {
        "shapes": [shape],
        "annotations": [note],
        "yaxis": {"title": {"text": "loading [%]"}, "rangemode": "tozero"},
    }
    return plots([plot(traces, layout)])


def _voltage(frame: pd.DataFrame, low: float, high: float) -> Figure | None:
    step = stride(len(frame))
    grouped = frame.groupby(np.arange(len(frame)) // step)
    x = clock(frame.index[::step])
    lowest, highest, middle = grouped.min().min(axis=1), grouped.max().max(axis=1), grouped.median().median(axis=1)
    band = {"width": 1.2}
    traces = [
        line(x, highest, "highest bus", "$c1", 4, line=band, hovertemplate="%{y:.3f}"),
        line(x, lowest, "lowest bus", "$c2", 4, line=band, fill="tonexty", fillcolor="$band", hovertemplate="%{y:.3f}"),
        line(x, middle, "middle", "$ink", 4, line={"width": 1.5}, hovertemplate="%{y:.3f}"),
    ]
    marks = [limit_line(low, f"{low:g} p.u."), limit_line(high, f"{high:g} p.u.")]
    layout = {
        "shapes": [shape for shape, _ in marks],
        "annotations": [note for _, note in marks],
        "yaxis": {"title": {"text": "voltage [p.u.]"}},
    }
    return plots([plot(traces, layout)])


def _skeleton(results: Results, carrier: Carrier, columns: list[str], branch_columns: list[str]) -> Figure | None:
    """Return places and branches of a network, aligned to the recorded arrays."""
    nodes = results.nodes[results.nodes["carrier"] == carrier]
    branches = results.branches[results.branches["carrier"] == carrier]
    wanted = nodes["node"].isin(columns)
    known = nodes[wanted].drop_duplicates("node")
    number = {name: i for i, name in enumerate(columns)}
    ends = [(number.get(a), number.get(b)) for a, b in zip(branches["from_node"], branches["to_node"], strict=True)]
    edges = [(a, b) for a, b in ends if a is not None and b is not None]
    place = place_nodes(
        len(columns), dict(zip(known["node"].map(number), known[["x", "y"]].to_numpy(), strict=True)), edges
    )
    if place is None:
        return None
    column = {name: i for i, name in enumerate(branch_columns)}
    drawn = [
        (a, b, column.get(name, -1), name)
        for (a, b), name in zip(ends, branches["branch"], strict=True)
        if a is not None and b is not None
    ]
    kinds = dict(zip(nodes["node"], nodes["kind"], strict=True))
    return {
        "type": "map",
        "x": plain(place[:, 0], 2),
        "y": plain(place[:, 1], 2),
        "nodes": [str(name) for name in columns],
        "kinds": [str(kinds.get(name, "")) for name in columns],
        "branches": [[a, b, i] for a, b, i, _ in drawn],
        "branch_names": [str(name) for *_, name in drawn],
    }


def _beneath(results: Results, columns: list[str]) -> Figure | None:
    """Return the skeleton of both networks, the grid first, where they lie in the same town; else None."""
    nodes = results.nodes
    boxes = []
    for carrier in ("electricity", "heat"):
        place = nodes.loc[nodes["carrier"] == carrier, ["x", "y"]].to_numpy(dtype=np.float64)
        place = place[np.isfinite(place).all(axis=1)]
        if not len(place) or np.abs(place[:, 0]).max() > HALF_TURN:
            return None
        boxes.append((place.min(axis=0), place.max(axis=0)))
    (low_a, high_a), (low_b, high_b) = boxes
    if (np.maximum(low_a, low_b) > np.minimum(high_a, high_b)).any():
        return None
    grid = [str(n) for n in nodes.loc[nodes["carrier"] == "electricity", "node"].unique()]
    names = [*grid, *columns]
    number = {("electricity", n): i for i, n in enumerate(grid)}
    number |= {("heat", n): len(grid) + i for i, n in enumerate(columns)}
    table = results.branches
    ends = [
        (number.get((str(c), a)), number.get((str(c), b)), str(name))
        for c, a, b, name in zip(table["carrier"], table["from_node"], table["to_node"], table["branch"], strict=True)
    ]
    edges = [(a, b, name) for a, b, name in ends if a is not None and b is not None]
    keys = zip(nodes["carrier"].astype(str), nodes["node"], strict=True)
    at = [number.get(key) for key in keys]
    known = {i: xy for i, xy in zip(at, nodes[["x", "y"]].to_numpy(), strict=True) if i is not None}
    kinds = {i: str(kind) for i, kind in zip(at, nodes["kind"], strict=True) if i is not None}
    placed = place_nodes(len(names), known, [(a, b) for a, b, _ in edges])
    if placed is None:
        return None
    return {
        "type": "map",
        "x": plain(placed[:, 0], 2),
        "y": plain(placed[:, 1], 2),
        "nodes": names,
        "kinds": ["junction" if i < len(grid) else kinds.get(i, "") for i in range(len(names))],
        "branches": [[a, b, -1] for a, b, _ in edges],
        "branch_names": [name for *_, name in edges],
    }


def _thin(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[:: stride(len(frame), MOST_MAP_UNITS)]


def _furthest(frame: pd.DataFrame, middle: float) -> np.ndarray:
    """Return, for each column, the value furthest from ``middle``."""
    values = frame.to_numpy(dtype=np.float64)
    away = np.where(np.isfinite(values), np.abs(values - middle), -1.0)
    return np.asarray(values[away.argmax(axis=0), np.arange(values.shape[1])])
