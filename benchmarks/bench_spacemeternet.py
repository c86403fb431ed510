"""How fast the likelihood, its gradient, the steady-state filter and a whole structure search are.

Run by hand: ``python benchmarks/bench_spacemeternet.py [--smoke]``. Ratios are measured side by side and repeated.
"""

import argparse
import time

import numpy as np

from rexnet_grid.spacemeternet import ThermalSpaceNet
from rexnet_grid.spacemeternet.buildings import BuildingPlan, generate_building
from rexnet_grid.spacemeternet.likelihood import Likelihood, Observations
from rexnet_grid.spacemeternet.zonemodel import Circuit, ZoneData, build_zone_model

CASES = (
    (20, 35040, 0.0, 1e-9, "at rest"),
    (20, 35040, 0.0, 0.0, "never at rest"),
    (20, 4380, 0.01, 1e-9, "1 % missing"),
    (20, 2000, 0.2, 1e-9, "20 % missing"),
    (40, 500, 0.2, 1e-9, "20 % missing"),
    (2, 5000, 0.1, 1e-9, "10 % missing"),
)


def shortest(call, repeats):
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def zones(n, steps, missing, tolerance=1e-9, seed=0):
    rng = np.random.default_rng(seed)
    names = tuple(f"z{k}" for k in range(n))
    y = 20 + 0.1 * rng.normal(size=(steps, n)).cumsum(axis=0) * 0.1
    y[rng.random(y.shape) < missing] = np.nan
    outdoor, heat = 5 + rng.normal(size=(steps, 1)), rng.random((steps, n))
    circuits = tuple(Circuit(name, (k,)) for k, name in enumerate(names))
    data = ZoneData(names, circuits, ("outdoor",), y, outdoor, heat, None, 0.25)
    model = build_zone_model(data, tuple((k, k + 1) for k in range(n - 1)), 1)
    return Likelihood(model.network, Observations.from_readings(y, data.inputs(), 0.25), tolerance=tolerance)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true", help="finish in seconds")
    smoke = parser.parse_args().smoke
    shorter, repeats = (20, 2) if smoke else (1, 5)
    print(f"{'case':44s} {'value s':>9s} {'gradient s':>10s} {'ratio':>6s}")
    for n, steps, missing, tolerance, name in CASES:
        lik = zones(n, max(steps // shorter, 100), missing, tolerance)
        value = shortest(lambda lik=lik: lik.value(lik.start), repeats)
        both = shortest(lambda lik=lik: lik.value_and_gradient(lik.start), repeats)
        print(f"{f'{n} zones x {len(lik.data.y)} steps, {name}':44s} {value:9.4f} {both:10.4f} {both / value:6.2f}")
    plan = BuildingPlan(2, 2, 7) if smoke else BuildingPlan()
    building = generate_building(np.random.default_rng(1), plan)
    readings = (building.temperatures_c, building.heat_kw, building.outdoor_c, building.solar_w_m2)
    for name, candidates in (("with a floor plan", building.candidates), ("without", None)):
        start, cpu = time.perf_counter(), time.process_time()
        ThermalSpaceNet(candidates, states=2).fit(*readings)
        wall = time.perf_counter() - start
        print(f"structure search {name}: {wall:.1f} s, {time.process_time() - cpu:.1f} s of processor")


if __name__ == "__main__":
    main()
