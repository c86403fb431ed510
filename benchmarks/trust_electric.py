"""Largest deviation from pandapower's ``runpp`` on every network there is, base case and many random injections.

Run with the extra ``simbench`` for its grids (skipped without)::

    python benchmarks/trust_electric.py [--injections 100] [--tolerance 1e-9] [--only NAME …]

Random injections are further loads in the reference net, normally distributed about nothing; before them comes the base
case and one in which every bus injects nothing. The reference is run at the given mismatch tolerance [MVA]. Where
Newton stops well above the last digits of its numbers, the difference is its own: such a case is solved once more, from
there, at a thousandth of the tolerance, and the line says how far ``runpp`` had been from that.
"""

from __future__ import annotations

import argparse
import copy
import warnings
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandapower as pp

from rexnet_grid.electric import ElectricNetwork
from rexnet_grid.electric.catalogue import BUILTIN
from rexnet_grid.electric.pandapower_builtin import builtin_net

warnings.filterwarnings("ignore")
TIGHTER = 1e-3
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


@dataclass(slots=True)
class Deviation:
    """Largest differences from ``runpp``, and how far it was from its own solution at a tighter tolerance."""

    vm_pu: float = 0.0
    loading: float = 0.0
    own_vm_pu: float = 0.0
    compared: int = 0

    @property
    def beyond(self) -> bool:
        return not (self.vm_pu <= 1e-8 and self.loading <= 1e-4)


def deviation(name: str, injections: int, tolerance: float) -> Deviation:
    """Return the largest differences over the base case, no injections at all and random ones."""
    work = reference_net(name)
    net = ElectricNetwork.from_pandapower(work)
    kw, kvar = net.base_injection()
    work = copy.deepcopy(work)
    added = pp.create_loads(work, work.bus.index, p_mw=0.0, q_mvar=0.0)
    held = np.isin(net.buses, work.gen.bus) if len(work.gen) else np.zeros(len(kw), dtype=bool)
    rng = np.random.default_rng(0)
    spread = 0.02 if len(work.gen) else 0.3
    found = Deviation()
    for case in range(injections + 2):
        noise = rng.normal(0.0, spread if case > 1 else 0.0, (2, len(kw)))
        dp, dq = noise[0] * np.abs(kw), np.where(held, 0.0, noise[1] * np.abs(kvar))
        if case == 1:
            dp, dq = -kw, np.where(held, 0.0, -kvar)
        work.load.loc[added, "p_mw"], work.load.loc[added, "q_mvar"] = -dp / 1e3, -dq / 1e3
        try:
            pp.runpp(work, init="results" if case > 1 else "auto", tolerance_mva=tolerance)
        except pp.LoadflowNotConverged:
            with suppress(pp.LoadflowNotConverged):
                pp.runpp(work)
            continue
        compare(net.power_flow(kw + dp, kvar + dq), work, tolerance, found)
    return found


def compare(flow, work, tolerance: float, found: Deviation) -> None:
    stopped = reference(work)
    vm, loading = differences(flow, stopped)
    if vm > 1e-8 or loading > 1e-4:
        with suppress(pp.LoadflowNotConverged):
            pp.runpp(work, init="results", tolerance_mva=TIGHTER * tolerance)
            found.own_vm_pu = max(found.own_vm_pu, float(np.nanmax(np.abs(reference(work)[0] - stopped[0]))))
            vm, loading = differences(flow, reference(work))
    found.vm_pu, found.loading = max(found.vm_pu, vm), max(found.loading, loading)
    found.compared += 1


def reference(work) -> tuple[np.ndarray, np.ndarray]:
    tables = [f"res_{t}" for t in ("line", "trafo", "trafo3w") if len(work[t])]
    loadings = np.concatenate([work[t].loading_percent.to_numpy(float) for t in tables])
    return work.res_bus.vm_pu.to_numpy(float), loadings


def differences(flow, solved: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    vm, loading = solved
    if not flow.converged:
        return np.inf, np.inf
    apart = np.nanmax(np.abs(flow.loading_percent[: len(loading)] - loading))
    return float(np.nanmax(np.abs(flow.vm_pu - vm))), float(apart)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--injections", type=int, default=100)
    parser.add_argument("--tolerance", type=float, default=1e-9)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    names = [*BUILTIN, *(f"simbench:{code}" for code in SIMBENCH)]
    for name in [n for n in names if not arguments.only or any(n.startswith(o) for o in arguments.only)]:
        try:
            found = deviation(name, arguments.injections, arguments.tolerance)
        except ImportError:
            print(f"{name:44s} skipped: simbench is not installed", flush=True)
            continue
        mark = "   BEYOND 1e-8 p.u. or 1e-4 points" if found.beyond else ""
        own = f"   (runpp stops {found.own_vm_pu:.1e} p.u. early)" if found.own_vm_pu else ""
        deviations = f"{found.vm_pu:9.1e} p.u. {found.loading:9.1e} points"
        print(f"{name:44s} {found.compared:4d} cases {deviations}{own}{mark}", flush=True)


if __name__ == "__main__":
    main()
