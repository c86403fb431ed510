"""How well walls of generated buildings are found, over many seeds: python benchmarks/trust_spacemeternet.py.

Each seed is one building of 20 flats; ``--lost`` reads it once more with 20 % of the readings and two whole days lost.
One line a building, then means and the worst. Seeds are what the table in ``docs/spacemeternet.md`` names; any other
will do.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, fields, replace

import numpy as np

from rexnet_grid.spacemeternet import ThermalSpaceNet
from rexnet_grid.spacemeternet.buildings import BuildingPlan, generate_building

LOST = {"missing_share": 0.2, "gap_days": 2.0}
TWO_SIDED_95 = 1.96


@dataclass(frozen=True)
class Found:
    """How well one building was found."""

    precision: float
    f1: float
    median_error: float
    coverage: float
    seconds: float

    def __str__(self) -> str:
        """Return the figures in a row."""
        return "  ".join(f"{field.name} {getattr(self, field.name):.3f}" for field in fields(self))


def examine(seed: int, plan: BuildingPlan, *, floor_plan: bool) -> Found:
    """Fit one generated building and compare it with the truth."""
    b = generate_building(np.random.default_rng(seed), plan)
    start = time.process_time()
    net = ThermalSpaceNet(b.candidates if floor_plan else None, states=2)
    net.fit(b.temperatures_c, b.heat_kw, b.outdoor_c, b.solar_w_m2)
    seconds = time.process_time() - start
    true = {frozenset((i, j)): d["conductance_w_k"] for i, j, d in b.truth.edges(data=True)}
    rows = [(frozenset((r.a, r.b)), r.state, r.conductance_w_k, r.std_error) for r in net.edges_.itertuples()]
    present = {pair for pair, state, *_ in rows if state == "present"}
    hit = len(present & set(true))
    walls = [(g, s, true[pair]) for pair, _, g, s in rows if pair in true]
    return Found(
        hit / max(len(present), 1),
        2 * hit / max(len(present) + len(true), 1),
        float(np.median([abs(g / t - 1) for g, _, t in walls])),
        float(np.mean([abs(g - t) < TWO_SIDED_95 * s for g, s, t in walls])),
        seconds,
    )


def main() -> None:
    """Print one line a building, then means and the worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--no-plan", action="store_true", help="any two flats may touch")
    parser.add_argument("--lost", action="store_true", help="lose a fifth of the readings and two whole days")
    asked = parser.parse_args()
    plan = BuildingPlan(days=asked.days)
    if asked.lost:
        plan = replace(plan, **LOST)
    found = []
    for seed in asked.seeds:
        found.append(examine(seed, plan, floor_plan=not asked.no_plan))
        print(f"seed {seed}: {found[-1]}", flush=True)
    for name, worst in (("precision", min), ("f1", min), ("median_error", max), ("coverage", min), ("seconds", max)):
        values = [getattr(f, name) for f in found]
        print(f"{name}: mean {np.mean(values):.3f}, worst {worst(values):.3f}")


if __name__ == "__main__":
    main()
