"""Power flow against peers: injections in, voltages and loadings out, one thread, all in one run.

Run in an environment that has the peers (each one that is missing is skipped and said)::

    python -m pip install power-grid-model power-grid-model-io lightsim2grid
    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/bench_electric.py [--smoke]

Peers: pandapower ``runpp`` with its defaults and a table row changed; lightsim2grid's grid model called directly, once
with as little as gives voltages and the currents of lines (active power in), once with what ours does (active and
reactive power in, the currents of transformers and the magnitudes of voltages as well), both from the solution of the
base case; power-grid-model's single Newton call and its sequential batch. Every repetition changes the injections. A
figure is the median processor time over repetitions, and ours is taken again next to each peer, so that a busy machine
slows both.
"""

from __future__ import annotations

import argparse
import copy
import os
import time
import warnings
from functools import partial

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
warnings.filterwarnings("ignore")

GRIDS = (
    "case9",
    "case14",
    "case30",
    "case57",
    "kerber_landnetz_freileitung_2",
    "kerber_landnetz_kabel_2",
    "case33bw",
    "cigre_lv",
    "kb_extrem_landnetz_kabel_trafo",
    "lv_schutterwald:0",
    "kerber_dorfnetz",
    "lv_schutterwald:4",
    "lv_schutterwald:1",
    "lv_schutterwald:9",
    "ieee_european_lv",
)
BATCH = 500


