"""Power flow by phase against peers: injections in, voltages, angles, loadings and losses out, one thread, in one run.

Run in an environment with pandapower and power-grid-model::

    OMP_NUM_THREADS=1 python benchmarks/bench_threephase.py [--smoke]

Every load lies on one phase in turn; where a grid has no zero-sequence data it gets four times that of the positive
one. The supply is stiff: behind an impedance ours solves twice, to hold its voltage as ``runpp_3ph`` does and
power-grid-model does not. Peers: ``runpp_3ph`` with its defaults and a table row changed; power-grid-model called
directly with our input, once with its default method (Newton) and once with iterative current, which is ours, and its
sequential batch of either. Every repetition changes the injections; a figure is the median processor time. The largest
difference to ``runpp_3ph`` is printed beside, which stops at a mismatch of 3e-8 times ``sn_mva``.
"""

from __future__ import annotations

import argparse
import copy
import warnings
from functools import partial
from importlib.util import find_spec

import numpy as np
from bench_electric import median_seconds, pandapower_net

warnings.filterwarnings("ignore")

GRIDS = ("kerber_landnetz_kabel_2", "cigre_lv", "lv_schutterwald:0", "lv_schutterwald:1", "ieee_european_lv")
METHODS = ("newton_raphson", "iterative_current")
BATCH = 100
SOURCE = {"s_sc_max_mva": 1e10, "rx_max": 0.1, "x0x_max": 1.0, "r0x0_max": 0.1}
CORE = {"vector_group": "Dyn", "mag0_percent": 100.0, "mag0_rx": 0.0, "si0_hv_partial": 0.9}


def by_phase(name: str):
    """Return a built-in grid with its loads on single phases and all that ``runpp_3ph`` needs."""
    import pandapower as pp

    net = copy.deepcopy(pandapower_net(name))
    net.ext_grid = net.ext_grid.assign(**SOURCE)
    if "r0_ohm_per_km" not in net.line:
        zero = {"r0_ohm_per_km": 4.0 * net.line.r_ohm_per_km, "x0_ohm_per_km": 4.0 * net.line.x_ohm_per_km}
        net.line = net.line.assign(**zero, c0_nf_per_km=net.line.c_nf_per_km)
    net.trafo = net.trafo.assign(**CORE, vk0_percent=net.trafo.vk_percent, vkr0_percent=net.trafo.vkr_percent)
    odd = np.round(net.trafo.shift_degree / 30.0).astype(int) % 2 == 0
    net.trafo.loc[odd, "shift_degree"] = 150.0
    for k, load in enumerate(net.load.itertuples()):
        if load.in_service:
            power = {f"p_{'abc'[k % 3]}_mw": load.p_mw, f"q_{'abc'[k % 3]}_mvar": load.q_mvar}
            pp.create_asymmetric_load(net, load.bus, **power)
    net.load["in_service"] = net.sgen["in_service"] = False
    return net


def line_for(name: str, smoke: bool) -> str:
    import pandapower as pp

    from rexnet_grid.electric.threephase import ThreePhaseNetwork

    net = by_phase(name)
    study = ThreePhaseNetwork.from_pandapower(net)
    kw, kvar = study.base_injection()
    scale = np.random.default_rng(0).uniform(0.2, 0.5, 50)
    many = np.resize(scale, BATCH)[:, None, None]
    repetitions = 5 if smoke else 100

    def ours(k):
        return study.power_flow(kw * scale[k % len(scale)], kvar * scale[k % len(scale)])

    def ours_batch(_):
        return study.power_flow(kw * many, kvar * many)

    table = net.asymmetric_load
    base = table.filter(regex="^[pq]_").copy()

    def runpp_3ph(k):
        net.asymmetric_load = table.assign(**(base * scale[k % len(scale)]))
        pp.runpp_3ph(net)

    mine, theirs = median_seconds(ours, repetitions), median_seconds(runpp_3ph, 3 if smoke else 15)
    runpp_3ph(0)
    apart = np.nanmax(np.abs(ours(0).vm_pu - net.res_bus_3ph[["vm_a_pu", "vm_b_pu", "vm_c_pu"]].to_numpy()))
    text = f"{name:26s} {len(kw):4d} | {1e3 * mine:6.2f} ms | {theirs / mine:5.0f}x | {apart:.0e}"
    for method in METHODS:
        single, batch = direct(net, scale, method)
        theirs, mine = median_seconds(single, repetitions), median_seconds(ours, repetitions)
        text += f" | {theirs / mine:5.2f}x"
        theirs, mine = (median_seconds(call, 1 if smoke else 3) for call in (batch, ours_batch))
        text += f" | {1e3 * mine / BATCH:6.3f} ms | {theirs / mine:5.2f}x"
    return text


def direct(net, scale, method: str):
    """Return a single call and a batch of power-grid-model with the input that ours makes."""
    import power_grid_model as pgm

    from rexnet_grid.electric.pandapower_nets import build_case, with_options
    from rexnet_grid.electric.pandapower_tables import base_by_phase
    from rexnet_grid.electric.threephase_input import input_of

    net = with_options(net, None, None)
    case = build_case(net)
    data = input_of(pgm, case, net).data
    model = pgm.PowerGridModel(data, system_frequency=net.f_hz)
    supplied = case.bus_node >= 0
    watt, var = (-1e3 * power[supplied] for power in base_by_phase(net, case.bus_id))

    def update(shape, factor):
        table = pgm.initialize_array("update", "asym_load", (*shape, len(watt)))
        table["id"], table["p_specified"], table["q_specified"] = data["asym_load"]["id"], factor * watt, factor * var
        return {"asym_load": table}

    many = update((BATCH,), np.resize(scale, BATCH)[:, None, None])
    solve = partial(model.calculate_power_flow, symmetric=False, error_tolerance=1e-9, calculation_method=method)

    def single(k):
        model.update(update_data=update((), scale[k % len(scale)]))
        return solve()["line"]["loading"]

    def batch(_):
        return solve(update_data=many, threading=-1)["line"]["loading"]

    return single, batch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="a few seconds, one grid")
    parser.add_argument("--only", nargs="*", default=list(GRIDS), metavar="NAME", help="these grids alone")
    arguments = parser.parse_args()
    if find_spec("power_grid_model") is None:
        print("skipped: power-grid-model is not installed")
        return
    print("how many times the peer's time is ours; single calls, then a case of batches of", BATCH)
    print(f"{'grid':26s}  bus |   ours    | runpp_3ph, apart | pgm Newton, batch | pgm iterative current, batch")
    for name in GRIDS[:1] if arguments.smoke else arguments.only:
        print(line_for(name, arguments.smoke), flush=True)


if __name__ == "__main__":
    main()
