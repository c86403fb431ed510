"""Heat over the day: temperatures through the network, and how warm people had it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from rexnet_grid.report.section import Figure, Section, clock, escape, limit_line, line, plain, plot, plots, stride

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.results import Results

ROOM = "room_c"


def temperatures(results: Results) -> list[Section]:
    """Return supply and return temperatures over time, and along the way from the plant."""
    arrays = results.heat.arrays
    if "supply_c" not in arrays:
        return []
    supply = results.heat.supply_c
    step = stride(len(supply))
    x = clock(supply.index[::step])
    traces = [*_band(x, supply.iloc[::step], "supply", "$hot", "$hotband")]
    if "return_c" in arrays:
        traces += _band(x, results.heat.return_c.iloc[::step], "return", "$cold", "$coldband")
    floor = results.manifest.number("scenario", "heat", "supply_min_c")
    marks = [limit_line(floor, f"least supply {floor:g} °C")] if floor is not None else []
    layout: Figure = {
        "yaxis": {"title": {"text": "temperature [°C]"}},
        "shapes": [shape for shape, _ in marks],
        "annotations": [note for _, note in marks],
    }
    sentence = (
        "Supply and return water over the day: the line is the middle of all places, the band reaches from the "
        "coldest to the warmest. Where nobody draws heat the water stands and cools; that breaks no limit."
    )
    over_time = Section(
        "temperatures", "Supply and return temperatures", sentence, plots([plot(traces, layout)]), half=True
    )
    sentence = (
        "Supply temperature at every place, ordered by its distance from the plant: fronts that leave the plant "
        "travel upwards with a delay."
    )
    along = Section("fronts", "Fronts through the heat network", sentence, plots([_along(results, supply)]), half=True)
    return [over_time, along]


def control(results: Results) -> Section | None:
    """Return what the flow controller planned, what came of it, and what it cost in losses and pumping."""
    arrays = results.heat.arrays
    if not {"set_supply_c", "plant_supply_c", "pump_kw", "loss_kw"} <= set(arrays):
        return None
    chosen = ("set_supply_c", "plant_supply_c", "pump_head_pa", "set_head_pa", "pump_kw", "loss_kw")
    table = {name: results.table(f"heat/{name}").drop(columns="unit", errors="ignore").iloc[:, 0] for name in chosen}
    step = stride(len(table["pump_kw"]))
    shown = {name: values.iloc[::step] for name, values in table.items()}
    x = clock(shown["pump_kw"].index)
    warmth = [
        line(x, shown["set_supply_c"], "planned", "$muted", 2, hovertemplate="%{y:.1f} °C"),
        line(x, shown["plant_supply_c"], "main plant", "$hot", 2, hovertemplate="%{y:.1f} °C"),
    ]
    heads = [
        line(x, shown["set_head_pa"] / 1000.0, "set", "$muted", 2, hovertemplate="%{y:.0f} kPa"),
        line(x, shown["pump_head_pa"] / 1000.0, "worst way", "$c1", 2, hovertemplate="%{y:.0f} kPa"),
    ]
    costs = [
        line(x, shown["loss_kw"], "lost to the ground", "$c3", 2, hovertemplate="%{y:.2f} kW"),
        line(x, shown["pump_kw"], "pump", "$c1", 3, hovertemplate="%{y:.2f} kW"),
    ]
    choices = [
        plot(warmth, {"yaxis": {"title": {"text": "supply temperature [°C]"}}}, "Supply temperature"),
        plot(heads, {"yaxis": {"title": {"text": "head [kPa]"}}}, "Pump head"),
        plot(costs, {"yaxis": {"title": {"text": "power [kW]"}}}, "Loss and pumping"),
    ]
    hours = results.manifest.grid.hours
    kind = results.manifest.scenario.get("heat", {}).get("controller", {}).get("kind", "curve")
    sentence = (
        f"Run by the {escape(str(kind))}: planned and real supply temperature of the main plant, the pump's head, and "
        f"what both cost: {float(table['loss_kw'].sum()) * hours:.1f} kWh lost, "
        f"{float(table['pump_kw'].sum()) * hours:.1f} kWh pumped."
    )
    if "above_boiling_pa" in arrays:
        pressures, told = _pressures(results, step)
        choices, sentence = [*choices, pressures], f"{sentence} {told}"
    return Section("control", "Flow control", sentence, plots(choices))


def _pressures(results: Results, step: int) -> tuple[Figure, str]:
    """Return a figure of the absolute pressures in the network, and a sentence on how near water came to boiling."""
    names = ("lowest_pressure_pa", "highest_pressure_pa", "above_boiling_pa")
    low, high, left = (
        results.table(f"heat/{name}").drop(columns="unit", errors="ignore").iloc[:, 0] / 1e5 for name in names
    )
    x = clock(low.index[::step])
    traces = [
        line(x, high.iloc[::step], "highest", "$c1", 2, hovertemplate="%{y:.2f} bar"),
        line(x, low.iloc[::step], "lowest", "$c3", 2, hovertemplate="%{y:.2f} bar"),
        line(x, left.iloc[::step], "above boiling", "$hot", 2, hovertemplate="%{y:.2f} bar"),
    ]
    margin = (results.manifest.number("scenario", "heat", "pressure", "margin_pa") or 0.0) / 1e5
    near = int((left < margin).sum())
    told = f"The least that was left above boiling is {float(left.min()):.2f} bar"
    told += f"; less than {margin:g} bar in {near} units." if near else "."
    return plot(traces, {"yaxis": {"title": {"text": "absolute pressure [bar]"}}}, "Pressure"), told


def comfort(results: Results) -> Section | None:
    """Return the band of room temperatures with the outdoor air."""
    rooms = results.devices[results.devices["quantity"] == ROOM]
    if rooms.empty:
        return None
    wide = rooms.pivot_table(index="time", columns="participant", values="value", aggfunc="mean")
    wide = wide.iloc[:: stride(len(wide))]
    x = clock(wide.index)
    low, high = wide.quantile(0.1, axis=1), wide.quantile(0.9, axis=1)
    thin = {"width": 0}
    traces = [
        line(
            x, wide.max(axis=1), "warmest", "$muted", 2, line={"width": 1, "dash": "dot"}, hovertemplate="%{y:.1f} °C"
        ),
        line(x, high, "nine in ten below", "$c1", 2, line=thin, showlegend=False, hovertemplate="%{y:.1f} °C"),
        line(
            x,
            low,
            "eight rooms in ten",
            "$c1",
            2,
            line=thin,
            fill="tonexty",
            fillcolor="$band",
            hovertemplate="%{y:.1f} °C",
        ),
        line(x, wide.median(axis=1), "middle room", "$c1", 2, hovertemplate="%{y:.1f} °C"),
        line(x, wide.min(axis=1), "coldest", "$c3", 2, line={"width": 1, "dash": "dot"}, hovertemplate="%{y:.1f} °C"),
    ]
    layout: Figure = {"yaxis": {"title": {"text": "room [°C]"}}}
    if not results.weather.empty:
        outdoor = results.weather["outdoor_c"].iloc[:: stride(len(results.weather))]
        traces.append(
            line(clock(outdoor.index), outdoor, "outdoor air", "$cold", 1, yaxis="y2", hovertemplate="%{y:.1f} °C")
        )
        layout["yaxis"]["domain"] = [0.34, 1]
        layout["xaxis"] = {"anchor": "y2"}
        layout["yaxis2"] = {"title": {"text": "outdoor [°C]"}, "domain": [0, 0.24]}
    sentence = (
        f"How warm it was in the {wide.shape[1]} heated homes, from the coldest to the warmest, above the outdoor air "
        "of the day."
    )
    return Section("comfort", "Comfort", sentence, plots([plot(traces, layout, height=380)]))


def _band(x: list[str], frame: pd.DataFrame, name: str, colour: str, fill: str) -> list[Figure]:
    thin, hover = {"width": 0}, "%{y:.1f} °C"
    return [
        line(x, frame.max(axis=1), f"warmest {name}", colour, 2, line=thin, showlegend=False, hovertemplate=hover),
        line(
            x,
            frame.min(axis=1),
            f"coldest {name}",
            colour,
            2,
            line=thin,
            showlegend=False,
            fill="tonexty",
            fillcolor=fill,
            hovertemplate=hover,
        ),
        line(x, frame.median(axis=1), name, colour, 2, hovertemplate=hover),
    ]


def _along(results: Results, supply: pd.DataFrame) -> Figure:
    """Return the supply temperature as a picture: time across, places by distance from the plant upwards."""
    away = _distance_from_plant(results)
    order = sorted(supply.columns, key=lambda name: (away.get(name, np.inf), str(name)))
    shown = supply[order].iloc[:: stride(len(supply), 400)]
    names = [f"{escape(name)} ({away[name]:.0f} m)" if name in away else escape(name) for name in order]
    trace = {
        "type": "heatmap",
        "x": clock(shown.index),
        "y": names,
        "z": plain(shown.to_numpy().T, 2),
        "colorscale": [[0, "$cold"], [0.5, "$warn"], [1, "$hot"]],
        "colorbar": {"thickness": 10, "outlinewidth": 0, "ticksuffix": " °C"},
        "hovertemplate": "%{y}<br>%{x|%H:%M}  %{z:.1f} °C<extra></extra>",
    }
    return plot(
        [trace],
        {
            "showlegend": False,
            "yaxis": {"showticklabels": len(order) <= 30, "tickfont": {"size": 9}, "automargin": True},
        },
    )


def _distance_from_plant(results: Results) -> dict[str, float]:
    """Return the length of the shortest way from a plant to each node [m]."""
    graph: nx.Graph = nx.Graph()
    pipes = results.branches[results.branches["carrier"] == "heat"]
    for start, end, length in zip(pipes["from_node"], pipes["to_node"], pipes["length_m"], strict=True):
        graph.add_edge(start, end, weight=float(length) if np.isfinite(length) else 0.0)
    nodes = results.nodes[(results.nodes["carrier"] == "heat") & (results.nodes["kind"].isin(["plant", "supply"]))]
    plants = [name for name in nodes["node"] if name in graph]
    if not plants:
        return {}
    away = nx.multi_source_dijkstra_path_length(graph, plants)
    return {str(name): float(length) for name, length in away.items()}