def median_seconds(function, repetitions: int) -> float:
    """Return the median processor time of a call; short ones are taken twenty at a time."""
    function(0)
    start = time.process_time()
    function(1)
    block = 20 if time.process_time() - start < 1e-3 else 1
    times = []
    for k in range(max(3, repetitions // block)):
        start = time.process_time()
        for call in range(block):
            function(block * k + call)
        times.append((time.process_time() - start) / block)
    return float(np.median(times))


def pandapower_net(name: str):
    from rexnet_grid.electric.pandapower_builtin import builtin_net

    station = name.partition(":")[2]
    return builtin_net(name.partition(":")[0], int(station) if station else None)


def runpp(net, scale):
    import pandapower as pp

    work = copy.deepcopy(net)
    base = work.load.p_mw.to_numpy().copy()

    def call(k):
        work.load["p_mw"] = base * scale[k % len(scale)]
        pp.runpp(work)
        return work.res_line.loading_percent

    return call


def lightsim(net, scale):
    from lightsim2grid.gridmodel import init_from_pandapower

    work = copy.deepcopy(net)
    import pandapower as pp

    pp.runpp(work, lightsim2grid=False)
    grid = init_from_pandapower(work)
    p, q = (work.load[c].to_numpy().astype(float) for c in ("p_mw", "q_mvar"))
    start = work.res_bus.vm_pu.to_numpy() * np.exp(1j * np.radians(work.res_bus.va_degree.to_numpy()))
    changed = np.ones(len(p), dtype=bool)

    def solve():
        voltage = grid.ac_pf(start, 20, 1e-8)
        if not len(voltage):
            raise RuntimeError("no solution")
        return voltage

    def least(k):
        grid.update_loads_p(changed, (p * scale[k % len(scale)]).astype(np.float32))
        return solve(), grid.get_line_res1()

    def all_of_it(k):
        grid.update_loads_p(changed, (p * scale[k % len(scale)]).astype(np.float32))
        grid.update_loads_q(changed, (q * scale[k % len(scale)]).astype(np.float32))
        return np.abs(solve()), grid.get_line_res1(), grid.get_trafo_res1()

    return least, all_of_it


def power_grid(net, scale):
    from power_grid_model import CalculationMethod, PowerGridModel, initialize_array
    from power_grid_model_io.converters import PandaPowerConverter

    data, _ = PandaPowerConverter().load_input_data(copy.deepcopy(net), make_extra_info=False)
    model = PowerGridModel(data, system_frequency=net.f_hz)
    ids, base = data["sym_load"]["id"], data["sym_load"]["p_specified"]

    def single(k):
        update = initialize_array("update", "sym_load", len(ids))
        update["id"], update["p_specified"] = ids, base * scale[k % len(scale)]
        model.update(update_data={"sym_load": update})
        out = model.calculate_power_flow(error_tolerance=1e-8, calculation_method=CalculationMethod.newton_raphson)
        return out["line"]["loading"]

    many = initialize_array("update", "sym_load", (BATCH, len(ids)))
    many["id"] = ids
    many["p_specified"] = base * np.resize(scale, BATCH)[:, None]

    def batch(_):
        return model.calculate_power_flow(
            update_data={"sym_load": many},
            error_tolerance=1e-8,
            threading=-1,
            calculation_method=CalculationMethod.newton_raphson,
        )["line"]["loading"]

    return single, batch


def ours(net, scale):
    from rexnet_grid.electric import ElectricNetwork

    grid = ElectricNetwork.from_pandapower(net)
    kw, kvar = grid.base_injection()
    cases = kw * np.resize(scale, BATCH)[:, None]
    steady = np.tile(kvar, (BATCH, 1))

    def single(k):
        flow = grid.power_flow(kw * scale[k % len(scale)], kvar)
        return flow.vm_pu, flow.loading_percent

    def batch(_):
        flow = grid.power_flow(cases, steady)
        return flow.vm_pu, flow.loading_percent

    return len(kw), single, batch


def year_and_headroom(smoke: bool) -> None:
    from rexnet_grid.electric import ElectricDelivery, ElectricNetwork

    grid = ElectricNetwork.from_builtin("lv_schutterwald:1", supply_vm_pu=1.0)
    kw, kvar = grid.base_injection()
    steps = 960 if smoke else 35040
    rng = np.random.default_rng(0)
    share = rng.uniform(0.2, 1.2, (steps, 1))
    grid.power_flow(kw, kvar)
    start = time.process_time()
    for part in np.array_split(share, max(1, steps // 2000)):
        grid.power_flow(kw * part, kvar * part)
    print(f"\n{steps} quarter hours of lv_schutterwald:1: {time.process_time() - start:.2f} s")
    delivery = ElectricDelivery(grid)
    n = len(delivery.nodes)
    positions = [-rng.random((96, n)) for _ in range(5 if smoke else 30)]
    delivery.headroom(range(96), positions[0])
    for name in ("headroom", "signal"):
        times = []
        for position in positions:
            start = time.process_time()
            getattr(delivery, name)(range(96), position)
            times.append(time.process_time() - start)
        print(f"{name} of 96 open units: median {1e3 * np.median(times):.1f} ms, fastest {1e3 * min(times):.1f} ms")


CHANGING = ("cigre_mv", "mv_oberrhein", "lv_schutterwald:1", "ieee_european_lv")


def changes(smoke: bool) -> None:
    """Print how long a trip, a switch and a tap take until the network is solved, and what making all anew takes."""
    print("\nfrom the change to the solution [ms]; columns of the factor made anew by a trip; all anew")
    for name in CHANGING[:1] if smoke else CHANGING:
        print(f"{name:20s}{changes_of(name)}", flush=True)


def changes_of(name: str) -> str:
    from rexnet_grid.electric import ElectricNetwork
    from rexnet_grid.electric.catalogue import builtin_pandapower_net
    from rexnet_grid.electric.solver import Factor

    net = ElectricNetwork.from_builtin(name)
    case, injection = net.case, net.base_injection()
    lines = [str(n) for n in net.branches if n.startswith("line")]
    owners = case.branch_name[case.edge_branch[case.tap_edge]]
    cases = {
        "trip": [{"out": [line]} for line in np.random.default_rng(0).permutation(lines)[:40]],
        "opens": [{"out": [str(n)]} for n in case.switch_name[:40]],
        "closes": [{"closed": [str(n)]} for n in case.switch_open[:40]],
        "tap": [{"taps": {str(owner): position}} for owner in owners for position in (-1, 1)],
    }

    def change(k, steps):
        net.changed(**steps[k % len(steps)]).power_flow(*injection)

    text, renewed = "", []
    for kind, steps in cases.items():
        text += f" | {kind} {1e3 * median_seconds(partial(change, steps=steps), 80):5.2f}" if steps else ""
    for step in cases["trip"]:
        tripped = net.changed(**step)
        renewed.append(net.wiring.renewed)
    anew = 1e3 * median_seconds(lambda _: Factor.of(tripped.case), 40)
    pp_net = builtin_pandapower_net(name)
    again = 1e3 * median_seconds(lambda _: ElectricNetwork.from_pandapower(pp_net), 2)
    text += f" | {np.median(renewed):.0f} of {net.wiring.columns} columns"
    return f"{text} | factor {anew:.2f}, from pandapower's tables {again:.0f}"


def line_for(name: str, smoke: bool) -> str:
    net = pandapower_net(name)
    scale = np.random.default_rng(0).uniform(0.7, 1.1, 50)
    n, single, batch = ours(net, scale)
    repetitions = 20 if smoke else 300
    text = f"{name:30s} {n:4d}"
    mine = median_seconds(single, repetitions)
    theirs = median_seconds(runpp(net, scale), 3 if smoke else 20)
    text += f" | {1e6 * mine:7.0f} us | {theirs / mine:6.0f}x"
    try:
        for call in lightsim(net, scale):
            theirs = median_seconds(call, repetitions)
            mine = median_seconds(single, repetitions)
            text += f" | {theirs / mine:7.2f}x"
    except (ImportError, RuntimeError, AttributeError, TypeError, ValueError) as error:
        text += f" | {type(error).__name__[:8]:>8s}" * 2
    try:
        single_peer, batch_peer = power_grid(net, scale)
        theirs, mine = median_seconds(single_peer, repetitions), median_seconds(single, repetitions)
        text += f" | {theirs / mine:6.1f}x"
        theirs, mine = median_seconds(batch_peer, 2 if smoke else 5), median_seconds(batch, 2 if smoke else 5)
        text += f" | {1e6 * mine / BATCH:7.1f} us | {theirs / mine:5.2f}x"
    except (ImportError, RuntimeError, KeyError, ValueError) as error:
        text += f" | {type(error).__name__}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a few seconds, two grids")
    parser.add_argument("--only", nargs="*", default=list(GRIDS), metavar="NAME", help="these grids alone")
    arguments = parser.parse_args()
    smoke = arguments.smoke
    print("how many times the peer's time is ours; single calls, then batches of", BATCH)
    print(f"{'grid':30s}  bus |    ours    | runpp  | ls least | lightsim | pgm one | ours/case | pgm batch")
    for name in GRIDS[:2] if smoke else arguments.only:
        print(line_for(name, smoke), flush=True)
    if len(arguments.only) == len(GRIDS):
        changes(smoke)
        year_and_headroom(smoke)


if __name__ == "__main__":
    main()
