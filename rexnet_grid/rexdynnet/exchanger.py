r"""Heat exchangers of substations: counter-flow by effectiveness and transfer units, with films that follow the flow.

With the smaller and larger capacity flow :math:`C_{min}, C_{max}` [W/K], their ratio R and :math:`N = UA / C_{min}`

.. math:: Q = \varepsilon\,C_{min}\,(T_1 - T_2), \qquad \varepsilon = \frac{1 - e^{-N (1 - R)}}{1 - R\,e^{-N (1 - R)}}

(W. M. Kays and A. L. London, "Compact Heat Exchangers", 1984; VDI Heat Atlas, part C1). The films on both sides carry
the resistance; each falls with its flow like :math:`\dot m^{0.8}` (turbulent, Dittus-Boelter), as in the Modelica
Buildings library (M. Wetter et al., J. Building Performance Simulation 7 (2014), doi:10.1080/19401493.2013.765506):

.. math:: \frac{UA_N}{UA} = s \Big(\frac{\dot m_{1,N}}{\dot m_1}\Big)^{0.8}
                          + (1 - s) \Big(\frac{\dot m_{2,N}}{\dot m_2}\Big)^{0.8}
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import InputError, Issue
from rexnet_grid.rexdynnet.compiled import entry

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray

WATT_PER_KILOWATT = 1000.0
FILM_EXPONENT = 0.8
SAME_FLOWS = 1e-6
CLOSE_ENOUGH = 1e-11
MAX_TRIALS = 60
WATER_J_KGK = 4184.3
UA, PRIMARY, SECONDARY, SHARE, RETURN, SUPPLY = range(6)
COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Exchanger:
    """A counter-flow heat exchanger by its design point.

    Attributes
    ----------
    ua_kw_k
        UA at the design flows [kW/K].
    primary_kg_s, secondary_kg_s
        Design flows on the network's and on the house's side [kg/s].
    secondary_supply_c, secondary_return_c
        Usual temperatures on the house's side: leaving the exchanger and entering it [degC]. For hot water these are
        the tap's and the cold water's.
    primary_film_share
        Part of the design resistance that lies on the network's side [-].
    """

    ua_kw_k: float
    primary_kg_s: float
    secondary_kg_s: float
    secondary_supply_c: float = 60.0
    secondary_return_c: float = 35.0
    primary_film_share: float = 0.5

    def __post_init__(self) -> None:
        issues = [
            Issue("exchanger", name, str(value), "a finite number above zero")
            for name, value in (
                ("ua_kw_k", self.ua_kw_k),
                ("primary_kg_s", self.primary_kg_s),
                ("secondary_kg_s", self.secondary_kg_s),
            )
            if not (math.isfinite(value) and value > 0.0)
        ]
        if not 0.0 <= self.primary_film_share <= 1.0:
            issues.append(Issue("exchanger", "primary_film_share", str(self.primary_film_share), "0 to 1"))
        if not 0.0 <= self.secondary_return_c < self.secondary_supply_c:
            issues.append(
                Issue("exchanger", "secondary_return_c", str(self.secondary_return_c),
                      f"0 degC or more and below secondary_supply_c {self.secondary_supply_c:g}")
            )  # fmt: skip
        if issues:
            raise InputError(issues)

    @classmethod
    def design(
        cls,
        heat_kw: float,
        supply_c: float,
        return_c: float,
        secondary_supply_c: float,
        secondary_return_c: float,
        heat_capacity: float = WATER_J_KGK,
    ) -> Exchanger:
        r"""Return the exchanger that carries ``heat_kw`` [kW] at these four temperatures [degC].

        :math:`UA = Q / \Delta T_{lm}` with the logarithmic mean of the differences at both ends.

        Parameters
        ----------
        heat_kw
            Design load [kW].
        supply_c, return_c
            On the network's side.
        secondary_supply_c, secondary_return_c
            On the house's side.
        heat_capacity
            Of water [J/(kg K)].

        Raises
        ------
        InputError
            When the load is not positive or a temperature difference is not.
        """
        hot, cold = supply_c - secondary_supply_c, return_c - secondary_return_c
        issues = [
            Issue("exchanger", key, f"{value:g}", "above zero")
            for key, value in (
                ("heat_kw", heat_kw),
                ("supply_c - return_c", supply_c - return_c),
                ("secondary_supply_c - secondary_return_c", secondary_supply_c - secondary_return_c),
                ("supply_c - secondary_supply_c", hot),
                ("return_c - secondary_return_c", cold),
            )
            if not value > 0.0
        ]
        if issues:
            raise InputError(issues)
        mean = hot if abs(hot - cold) < 1e-9 * hot else (hot - cold) / math.log(hot / cold)
        kilo = heat_capacity / WATT_PER_KILOWATT
        return cls(
            ua_kw_k=heat_kw / mean,
            primary_kg_s=heat_kw / (kilo * (supply_c - return_c)),
            secondary_kg_s=heat_kw / (kilo * (secondary_supply_c - secondary_return_c)),
            secondary_supply_c=secondary_supply_c,
            secondary_return_c=secondary_return_c,
        )

    def row(self) -> FloatArray:
        """Return the exchanger as the kernels see it, (6,): W/K, kg/s, kg/s, -, degC, degC."""
        return np.array(
            [
                self.ua_kw_k * WATT_PER_KILOWATT,
                self.primary_kg_s,
                self.secondary_kg_s,
                self.primary_film_share,
                self.secondary_return_c,
                self.secondary_supply_c,
            ]
        )


@entry
def effectiveness(units: float, ratio: float) -> float:
    """Return ε of a counter-flow exchanger [-] for transfer units and the ratio of capacity flows, both [-]."""
    if 1.0 - ratio < SAME_FLOWS:
        return units / (1.0 + units)
    fade = math.exp(-units * (1.0 - ratio))
    return (1.0 - fade) / (1.0 - ratio * fade)


@entry
def exchanged_w(
    row: FloatArray,
    primary_kg_s: float,
    primary_c: float,
    secondary_kg_s: float,
    secondary_c: float,
    heat_capacity: float,
) -> float:
    """Return the heat [W] between inlets of ``primary_c`` and ``secondary_c`` [degC]; nothing flows back.

    Parameters
    ----------
    row
        The exchanger, see :meth:`Exchanger.row`.
    primary_kg_s, secondary_kg_s
        Flows [kg/s].
    primary_c, secondary_c
        Inlet temperatures [degC].
    heat_capacity
        Of water [J/(kg K)].
    """
    if primary_kg_s <= 0.0 or secondary_kg_s <= 0.0 or primary_c <= secondary_c:
        return 0.0
    resistance = row[SHARE] * (row[PRIMARY] / primary_kg_s) ** FILM_EXPONENT
    resistance += (1.0 - row[SHARE]) * (row[SECONDARY] / secondary_kg_s) ** FILM_EXPONENT
    low = min(primary_kg_s, secondary_kg_s) * heat_capacity
    ratio = min(primary_kg_s, secondary_kg_s) / max(primary_kg_s, secondary_kg_s)
    return effectiveness(row[UA] / resistance / low, ratio) * low * (primary_c - secondary_c)


@entry
def needed_flow(
    row: FloatArray,
    heat_w: float,
    primary_c: float,
    supply_c: float,
    return_c: float,
    most_kg_s: float,
    heat_capacity: float,
) -> tuple[float, float]:
    """Return the flow [kg/s] that the control valve lets through for ``heat_w`` and the heat it yields [W].

    The house's flow follows from its temperatures; the valve opens until the heat is met, at most to ``most_kg_s``.
    Found by regula falsi with the Illinois step between the flow of an infinite exchanger and the open valve.

    Parameters
    ----------
    row
        The exchanger.
    heat_w
        Heat wanted [W].
    primary_c
        Supply temperature that arrives [degC].
    supply_c, return_c
        Wanted and returned on the house's side [degC].
    most_kg_s
        What the valve lets through [kg/s].
    heat_capacity
        Of water [J/(kg K)].
    """
    if heat_w <= 0.0 or most_kg_s <= 0.0:
        return 0.0, 0.0
    secondary = heat_w / (heat_capacity * max(supply_c - return_c, 1e-3))
    reached = exchanged_w(row, most_kg_s, primary_c, secondary, return_c, heat_capacity)
    if reached <= heat_w:
        return most_kg_s, reached
    low, high = heat_w / (heat_capacity * (primary_c - return_c)), most_kg_s
    below = exchanged_w(row, low, primary_c, secondary, return_c, heat_capacity) - heat_w
    above = reached - heat_w
    flow = high
    for _ in range(MAX_TRIALS):
        if below >= 0.0:
            return low, heat_w
        flow = low - below * (high - low) / (above - below)
        miss = exchanged_w(row, flow, primary_c, secondary, return_c, heat_capacity) - heat_w
        if abs(miss) <= CLOSE_ENOUGH * heat_w or high - low <= CLOSE_ENOUGH * high:
            break
        if miss < 0.0:
            low, below = flow, miss
            above *= 0.5
        else:
            high, above = flow, miss
            below *= 0.5
    return flow, heat_w
