"""How long a year of a heat network takes: python benchmarks/bench_rexdynnet.py [--smoke] [--profile CSV].

DESTEST (24 routes, 48 pipes) in quarter hours and minutes, one step() call, a meshed network of 500 routes (1,000
pipes). The settings are those of the validation cases; there are no others. Processor time of one core after
compilation, `simulate` with its set-up and all its tables. ``--profile`` names DESTEST's published demand of one
building (seconds, W); ``--tape`` writes winter and summer days for ``peer_pandapipes.py``.
"""

from __future__ import annotations

import argparse
import gc
import resource
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
FORCING = {"return_temperature_c": 40.0, "supply_temperature_c": 75.0, "ground_c": 10.0}


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


def published(network, file):
    """One building's measured demand for every house, each with a size of its own [kW], for a year.

    Where the file ends before the year does, its first days follow backwards: autumn as spring.
    """
    one = pd.read_csv(file)
    kw = pd.Series(1e-3 * one.iloc[:, 1].to_numpy(), START + pd.to_timedelta(one.iloc[:, 0], unit="s"))
    year = pd.date_range(START, START + pd.Timedelta(days=365), freq=kw.index[1] - kw.index[0])
    back = kw.iloc[: max(len(year) - len(kw), 0)].iloc[::-1]
    whole = np.concatenate((kw.to_numpy(), back.to_numpy()))[: len(year)]
    size = np.random.default_rng(1).uniform(0.6, 1.4, len(network.substation_names))
    return pd.DataFrame(whole[:, None] * size, index=year, columns=list(network.substation_names))


def timed(network, table, steps, dt_s, repeats=1):
    """Return the least processor time of some runs over a table [s], and the last run."""
    best = np.inf
    end = table.index[0] + pd.Timedelta(seconds=steps * dt_s)
    for _ in range(repeats):
        gc.collect()
        start = time.process_time()
        run = network.simulate(table.index[0], end, dt_s, heat_demand_kw=table, **FORCING)
        best = min(best, time.process_time() - start)
    return best, run


def timed_months(network, days):
    """Return the processor time of some days of each month and their number of steps; every month is set up anew."""
    year = demand(network, 35041, 900.0)
    spent = 0.0
    for month in range(12):
        begin = month * 2920
        seconds, run = timed(network, year.iloc[begin : begin + 96 * days + 1], 96 * days, 900.0)
        spent += seconds
    return spent, 12 * 96 * days, run


def years_of_steps(network, years):
    """Step DESTEST through some years; return the growth of memory after the first days [MB] and the parcels held."""
    sim = network.start(60.0)
    kw = demand(network, 35040, 900.0).to_numpy()
    before = 0.0
    parcels = []
    for k in range(years * len(kw)):
        sim.step(900.0, kw[k % len(kw)], 40.0, 75.0, 10.0)
        if k % 2920 == 2919:
            parcels.append(sim.parcels)
        if k == 2919:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024.0, parcels


def write_tape(network, file, days=3):
    """Write winter and summer days of DESTEST and what we make of them, for ``peer_pandapipes.py``."""
    year = demand(network, 35041, 900.0)
    half = 96 * days
    table = pd.concat([year.iloc[:half], year.iloc[17520 : 17520 + half + 1]])
    table.index = year.index[: 2 * half + 1]
    steps = 2 * half
    first = table.iloc[0].to_dict()
    steady = network.simulate(START, START + pd.Timedelta(days=2), 900.0, heat_demand_kw=first, **FORCING)
    spent, run = timed(network, table, steps, 900.0, 5)
    whole, _ = timed(network, year, 35040, 900.0, 3)
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
        step_s=spent / steps, year_s=whole,
    )  # fmt: skip


def report(name, seconds, steps, dt_s, run):
    year = seconds * YEAR_S / (steps * dt_s)
    print(f"{name:34s} {seconds:8.2f} s {seconds / steps * 1e6:9.1f} us/step {year:9.2f} s/year", end="  ")
    print(f"balance {run.balance_error.max():.1e}")
    return year


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--profile", type=Path, help="DESTEST's published demand of one building")
    parser.add_argument("--mesh-year", action="store_true", help="all of the meshed network's year in one run")
    parser.add_argument("--memory", type=int, metavar="YEARS", help="only step DESTEST through some years")
    parser.add_argument("--tape", type=Path, help="only write some days for peer_pandapipes.py into this file")
    options = parser.parse_args()
    share = 200 if options.smoke else 1
    repeats = 1 if options.smoke else 3
    destest = HeatNetwork.from_csv(ROOT / "networks" / "heat" / "destest")
    timed(destest, demand(destest, 11, 900.0), 10, 900.0)
    if options.tape is not None:
        write_tape(destest, options.tape)
        return
    if options.memory is not None:
        grown, parcels = years_of_steps(destest, options.memory)
        print(f"{options.memory} years of step(): memory grew by {grown:.1f} MB, parcels held {parcels[-12:]}")
        return
    steps = 35040 // share
    seconds, run = timed(destest, demand(destest, steps + 1, 900.0), steps, 900.0, repeats)
    report("DESTEST, quarter hours, noise", seconds, steps, 900.0, run)
    if options.profile is not None:
        seconds, run = timed(destest, published(destest, options.profile), steps, 900.0, repeats)
        report("DESTEST, quarter hours, published", seconds, steps, 900.0, run)
    steps = 525600 // (12 * share)
    for name, begin in (("January", 0), ("July", 181 * 1440)):
        table = demand(destest, begin + steps + 1, 60.0).iloc[begin:]
        seconds, run = timed(destest, table, steps, 60.0)
        report(f"DESTEST, minutes of {name}", seconds, steps, 60.0, run)
    sim = destest.start(60.0)
    kw = np.full(16, 5.0)
    calls = 200 if options.smoke else 5000
    start = time.process_time()
    for _ in range(calls):
        sim.step(900.0, kw)
    print(f"{'one step() call':34s} {(time.process_time() - start) / calls * 1e6:8.1f} us")
    large = mesh()
    if options.mesh_year:
        steps = 35040
        seconds, run = timed(large, demand(large, steps + 1, 900.0), steps, 900.0)
    else:
        seconds, steps, run = timed_months(large, 1 if options.smoke else 8)
    report(f"mesh, {len(large.pipes)} routes, quarter hours", seconds, steps, 900.0, run)


if __name__ == "__main__":
    main()
