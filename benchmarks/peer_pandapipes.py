"""The DESTEST days through pandapipes, in an environment that has it: python benchmarks/peer_pandapipes.py days.npz.

``bench_rexdynnet.py --tape days.npz`` writes network, demand of winter and summer days and our results; this solves one
steady state and the days (transient, quarter hours, one section a pipe, its compiled routines) and prints how far both
agree and what a step takes.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings

import numpy as np
import pandapipes as pp
import pandas as pd
from pandapipes.timeseries import run_timeseries
from pandapower.control import ConstControl
from pandapower.timeseries import DFData, OutputWriter

KELVIN = 273.15
BAR = 1e5
STEADY = {"mode": "bidirectional", "iter": 100, "friction_model": "swamee-jain", "use_numba": True}


def build(tape):
    """Return the net: supply and return side, a circulation pump, a consumer at each house."""
    density, heat_capacity, viscosity = (float(x) for x in tape["fluid"])
    water = pp.create_constant_fluid(
        name="tape", fluid_type="liquid", density=density, heat_capacity=heat_capacity, viscosity=viscosity
    )
    net = pp.create_empty_network(fluid=water)
    nodes = int(tape["nodes"])
    supply = pp.create_junctions(net, nodes, pn_bar=6.0, tfluid_k=60.0 + KELVIN)
    back = pp.create_junctions(net, nodes, pn_bar=5.0, tfluid_k=40.0 + KELVIN)
    for a, b, length, inner, loss, roughness in tape["pipes"]:
        for start, end in ((supply[int(a)], supply[int(b)]), (back[int(b)], back[int(a)])):
            pp.create_pipe_from_parameters(
                net, start, end, length / 1000.0, 1000.0 * inner, k_mm=1000.0 * roughness,
                u_w_per_m2k=loss / (np.pi * inner), text_k=float(tape["ground_c"]) + KELVIN, sections=1,
            )  # fmt: skip
    root = int(tape["plant"])
    pp.create_circ_pump_const_pressure(
        net, back[root], supply[root], p_flow_bar=6.0, plift_bar=2.0, t_flow_k=float(tape["supply_c"]) + KELVIN
    )
    for node, kw in zip(tape["houses"], tape["demand_kw"][0], strict=True):
        pp.create_heat_consumer(
            net, supply[node], back[node], qext_w=1000.0 * kw, treturn_k=float(tape["return_c"]) + KELVIN
        )
    return net, supply


def main():
    warnings.filterwarnings("ignore")
    logging.disable(logging.ERROR)
    tape = np.load(sys.argv[1])
    net, supply = build(tape)
    pp.pipeflow(net, **STEADY)
    at = supply[tape["houses"]]
    theirs = net.res_junction["t_k"].to_numpy()[at] - KELVIN
    print(f"steady: supply temperature differs by {np.abs(theirs - tape['steady_c']).max():.4f} K at most")
    pressure = net.res_junction["p_bar"].to_numpy() * BAR
    drop = pressure[supply[int(tape["plant"])]] - pressure[at].min()
    print(f"steady: drop to the worst house {drop:.0f} Pa, ours {float(tape['steady_pa']):.0f} Pa")
    steps = len(tape["demand_kw"])
    profile = DFData(pd.DataFrame(1000.0 * tape["demand_kw"]))
    ConstControl(
        net, element="heat_consumer", variable="qext_w", element_index=net.heat_consumer.index, data_source=profile,
        profile_name=list(range(tape["demand_kw"].shape[1])),
    )  # fmt: skip
    writer = OutputWriter(net, range(steps), output_path=None, log_variables=[("res_junction", "t_k")])
    begin = time.process_time()
    run_timeseries(net, range(steps), transient=True, dt=900.0, verbose=False, **STEADY)
    spent = time.process_time() - begin
    found = writer.output["res_junction.t_k"].to_numpy()[:, at] - KELVIN
    for season, days in (("winter", slice(96, steps // 2)), ("summer", slice(steps // 2 + 96, steps))):
        gap = np.abs(found[days] - tape["days_c"][days])
        print(f"{season}: supply temperature differs by {gap.mean():.3f} K in the mean, {gap.max():.2f} K at most")
    ours, year = float(tape["step_s"]), float(tape["year_s"])
    print(f"pandapipes {pp.__version__}: {1e3 * spent / steps:.2f} ms a step, a year {35_040 * spent / steps:.0f} s")
    print(f"ours: {1e6 * ours:.1f} us a step, ratio {spent / steps / ours:.0f}", end="; ")
    print(f"our year, measured whole, {year:.2f} s, ratio {35_040 * spent / steps / year:.0f}")


if __name__ == "__main__":
    main()
