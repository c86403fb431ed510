r"""A stratified storage tank: mixed layers, one above the other, each step solved exactly.

Layer i of N holds :math:`m_i c` and obeys

.. math:: m_i c \frac{dT_i}{dt} = \dot m c\,(T_{i \mp 1} - T_i) + U_i (T_{amb} - T_i)
          + \frac{\lambda A}{\Delta z} (T_{i-1} - 2 T_i + T_{i+1})

the water moving down while the tank is charged (hot water enters at the top) and up while it is discharged (the
network's return enters at the bottom). With flows and inlet held over a step this is linear and solved exactly, so the
energy of every step adds up to rounding whatever its length. Warm water below cold
water rises at once: adjacent layers are joined from the unstable place outwards until temperature falls from top to
bottom, which keeps their heat (the multi-node model of E. M. Kleinbach, W. A. Beckman, S. A. Klein, "Performance study
of one-dimensional models for stratified thermal storage tanks", Solar Energy 50 (1993),
doi:10.1016/0038-092X(93)90087-5). N layers pass a front on like N stirred vessels, spread by :math:`1/\sqrt N` of the
turnover.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from rexnet_grid.errors import InputError, Issue
from rexnet_grid.rexdynnet.fluid import BOILING_C, FREEZING_C

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray

WATER_KG_M3 = 983.2
WATER_KJ_KGK = 4.1843
SECONDS_PER_HOUR = 3600.0
WATT_PER_KILOWATT = 1000.0
TURNOVER_PER_STEP = 0.5
MAX_TRIALS = 60
CLOSE_ENOUGH = 1e-10
MOST_TURNOVERS = 1e4
SLIGHTLY_K = 1e-6
LARGEST_MEAN = 50.0


class TankMove(NamedTuple):
    """What a step did: layers at the end (top first), mean outlet [degC], heat in from the network, loss [kWh]."""

    layers_c: FloatArray
    outlet_c: float
    heat_kwh: float
    loss_kwh: float


@dataclass(frozen=True, slots=True)
class StratifiedTank:
    """A standing cylinder of water.

    Attributes
    ----------
    volume_m3
        Content [m3].
    height_over_diameter
        Shape [-].
    layers
        Number of layers.
    insulation_w_m2k
        Heat loss of the hull per area [W/(m2 K)]; 0.3 is about 12 cm of mineral wool.
    ambient_c
        Around the tank [degC].
    conductivity_w_mk
        Effective conductivity along the tank [W/(m K)]: water 0.65 and the steel of the hull.
    """

    volume_m3: float
    height_over_diameter: float = 2.5
    layers: int = 20
    insulation_w_m2k: float = 0.3
    ambient_c: float = 10.0
    conductivity_w_mk: float = 1.0

    def __post_init__(self) -> None:
        issues = [
            Issue("tank", name, str(value), "a finite number above zero")
            for name, value in (("volume_m3", self.volume_m3), ("height_over_diameter", self.height_over_diameter))
            if not (math.isfinite(value) and value > 0.0)
        ]
        issues += [
            Issue("tank", name, str(value), "a finite number, not negative")
            for name, value in (
                ("insulation_w_m2k", self.insulation_w_m2k),
                ("conductivity_w_mk", self.conductivity_w_mk),
            )
            if not (math.isfinite(value) and value >= 0.0)
        ]
        if not (isinstance(self.layers, int) and 2 <= self.layers <= 200):
            issues.append(Issue("tank", "layers", str(self.layers), "2 to 200"))
        if not -40.0 <= self.ambient_c <= 60.0:
            issues.append(Issue("tank", "ambient_c", str(self.ambient_c), "-40 to 60 degC"))
        if issues:
            raise InputError(issues)

    @property
    def diameter_m(self) -> float:
        """Diameter [m]."""
        return math.cbrt(4.0 * self.volume_m3 / (math.pi * self.height_over_diameter))

    @property
    def layer_kwh_k(self) -> float:
        """Heat capacity of one layer [kWh/K]."""
        return self.volume_m3 * WATER_KG_M3 * WATER_KJ_KGK / self.layers / SECONDS_PER_HOUR

    def heat_kwh(self, layers_c: FloatArray, above_c: float = 0.0) -> float:
        """Return the heat above a temperature [kWh]."""
        return float(np.sum(layers_c - above_c)) * self.layer_kwh_k

    def filled(self, hot_c: float, cold_c: float, share: float) -> FloatArray:
        """Return layers (top first) of which a ``share`` of the volume is hot [degC]."""
        edge = np.clip(share * self.layers - np.arange(self.layers), 0.0, 1.0)
        return np.asarray(cold_c + (hot_c - cold_c) * edge)

    def usable_kwh(self, layers_c: FloatArray, lowest_c: float, return_c: float) -> float:
        """Return the heat above the return temperature in layers that are at least ``lowest_c`` warm [kWh]."""
        warm = layers_c[layers_c >= lowest_c]
        return float(np.sum(np.maximum(warm - return_c, 0.0))) * self.layer_kwh_k

    def room_kwh(self, layers_c: FloatArray, hot_c: float) -> float:
        """Return the heat that filling the tank with water of ``hot_c`` would take [kWh]."""
        return float(np.sum(np.maximum(hot_c - layers_c, 0.0))) * self.layer_kwh_k

    def step(self, layers_c: FloatArray, flow_kg_s: float, inlet_c: float, hours: float) -> TankMove:
        """Let water flow through for ``hours``, then let warm water rise.

        Parameters
        ----------
        layers_c
            (layers,) temperatures, top first [degC].
        flow_kg_s
            Downwards positive (charging from the top), negative upwards (discharging from the bottom) [kg/s].
        inlet_c
            Of the water that enters [degC].
        hours
            Duration [h]; cut so that at most half the tank passes between two looks at the order of temperatures.

        Returns
        -------
        TankMove
            ``heat_kwh`` is positive when the network's water leaves heat in the tank. Always
            heat - loss = change of the content: what rounding takes from the layers is counted as lost.

        Raises
        ------
        InputError
            For layers that are none of this tank, and numbers that no water has.
        """
        self._check(layers_c, {"flow_kg_s": (flow_kg_s, -math.inf), "hours": (hours, 0.0)}, inlet_c)
        return self._through(layers_c, flow_kg_s, inlet_c, hours)

    def _through(self, layers_c: FloatArray, flow_kg_s: float, inlet_c: float, hours: float) -> TankMove:
        passed = abs(flow_kg_s) * WATER_KJ_KGK * hours / self.layer_kwh_k
        parts = max(1, math.ceil(passed / (TURNOVER_PER_STEP * self.layers)))
        state, outlet, heat, loss = np.asarray(layers_c, dtype=np.float64), 0.0, 0.0, 0.0
        part = hours / parts
        for _ in range(parts):
            change, mean = self._advance(state, flow_kg_s, inlet_c, part)
            out = float(mean[-1] if flow_kg_s >= 0.0 else mean[0])
            heat += abs(flow_kg_s) * WATER_KJ_KGK * (inlet_c - out) * part
            before, state = state, settled(state + change)
            rounded = math.fsum((*change, *before, *-state)) * self.layer_kwh_k
            loss += float(self._hull() @ (mean - self.ambient_c)) * part + rounded
            outlet += out / parts
        return TankMove(state, outlet, heat, loss)

    def exchange(
        self, layers_c: FloatArray, heat_kw: float, inlet_c: float, hours: float, most_kg_s: float
    ) -> TankMove:
        """Charge (positive) or discharge (negative) at a mean rate, by the flow that does it.

        The flow is found by regula falsi with the Illinois step; where the tank cannot take or give so much below
        ``most_kg_s`` it does what it can, and ``heat_kwh`` says how much that was. Water that would do the opposite of
        what is wanted is not let in.

        Parameters
        ----------
        layers_c
            (layers,) temperatures, top first [degC].
        heat_kw
            Mean heat into the tank [kW].
        inlet_c
            Of the water that enters: supply while charging, return while discharging [degC].
        hours
            Duration [h].
        most_kg_s
            Largest flow [kg/s].

        Raises
        ------
        InputError
            For layers that are none of this tank, and numbers that no water has.
        """
        numbers = {"heat_kw": (heat_kw, -math.inf), "hours": (hours, 0.0), "most_kg_s": (most_kg_s, 0.0)}
        self._check(layers_c, numbers, inlet_c)
        if heat_kw == 0.0:
            return self._through(layers_c, 0.0, inlet_c, hours)
        sign, wanted = math.copysign(1.0, heat_kw), heat_kw * hours
        low, high = 0.0, most_kg_s
        move = self._through(layers_c, sign * high, inlet_c, hours)
        below, above = -abs(wanted), sign * (move.heat_kwh - wanted)
        if above <= 0.0:
            return move if sign * move.heat_kwh > 0.0 else self._through(layers_c, 0.0, inlet_c, hours)
        for _ in range(MAX_TRIALS):
            flow = low - below * (high - low) / (above - below)
            move = self._through(layers_c, sign * flow, inlet_c, hours)
            miss = sign * (move.heat_kwh - wanted)
            if abs(miss) <= CLOSE_ENOUGH * abs(wanted) or high - low <= CLOSE_ENOUGH * most_kg_s:
                break
            if miss < 0.0:
                low, below, above = flow, miss, above * 0.5
            else:
                high, above, below = flow, miss, below * 0.5
        return move

    def _check(self, layers_c: FloatArray, numbers: dict[str, tuple[float, float]], inlet_c: float) -> None:
        """Raise with everything that is wrong; ``numbers`` have each a value and its lower bound."""
        issues = [
            Issue("tank", name, str(value), "a finite number" + (", not negative" if least == 0.0 else ""))
            for name, (value, least) in numbers.items()
            if not (least <= value < math.inf and value > -math.inf)
        ]
        if not FREEZING_C <= inlet_c <= BOILING_C:
            issues.append(Issue("tank", "inlet_c", str(inlet_c), f"water from {FREEZING_C:g} to {BOILING_C:g} degC"))
        flow, hours = (abs(numbers[name][0]) if name in numbers else 0.0 for name in ("flow_kg_s", "hours"))
        if flow * hours * WATER_KJ_KGK > MOST_TURNOVERS * self.layers * self.layer_kwh_k and not issues:
            expected = f"at most {MOST_TURNOVERS:g} times the tank's water within the step"
            issues.append(Issue("tank", "flow_kg_s", f"{flow:g} for {hours:g} h", expected))
        layers = np.asarray(layers_c, dtype=np.float64)
        if layers.shape != (self.layers,):
            issues.append(Issue("tank", "layers_c", f"shape {layers.shape}", f"{self.layers} temperatures, top first"))
        elif not np.isfinite(layers).all():
            issues.append(Issue("tank", "layers_c", str(layers[~np.isfinite(layers)][0]), "finite temperatures"))
        elif layers.min() < FREEZING_C - SLIGHTLY_K or layers.max() > BOILING_C + SLIGHTLY_K:
            worst = layers.min() if layers.min() < FREEZING_C - SLIGHTLY_K else layers.max()
            issues.append(Issue("tank", "layers_c", f"{worst:g}", f"water from {FREEZING_C:g} to {BOILING_C:g} degC"))
        if issues:
            raise InputError(issues)

    def _hull(self) -> FloatArray:
        """Return the loss of each layer [kW/K]; top and bottom have their lids."""
        d = self.diameter_m
        area = np.full(self.layers, math.pi * d * d * self.height_over_diameter / self.layers)
        area[[0, -1]] += 0.25 * math.pi * d * d
        return np.asarray(area * self.insulation_w_m2k / WATT_PER_KILOWATT)

    def _advance(self, state: FloatArray, flow: float, inlet_c: float, hours: float) -> tuple[FloatArray, FloatArray]:
        """Return by how much layers change with everything held, before mixing, and their means [K, degC]."""
        d = self.diameter_m
        area_per_height = 0.25 * math.pi * d * d / (d * self.height_over_diameter / self.layers)
        along = self.conductivity_w_mk * area_per_height / WATT_PER_KILOWATT
        sense = 1 if flow >= 0.0 else -1
        change, mean = _held(
            np.ascontiguousarray(state[::sense]), inlet_c, self.ambient_c, abs(flow) * WATER_KJ_KGK, self._hull(),
            along, self.layer_kwh_k, hours,
        )  # fmt: skip
        return change[::sense], mean[::sense]


@njit(cache=True, error_model="numpy")
def _held(
    layers: FloatArray,
    inlet_c: float,
    ambient_c: float,
    carried: float,
    hull: FloatArray,
    along: float,
    capacity: float,
    hours: float,
) -> tuple[FloatArray, FloatArray]:
    r"""Return by how much layers, in the sense of the flow, change in a step, and their means [K, degC].

    With inlet and surroundings as layers that never change, the matrix A of the system has no negative entry off its
    diagonal and no row sum, so with a rate L above all of its diagonal P = I + A / L averages temperatures, and

    .. math:: e^{A h} = \sum_k \pi_k(L h) P^k, \qquad
              \frac1h \int_0^h e^{A s} ds = \frac{1}{L h} \sum_k \Big(1 - \sum_{j \le k} \pi_j\Big) P^k

    with Poisson weights (A. Jensen 1953, uniformization): sums of positive terms, cut nine deviations above the mean.
    What is summed are differences to the start, so that a second of a large tank is more than rounding.

    Parameters
    ----------
    layers
        (n,) temperatures, the one at the inlet first [degC].
    inlet_c, ambient_c
        Held [degC].
    carried
        Capacity flow [kW/K].
    hull
        (n,) loss of each layer [kW/K].
    along
        Conduction between neighbours [kW/K].
    capacity
        Of one layer [kWh/K].
    hours
        Duration [h].
    """
    n = layers.shape[0]
    rate = (carried + 2.0 * along + hull.max()) / capacity
    change, mean = np.zeros(n), np.zeros(n)
    parts = max(1, math.ceil(rate * hours / LARGEST_MEAN))
    size = rate * hours / parts
    for _ in range(parts):
        start = layers + change
        off, part, moved = np.zeros(n), np.zeros(n), np.zeros(n)
        weight = math.exp(-size)
        left = -math.expm1(-size)
        terms = int(size + 9.0 * math.sqrt(size) + 25.0) if size > 1e-12 else 0
        for k in range(1, terms + 1):
            before = start[0] + off[0]
            for i in range(n):
                here, above = start[i] + off[i], inlet_c if i == 0 else before
                gain = carried * (above - here) + hull[i] * (ambient_c - here)
                if i > 0:
                    gain += along * (before - here)
                if i < n - 1:
                    gain += along * (start[i + 1] + off[i + 1] - here)
                before = here
                off[i] += gain / (capacity * rate)
            weight *= size / k
            left = max(left - weight, 0.0)
            moved += weight * off
            part += off * (left / size)
        change += moved
        mean += (start + part) / parts
    return change, mean


def settled(layers_c: FloatArray) -> FloatArray:
    """Return equal layers (top first) after warm water has risen: the nearest order with the same heat.

    Layers that lie wrong are joined with their neighbours until temperature falls from top to bottom.
    """
    if (np.diff(layers_c) <= 0.0).all():
        return layers_c
    means: list[float] = []
    counts: list[int] = []
    for value in layers_c.tolist():
        means.append(value)
        counts.append(1)
        while len(means) > 1 and means[-1] > means[-2]:
            mean, count = means.pop(), counts.pop()
            total = count + counts[-1]
            means[-1] += (mean - means[-1]) * count / total
            counts[-1] = total
    return np.repeat(means, counts)
