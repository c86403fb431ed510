"""The supply temperature at which the main plant puts in what was scheduled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.errors import ConvergenceError
from rexnet_grid.rexdynnet.kernel import advance
from rexnet_grid.rexdynnet.layout import overwrite_state

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.layout import Inputs, Outputs
    from rexnet_grid.rexdynnet.simulation import HeatSimulation

WATT_PER_KILOWATT = 1000.0
SCHEDULE_TOLERANCE = 2e-4
MAX_TRIALS = 25
SMALLEST_BRACKET_K = 1e-3


def run_at(sim: HeatSimulation, inputs: Inputs, outputs: Outputs, supply_c: float) -> float:
    """Step with a supply temperature of the main plant; return its mean heat [kW]."""
    inputs.supply_c[:, 0] = supply_c
    if advance(sim.layout, sim.state, sim._backup, sim._scratch, inputs, outputs):  # noqa: SLF001
        raise ConvergenceError(f"{sim.network.name}: the flows in the loops were not found")
    return float(outputs.plant_w[:, 0].mean()) / WATT_PER_KILOWATT


def meet(sim: HeatSimulation, inputs: Inputs, outputs: Outputs, wanted_kw: float, guess_c: float) -> float:
    """Step with the supply temperature that puts in the wanted heat and return what the plant supplied [degC].

    By secants kept inside a bracket, to 2e-4 of the wanted heat or a millikelvin, where valves that do not settle let
    it jump; where a limit of temperature or power stands in the way, it stays at the limit.
    """
    plant = sim.network.plants[0]
    saved = sim.trial
    overwrite_state(saved, sim.state)
    low, high = plant.coldest_c, plant.hottest_c
    tolerance = SCHEDULE_TOLERANCE * max(wanted_kw, 1.0)
    guess = min(max(guess_c, low), high)
    points: list[tuple[float, float]] = []
    for trial in range(MAX_TRIALS):
        if trial:
            overwrite_state(sim.state, saved)
        gap = run_at(sim, inputs, outputs, guess) - wanted_kw
        if abs(gap) <= tolerance or (gap > 0.0 and guess <= low) or (gap < 0.0 and guess >= high):
            break
        if gap > 0.0:
            high = guess
        else:
            low = guess
        points.append((guess, gap))
        if high - low < SMALLEST_BRACKET_K:
            break
        flow = float(outputs.plant_kg_s[:, 0].mean())
        slope = flow * sim.layout.fluid[1] / WATT_PER_KILOWATT
        if len(points) > 1 and points[-1][0] != points[-2][0]:
            slope = (points[-1][1] - points[-2][1]) / (points[-1][0] - points[-2][0])
        new = guess - gap / slope if slope > 1e-9 else (high if gap < 0.0 else low)
        if not low <= new <= high:
            new = high if gap < 0.0 else low
            if any(point[0] == new for point in points):
                new = 0.5 * (low + high)
        guess = new
    return supplied_c(inputs, outputs)


def supplied_c(inputs: Inputs, outputs: Outputs) -> float:
    """Return what the main plant supplied in a step [degC]: what was asked of it, or less where it is at its rating."""
    return min(float(inputs.supply_c[0, 0]), float(outputs.plant_c[:, 0].mean()))
