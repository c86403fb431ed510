"""A district heating network without any market: a cold morning after a night setback.

Run it with ``python scenarios/heat_network_alone.py``.
"""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd

from rexnet_grid.rexdynnet import HeatNetwork, Pipe


def pipe(length_m: float, inner_diameter_m: float) -> Pipe:
    """Return a buried steel pipe with 40 mm of foam."""
    return Pipe(
        length_m=length_m,
        inner_diameter_m=inner_diameter_m,
        wall_thickness_m=0.003,
        wall_density=7850,
        wall_heat_capacity=480,
        insulation_thickness_m=0.04,
        insulation_conductivity=0.03,
        outer_film=None,
    )


def street() -> HeatNetwork:
    """Return a plant and three buildings along one main."""
    graph = nx.Graph()
    graph.add_node("plant", kind="plant")
    before = "plant"
    for number, house in enumerate(("school", "library", "pool")):
        corner = f"corner {number}"
        graph.add_node(corner, kind="junction")
        graph.add_edge(before, corner, pipe=pipe(250.0, 0.08))
        graph.add_node(house, kind="substation")
        graph.add_edge(corner, house, pipe=pipe(30.0, 0.04))
        before = corner
    return HeatNetwork.from_graph(graph)


def main() -> None:
    """Simulate a day and print how the warm front of the morning reaches the buildings."""
    hours = pd.date_range("2026-01-13", periods=97, freq="15min", tz="Europe/Berlin")
    night = np.asarray(hours.hour < 5)
    supply = pd.Series(np.where(night, 65.0, 80.0), hours)
    share = np.where(night, 0.4, 1.0)
    demand = pd.DataFrame({"school": 60.0 * share, "library": 30.0 * share, "pool": 90.0 * share}, hours)
    day = street().simulate(
        hours[0],
        hours[-1],
        dt_s=900,
        heat_demand_kw=demand,
        return_temperature_c=45.0,
        supply_temperature_c=supply,
        ground_c=8.0,
        initial_c=65.0,
    )
    print("supply temperature [degC]")
    print(day.supply_c.loc["2026-01-13 04:30":"2026-01-13 06:30", ["plant", "school", "pool"]].round(1).to_string())
    served = float(demand.iloc[1:].sum().sum()) / 4.0
    print(f"\nheat served {served:.0f} kWh, lost {float(day.loss_kw.sum()) / 4.0:.0f} kWh")
    print(f"not served {float(day.unserved_kw.sum().sum()) / 4.0:.3f} kWh")


if __name__ == "__main__":
    main()
