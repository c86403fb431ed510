"""Largest deviation from pandapower's ``runpp`` on every network there is, base case and many random injections.

Run with the extra ``simbench`` for its grids (skipped without)::

    python benchmarks/trust_electric.py [--injections 100] [--only NAME …]

Random injections are further loads in the reference net, normally distributed about nothing. The reference is run at a
mismatch tolerance of 1e-11 MVA (more for transmission networks), for at the default of 1e-8 Newton itself stops farther
from the solution than the deviations that are measured here.
"""

from __future__ import annotations

import argparse
import copy
import warnings
from contextlib import suppress

import numpy as np
import pandapower as pp

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.electric.catalogue import BUILTIN
from rexnet_grid.electric.pandapower_nets import builtin_net

warnings.filterwarnings("ignore")
REFERENCE_MVA = 1e-11
SIMBENCH = (
    *(
        f"1-LV-{kind}--{year}-sw"
        for kind in ("rural1", "rural2", "rural3", "semiurb4", "semiurb5", "urban6")
        for year in (0, 2)
    ),
    *(f"1-MV-{kind}--{year}-sw" for kind in ("rural", "semiurb", "urban", "comm") for year in (0, 2)),
    "1-MVLV-rural-1.108-0-sw",
    "1-MVLV-semiurb-3.202-0-sw",
    "1-MVLV-urban-5.303-0-sw",
    "1-MVLV-comm-3.403-0-sw",
)


def reference_net(name: str):
    if name.startswith("simbench:"):
        import simbench

        return simbench.get_simbench_net(name.removeprefix("simbench:"))
    family, _, station = name.partition(":")
    return builtin_net(family, int(station) if station else None)


def deviation(name: str, injections: int) -> tuple[float, float, int]:
    """Return the largest |dV| [p.u.], the largest difference of loadings [%], and how many cases were compared."""
    work = reference_net(name)
    net = ElectricNetwork.from_pandapower(work)
    kw, kvar = net.base_injection()
    work = copy.deepcopy(work)
    added = pp.create_loads(work, work.bus.index, p_mw=0.0, q_mvar=0.0)
    held = np.isin(net.buses, work.gen.bus) if len(work.gen) else np.zeros(len(kw), dtype=bool)
    rng = np.random.default_rng(0)
    tables = [t for t in ("line", "trafo", "trafo3w") if len(work[t])]
    spread = 0.02 if len(work.gen) else 0.3
    worst_vm = worst_loading = 0.0
    compared = 0
    for case in range(injections + 1):
        noise = rng.normal(0.0, spread if case else 0.0, (2, len(kw)))
        dp, dq = noise[0] * np.abs(kw), np.where(held, 0.0, noise[1] * np.abs(kvar))
        work.load.loc[added, "p_mw"], work.load.loc[added, "q_mvar"] = -dp / 1e3, -dq / 1e3
        tolerance = REFERENCE_MVA * max(1.0, float(np.abs(kw).max()) / 1e4)
        try:
            pp.runpp(work, init="results" if case else "auto", tolerance_mva=tolerance)
        except pp.LoadflowNotConverged:
            with suppress(pp.LoadflowNotConverged):
                pp.runpp(work)
            continue
        flow = net.power_flow(kw + dp, kvar + dq)
        loading = np.concatenate([work[f"res_{t}"].loading_percent.to_numpy(float) for t in tables])
        worst_vm = max(worst_vm, float(np.nanmax(np.abs(flow.vm_pu - work.res_bus.vm_pu.to_numpy()))))
        worst_loading = max(worst_loading, float(np.nanmax(np.abs(flow.loading_percent[: len(loading)] - loading))))
        compared += 1
    return worst_vm, worst_loading, compared


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--injections", type=int, default=100)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    names = [*BUILTIN, *(f"simbench:{code}" for code in SIMBENCH)]
    for name in [n for n in names if not arguments.only or any(n.startswith(o) for o in arguments.only)]:
        try:
            vm, loading, compared = deviation(name, arguments.injections)
        except ImportError:
            print(f"{name:44s} skipped: simbench is not installed", flush=True)
            continue
        mark = "" if vm <= 1e-8 and loading <= 1e-4 else "   BEYOND 1e-8 p.u. or 1e-4 points"
        print(f"{name:44s} {compared:4d} cases {vm:9.1e} p.u. {loading:9.1e} points{mark}", flush=True)


if __name__ == "__main__":
    main()
