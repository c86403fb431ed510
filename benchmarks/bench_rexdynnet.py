"""How long a year of a heat network takes: python benchmarks/bench_rexdynnet.py [--smoke] [--peer-s SECONDS].

DESTEST (24 routes, 48 pipes) in quarter hours and minutes, one step() call, a meshed network of 500 routes (1,000
pipes). The settings are those of the validation cases; there are no others. Times are of one core, the best of three
after compilation.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd

from rexnet_grid.rexdynnet import HeatNetwork
from rexnet_grid.rexdynnet.catalogue import catalogue_pipe

ROOT = Path(__file__).resolve().parents[1]
START = pd.Timestamp("2026-01-01", tz="UTC")
YEAR_S = 365 * 86400


def demand(network, steps, dt_s):
    """Daily and yearly swing with an own noise for each house [kW]."""
    rng = np.random.default_rng(1)
    hours = np.arange(steps) * dt_s / 3600.0
    shape = 4.0 + 3.0 * np.cos(hours * 2 * np.pi / 8760) + 1.5 * np.cos((hours - 7) * 2 * np.pi / 12)
    index = pd.date_range(START, periods=steps, freq=pd.Timedelta(seconds=dt_s))
    table = {
        name: np.clip(shape * rng.uniform(0.6, 1.4) + rng.normal(0.0, 0.3, steps), 0.3, None)
        for name in network.substation_names
    }
    return pd.DataFrame(table, index=index)


def mesh(side=16, rings=23):
    """Streets in a grid: a tree of side x side nodes, closed by some rings."""
    rng = np.random.default_rng(2)
    graph = nx.Graph()
    for x in range(side):
        for y in range(side):
            graph.add_node(f"{x},{y}", kind="junction")
    graph.nodes["0,0"]["kind"] = "plant"

    def link(a, b, size):
        graph.add_edge(a, b, pipe=catalogue_pipe(size, float(rng.uniform(20, 60))))

    for x in range(side):
        for y in range(1, side):
            link(f"{x},{y - 1}", f"{x},{y}", "DN65" if y < side // 2 else "DN40")
        if x:
            link(f"{x - 1},0", f"{x},0", "DN150")
    for k in range(rings):
        x, y = k % (side - 1), 3 + (k // (side - 1)) * 5
        link(f"{x},{y}", f"{x + 1},{y}", "DN50")
    for k in range(500 - graph.number_of_edges()):
        at = f"{k % side},{k // side % side}"
        graph.add_node(f"house {k}", kind="substation")
        link(at, f"house {k}", "DN20")
    return HeatNetwork.from_graph(graph)


def timed(network, steps, dt_s, repeats):
    table = demand(network, steps + 1, dt_s)
    best = np.inf
    for _ in range(repeats):
        start = time.perf_counter()
        run = network.simulate(
            table.index[0], table.index[-1], dt_s, heat_demand_kw=table, return_temperature_c=40.0,
            supply_temperature_c=75.0, ground_c=10.0,
        )  # fmt: skip
        best = min(best, time.perf_counter() - start)
    return best, run


def write_tape(network, file, days=4):
    """Write some days of DESTEST and what we make of them, for ``peer_pandapipes.py``."""
    steps = 96 * days
    table = demand(network, steps + 1, 900.0)
    forcing = {"return_temperature_c": 40.0, "supply_temperature_c": 75.0, "ground_c": 10.0}
    first = table.iloc[0].to_dict()
    steady = network.simulate(START, START + pd.Timedelta(days=2), 900.0, heat_demand_kw=first, **forcing)
    spent = []
    for _ in range(5):
        begin = time.process_time()
        run = network.simulate(table.index[0], table.index[-1], 900.0, heat_demand_kw=table, **forcing)
        spent.append(time.process_time() - begin)
    layout, nodes = network.layout(), list(network.nodes)
    houses = list(network.substation_names)
    pipes = [
        (a, b, pipe.length_m, pipe.inner_diameter_m, 1.0 / pipe.loss_resistance_mk_w, pipe.roughness_m)
        for a, b, pipe in zip(
            layout.pipe_from, layout.pipe_to, (d["pipe"] for *_, d in network.graph.edges(data=True)), strict=True
        )
    ]
    np.savez(
        file, nodes=len(nodes), pipes=np.array(pipes), plant=nodes.index(network.plant_names[0]),
        houses=[nodes.index(name) for name in houses], demand_kw=table.to_numpy()[:-1], ground_c=10.0, supply_c=75.0,
        return_c=40.0, fluid=layout.fluid[:3], steady_c=steady.supply_c[houses].to_numpy()[-1],
        steady_pa=steady.pump_head_pa.iloc[-1] / 2.0, days_c=run.supply_c[houses].to_numpy(),
        step_s=min(spent) / steps,
    )  # fmt: skip


def report(name, seconds, steps, dt_s, run):
    year = seconds * YEAR_S / (steps * dt_s)
    print(f"{name:34s} {seconds:8.2f} s {seconds / steps * 1e6:9.1f} us/step {year:9.2f} s/year", end="  ")
    print(f"balance {run.balance_error.max():.1e}")
    return year


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--peer-s", type=float, help="a peer's measured time for the DESTEST year, for the ratio")
    parser.add_argument("--tape", type=Path, help="only write some days for peer_pandapipes.py into this file")
    options = parser.parse_args()
    share = 200 if options.smoke else 1
    repeats = 1 if options.smoke else 3
    destest = HeatNetwork.from_csv(ROOT / "networks" / "heat" / "destest")
    timed(destest, 10, 900.0, 1)
    if options.tape is not None:
        write_tape(destest, options.tape)
        return
    steps = 35040 // share
    seconds, run = timed(destest, steps, 900.0, repeats)
    year = report("DESTEST, quarter hours", seconds, steps, 900.0, run)
    if options.peer_s:
        print(f"  ratio to the peer: {options.peer_s / year:.0f}")
    steps = 525600 // (12 * share)
    seconds, run = timed(destest, steps, 60.0, 1)
    report("DESTEST, minutes (a month)", seconds, steps, 60.0, run)
    sim = destest.start(60.0)
    kw = np.full(16, 5.0)
    calls = 200 if options.smoke else 5000
    start = time.perf_counter()
    for _ in range(calls):
        sim.step(900.0, kw)
    print(f"{'one step() call':34s} {(time.perf_counter() - start) / calls * 1e6:8.1f} us")
    large = mesh()
    steps = 96 if options.smoke else 960
    seconds, run = timed(large, steps, 900.0, 1)
    report(f"mesh, {len(large.pipes)} routes, quarter hours", seconds, steps, 900.0, run)


if __name__ == "__main__":
    main()
