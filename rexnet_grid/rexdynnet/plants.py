r"""Plants: how far they can go, what they burn, and what sun and lift make of them.

An extraction plant is the region of the Balmorel model (H. F. Ravn et al., "Balmorel: theoretical background", 2001)
and of textbooks: with the condensing power at the same fuel :math:`P + c_v Q`

.. math:: P_{min} \le P + c_v Q \le P_{max}, \qquad P \ge c_b Q, \qquad F = (P + c_v Q) / \eta_c

where c_v is the power lost per heat extracted and c_b the power-to-heat ratio on the back-pressure line. A
back-pressure plant stays on that line, :math:`P = c_b Q`, and :math:`F = (1 + c_b) Q / \eta`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.errors import InputError, Issue, did_you_mean
from rexnet_grid.units import ZERO_CELSIUS_K

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from rexnet_grid.rexdynnet.arrays import FloatArray

WATT_PER_KILOWATT = 1000.0
SMALLEST_LIFT_K = 1.0
FIELD_CORRECTION = 0.85
LIFT_RANGE_K = (15.0, 60.0)
Source = Literal["air", "ground", "water"]
REGRESSION: dict[Source, tuple[float, float, float]] = {
    "air": (6.08, -0.09, 0.0005),
    "ground": (10.29, -0.21, 0.0012),
    "water": (9.97, -0.20, 0.0012),
}


@dataclass(frozen=True, slots=True)
class OperatingRange:
    """Within what a plant can be run.

    Attributes
    ----------
    max_kw, min_kw
        Largest output, and least output while it runs [kW].
    ramp_kw_per_min
        How fast the output moves [kW/min]; starting and stopping are free of it.
    """

    max_kw: float
    min_kw: float = 0.0
    ramp_kw_per_min: float = math.inf

    def __post_init__(self) -> None:
        issues = []
        if not (math.isfinite(self.max_kw) and self.max_kw >= 0.0):
            issues.append(Issue("plant", "max_kw", str(self.max_kw), "a finite number, not negative [kW]"))
        if not 0.0 <= self.min_kw <= self.max_kw:
            issues.append(Issue("plant", "min_kw", str(self.min_kw), f"0 to max_kw {self.max_kw:g}"))
        if not self.ramp_kw_per_min > 0.0:
            issues.append(Issue("plant", "ramp_kw_per_min", str(self.ramp_kw_per_min), "above zero [kW/min]"))
        if issues:
            raise InputError(issues)

    def reach_kw(self, before_kw: ArrayLike, minutes: float) -> FloatArray:
        """Return the highest output ``minutes`` after ``before_kw`` [kW]: one ramp more, or a start to the minimum."""
        _check_finite("operating range", before_kw=before_kw, minutes=minutes)
        step = self.ramp_kw_per_min * minutes
        return np.minimum(np.maximum(np.asarray(before_kw) + step, self.min_kw), self.max_kw)

    def nearest(self, wanted_kw: float, before_kw: float, minutes: float, available_kw: float = math.inf) -> float:
        """Return the output nearest to what is wanted [kW].

        A plant that is asked for less than half its minimum load stops, for more it runs at the minimum. It stops from
        where one ramp brings it down to the minimum; from higher up it has to come down first.

        Parameters
        ----------
        wanted_kw, before_kw
            What is asked for, and the output of the unit before [kW].
        minutes
            Length of the unit [min].
        available_kw
            What sun or source allow [kW].

        Raises
        ------
        InputError
            For what is no number.
        """
        given = {"wanted_kw": wanted_kw, "before_kw": before_kw, "minutes": minutes, "available_kw": available_kw}
        issues = [Issue("plant", key, str(value), "a number") for key, value in given.items() if math.isnan(value)]
        if issues:
            raise InputError(issues)
        most = min(self.max_kw, available_kw)
        lowest = before_kw - self.ramp_kw_per_min * minutes
        lowest = lowest if lowest > self.min_kw else 0.0
        output = min(max(wanted_kw, lowest), float(self.reach_kw(before_kw, minutes)), most)
        if 0.0 < output < self.min_kw:
            output = self.min_kw if output >= 0.5 * self.min_kw and self.min_kw <= most else 0.0
        return output


@dataclass(frozen=True, slots=True)
class EfficiencyCurve:
    """Efficiency over load: straight between points, constant beyond them.

    Attributes
    ----------
    load
        Share of the rating, increasing [-].
    efficiency
        On the heating value of the fuel [-]; condensing boilers pass 1.
    """

    load: tuple[float, ...] = (1.0,)
    efficiency: tuple[float, ...] = (0.92,)

    def __post_init__(self) -> None:
        issues = []
        if len(self.load) != len(self.efficiency) or not self.load:
            sizes = f"{len(self.load)} and {len(self.efficiency)} values"
            issues.append(Issue("efficiency", "load, efficiency", sizes, "as many values in both"))
        if not all(map(math.isfinite, self.load)) or any(b <= a for a, b in pairwise(self.load)):
            issues.append(Issue("efficiency", "load", str(self.load), "increasing shares"))
        if not all(math.isfinite(v) and 0.0 < v <= 1.2 for v in self.efficiency):
            issues.append(Issue("efficiency", "efficiency", str(self.efficiency), "above 0, at most 1.2"))
        if issues:
            raise InputError(issues)

    def at(self, share: ArrayLike) -> FloatArray:
        """Return the efficiency at a share of the rating [-]."""
        return np.asarray(np.interp(np.asarray(share, dtype=np.float64), self.load, self.efficiency))

    def fuel_kw(self, output_kw: ArrayLike, rating_kw: float) -> FloatArray:
        """Return the fuel for an output [kW]; an InputError where a number is not finite."""
        _check_finite("efficiency", output_kw=output_kw, rating_kw=rating_kw)
        output = np.asarray(output_kw, dtype=np.float64)
        return np.asarray(output / self.at(output / rating_kw if rating_kw > 0.0 else output))


@dataclass(frozen=True, slots=True)
class Chp:
    """A combined heat and power plant.

    Attributes
    ----------
    heat
        Range of its heat [kW].
    power_to_heat
        c_b, power over heat in back-pressure operation [-].
    efficiency
        Of a back-pressure plant, heat and power over fuel; of an extraction plant, power over fuel when it only
        condenses [-].
    power_loss
        c_v, power lost per heat extracted [-]; matters for extraction.
    condensing_kw
        Largest condensing power [kW]; 0 for a back-pressure plant.
    min_condensing_kw
        Least condensing power while it runs [kW].
    """

    heat: OperatingRange
    power_to_heat: float
    efficiency: float
    power_loss: float = 0.0
    condensing_kw: float = 0.0
    min_condensing_kw: float = 0.0

    def __post_init__(self) -> None:
        issues = [
            Issue("chp", name, str(value), "above zero")
            for name, value in (("power_to_heat", self.power_to_heat), ("efficiency", self.efficiency))
            if not (math.isfinite(value) and value > 0.0)
        ]
        if self.efficiency > 1.1:
            issues.append(Issue("chp", "efficiency", str(self.efficiency), "at most 1.1"))
        if not 0.0 <= self.power_loss < 1.0:
            issues.append(Issue("chp", "power_loss", str(self.power_loss), "0 to less than 1"))
        if not 0.0 <= self.min_condensing_kw <= self.condensing_kw:
            issues.append(Issue("chp", "min_condensing_kw", str(self.min_condensing_kw), "0 to condensing_kw"))
        if self.extracts and self.condensing_kw < (self.power_to_heat + self.power_loss) * self.heat.max_kw:
            least = (self.power_to_heat + self.power_loss) * self.heat.max_kw
            issues.append(
                Issue("chp", "condensing_kw", f"{self.condensing_kw:g}",
                      f"at least (power_to_heat + power_loss) x max heat = {least:g}, or 0 for back-pressure")
            )  # fmt: skip
        if issues:
            raise InputError(issues)

    @property
    def extracts(self) -> bool:
        """Whether heat and power can be chosen apart."""
        return self.condensing_kw > 0.0

    def power_range(self, heat_kw: float) -> tuple[float, float]:
        """Return least and largest power at a heat output [kW]; raises InputError unless that is finite."""
        _check_finite("chp", heat_kw=heat_kw)
        line = self.power_to_heat * heat_kw
        if not self.extracts:
            return line, line
        lost = self.power_loss * heat_kw
        return max(line, self.min_condensing_kw - lost), self.condensing_kw - lost

    def fuel_kw(self, heat_kw: float, power_kw: float) -> float:
        """Return the fuel burnt [kW]; raises InputError unless heat and power are finite."""
        _check_finite("chp", heat_kw=heat_kw, power_kw=power_kw)
        if not self.extracts:
            return (heat_kw + power_kw) / self.efficiency
        return (power_kw + self.power_loss * heat_kw) / self.efficiency

    @property
    def fuel_per_heat(self) -> float:
        """Fuel for one more of heat with its power on the back-pressure line [-]."""
        return self.fuel_kw(1.0, self.power_to_heat)


@dataclass(frozen=True, slots=True)
class Collector:
    r"""A field of solar thermal collectors by the steady efficiency equation of ISO 9806.

    .. math:: \dot q = \eta_0 G - a_1 (T_m - T_{out}) - a_2 (T_m - T_{out})^2

    Attributes
    ----------
    area_m2
        Gross area of all collectors [m2].
    eta_0
        Efficiency without temperature difference, hemispherical irradiance [-].
    a1_w_m2k, a2_w_m2k2
        Loss coefficients [W/(m2 K)], [W/(m2 K2)].
    """

    area_m2: float
    eta_0: float = 0.75
    a1_w_m2k: float = 2.2
    a2_w_m2k2: float = 0.008

    def __post_init__(self) -> None:
        issues = [
            Issue("collector", name, str(value), expected)
            for name, value, expected, fine in (
                ("area_m2", self.area_m2, "above zero [m2]", self.area_m2 > 0.0),
                ("eta_0", self.eta_0, "0 to 1", 0.0 < self.eta_0 <= 1.0),
                ("a1_w_m2k", self.a1_w_m2k, "not negative", self.a1_w_m2k >= 0.0),
                ("a2_w_m2k2", self.a2_w_m2k2, "not negative", self.a2_w_m2k2 >= 0.0),
            )
            if not (math.isfinite(value) and fine)
        ]
        if issues:
            raise InputError(issues)

    def heat_kw(self, irradiance_w_m2: ArrayLike, mean_c: ArrayLike, outdoor_c: ArrayLike) -> FloatArray:
        """Return the heat of the field [kW]; its pump stands where the losses are larger than the gain.

        Parameters
        ----------
        irradiance_w_m2
            On the plane of the collectors [W/m2].
        mean_c
            Mean of the temperatures in and out [degC].
        outdoor_c
            Outdoor temperature [degC].

        Raises
        ------
        InputError
            For what is no finite number.
        """
        given = {"irradiance_w_m2": irradiance_w_m2, "mean_c": mean_c, "outdoor_c": outdoor_c}
        issues = [
            Issue("collector", key, str(value), "finite numbers")
            for key, value in given.items()
            if not np.isfinite(np.asarray(value, dtype=np.float64)).all()
        ]
        if issues:
            raise InputError(issues)
        excess = np.asarray(mean_c, dtype=np.float64) - np.asarray(outdoor_c, dtype=np.float64)
        gain = self.eta_0 * np.asarray(irradiance_w_m2, dtype=np.float64)
        flux = gain - self.a1_w_m2k * excess - self.a2_w_m2k2 * excess * np.abs(excess)
        return np.asarray(np.maximum(flux, 0.0) * self.area_m2 / WATT_PER_KILOWATT)


def carnot_cop(source_c: ArrayLike, supply_c: ArrayLike, quality: float = 0.5) -> FloatArray:
    """Return the coefficient of performance as a part ``quality`` of Carnot's between two temperatures [-].

    Around one half for large machines in district heating (A. Arpagaus et al., "High temperature heat pumps", Energy
    152 (2018), doi:10.1016/j.energy.2018.03.166). An InputError where a number is not finite.
    """
    _check_finite("heat pump", source_c=source_c, supply_c=supply_c, quality=quality)
    supply, source = np.asarray(supply_c, dtype=np.float64), np.asarray(source_c, dtype=np.float64)
    return np.asarray(quality * (supply + ZERO_CELSIUS_K) / np.maximum(supply - source, SMALLEST_LIFT_K))


def lorenz_cop(
    source_in_c: ArrayLike, source_out_c: ArrayLike, return_c: ArrayLike, supply_c: ArrayLike, quality: float = 0.5
) -> FloatArray:
    r"""Return the coefficient of performance as a part of Lorenz's, between streams that change temperature [-].

    .. math:: COP = q\,\frac{T_H}{T_H - T_L}, \qquad T_H = \frac{T_s - T_r}{\ln(T_s / T_r)}

    in kelvin, T_L alike from the source's inlet and outlet (H. Lorenz, 1894). Large heat pumps reach 0.4 to 0.6 of it.
    An InputError where a number is not finite.
    """
    _check_finite(
        "heat pump", source_in_c=source_in_c, source_out_c=source_out_c, return_c=return_c, supply_c=supply_c,
        quality=quality,
    )  # fmt: skip
    hot, cold = _log_mean_k(supply_c, return_c), _log_mean_k(source_in_c, source_out_c)
    return np.asarray(quality * hot / np.maximum(hot - cold, SMALLEST_LIFT_K))


def regression_cop(source: Source, source_c: ArrayLike, sink_c: ArrayLike) -> FloatArray:
    r"""Return the coefficient of performance of a heat pump of the market in the field [-].

    .. math:: COP = 0.85\,(a + b\,\Delta T + c\,\Delta T^2)

    with the lift :math:`\Delta T` held in the 15 … 60 K of the fit: O. Ruhnau, L. Hirth and A. Praktiknjo, "Time series
    of heat demand and heat pump efficiency for energy system modeling", Scientific Data 6 (2019) 189,
    doi:10.1038/s41597-019-0199-y; 0.85 is their correction from laboratory to field. An InputError for another source,
    and where a number is not finite.
    """
    if source not in REGRESSION:
        hint = did_you_mean(str(source), REGRESSION)
        raise InputError([Issue("heat pump", "source", str(source), "one of " + ", ".join(REGRESSION), hint)])
    _check_finite("heat pump", source_c=source_c, sink_c=sink_c)
    a, b, c = REGRESSION[source]
    lift = np.asarray(sink_c, dtype=np.float64) - np.asarray(source_c, dtype=np.float64)
    lift = np.clip(lift, *LIFT_RANGE_K)
    return np.asarray(FIELD_CORRECTION * (a + b * lift + c * lift**2))


def _check_finite(where: str, **numbers: ArrayLike) -> None:
    """Raise with every number that is not finite."""
    issues = [
        Issue(where, key, str(value), "finite numbers")
        for key, value in numbers.items()
        if not np.isfinite(np.asarray(value, dtype=np.float64)).all()
    ]
    if issues:
        raise InputError(issues)


def _log_mean_k(one_c: ArrayLike, other_c: ArrayLike) -> FloatArray:
    one, other = np.asarray(one_c, dtype=np.float64), np.asarray(other_c, dtype=np.float64)
    a, b = one + ZERO_CELSIUS_K, other + ZERO_CELSIUS_K
    x = np.log(a / b)
    small = np.abs(x) < 1e-6
    return np.asarray(np.where(small, 0.5 * (a + b), (a - b) / np.where(small, 1.0, x)))
