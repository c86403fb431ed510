r"""The flow controller: which supply temperature and which pump head the network is run at, units ahead.

By the *curve*, the supply temperature follows the outdoor temperature, and the pump keeps the head that the network
needs when every substation draws its usual largest flow.

By the *horizon*, a linear programme over the coming N units chooses the supply temperatures :math:`T_k`, first about
those of the curve, so that what is reserved is delivered at least cost of loss and pumping:

.. math:: \min \sum_k \varepsilon \left( p_{heat} U \tfrac12 (\Delta T_k + \overline{\Delta T}_k)
          + p_{el} \frac{\partial P_{pump}}{\partial \dot m} \Delta \dot m_k \right) + \text{penalties}

with U the loss of the supply side per kelvin, :math:`\Delta T_{s,k} = \sum_j h_s(k, j) \Delta T_j` at the
substations from the :mod:`response` kernels, their mean in the objective, and :math:`\Delta\dot m_k = -\sum_s \dot m_s
\Delta T_{s,k} / (T_s - T_{ret})`, because colder water is drawn faster. Every substation that has a reservation gets at
least its lowest temperature and what its valve needs, plus a reserve; the plant's heat, the pipes' velocity, the pump's
head, its own temperature limits and its ramp are kept. What cannot be kept is bought at a penalty, so there is always
an answer. Solved by HiGHS (Huangfu and Hall, doi:10.1007/s12532-017-0130-5), about the plan of the unit before (the
first time three times, from the curve). The answer is rehearsed, and where the curve comes near it that is, too, and
the cheaper one is taken: by its own forecast, warmth that lacks beyond the reserve at its penalty, the horizon is never
dearer than the curve.
The head is what the planned flows need, with a margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.optimize import linprog

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray

PENALTY_EUR_PER_K = 1.0
WATT_PER_KILOWATT = 1000.0


@dataclass(frozen=True, slots=True)
class ControlSettings:
    """How a heat network is run.

    Attributes
    ----------
    kind
        ``"curve"`` or ``"horizon"``.
    horizon_units
        How many units the horizon looks ahead; beyond them the last temperature is kept.
    ramp_k
        Largest change of the supply temperature from one unit to the next [K].
    reserve_k
        By how much every substation is to get more than it needs [K].
    head_reserve
        By how much the pump's head is above what the flows need, over the head for the usual largest flows [-].
    pump_efficiency
        From wire to water [-].
    heat_price_eur_per_mwh, power_price_eur_per_mwh
        What lost heat and pumping cost [EUR/MWh].
    band_k
        By how much the operator may hold the pipes above the plan, for trading [K].
    """

    kind: Literal["curve", "horizon"] = "curve"
    horizon_units: int = 16
    ramp_k: float = 5.0
    reserve_k: float = 2.0
    head_reserve: float = 0.1
    pump_efficiency: float = 0.6
    heat_price_eur_per_mwh: float = 60.0
    power_price_eur_per_mwh: float = 200.0
    band_k: float = 20.0


@dataclass(frozen=True)
class ControlProblem:
    """One linear programme; N units, S substations. All about a reference of supply temperatures.

    Attributes
    ----------
    reference_c, before_c
        (N,) reference and the supply temperature now [degC].
    lowest_c, highest_c
        (N,) bounds of the supply temperature [degC].
    response
        (N, N, S) ``[j, k, s]`` K at s in unit k for a kelvin in unit j.
    arrive_c, needed_c
        (N, S) supply temperature at the reference and what is needed [degC]; NaN where nothing is reserved.
    flow_per_k
        (N, S) change of flow for a kelvin more, not positive [kg/s/K].
    heat_kw, heat_kw_per_k, most_heat_kw
        (N,) heat of the plants at the reference, for a kelvin at unchanged flow, and (a number) the largest [kW].
    lift_kj_kg
        (N,) heat that the plant gives to a kilogram at the reference [kJ/kg].
    room_kg_s
        (N,) by how much the flow may still rise before a pipe's velocity or the pump's head binds [kg/s].
    loss_kw, pump_kw
        (N,) heat lost and power of the pump at the reference [kW].
    loss_kw_k
        Loss of the supply side for a kelvin more [kW/K].
    pump_kw_s_kg
        (N,) change of the pump's power with the flow [kW s/kg].
    hours
        Length of a unit [h].
    """

    reference_c: FloatArray
    before_c: float
    lowest_c: FloatArray
    highest_c: FloatArray
    response: FloatArray
    arrive_c: FloatArray
    needed_c: FloatArray
    flow_per_k: FloatArray
    heat_kw: FloatArray
    heat_kw_per_k: FloatArray
    most_heat_kw: float
    lift_kj_kg: FloatArray
    room_kg_s: FloatArray
    loss_kw: FloatArray
    pump_kw: FloatArray
    loss_kw_k: float
    pump_kw_s_kg: FloatArray
    hours: float


def solve(problem: ControlProblem, settings: ControlSettings) -> FloatArray:
    """Return the supply temperatures of least cost, (n_units,) [degC].

    Variables are the changes of temperature, and one shortfall for each unit of warmth, of heat and of flow.
    """
    p, n = problem, len(problem.reference_c)
    cost, rows, bounds, owners = _programme(problem, settings)
    soft = np.zeros((len(rows), 3 * n))
    soft[np.arange(len(rows)), owners] = -1.0
    ramp = np.eye(n) - np.eye(n, k=-1)
    step = p.reference_c - np.concatenate(([p.before_c], p.reference_c[:-1]))
    hard = np.concatenate((ramp, -ramp))
    matrix = np.block([[rows, soft], [hard, np.zeros((2 * n, 3 * n))]])
    limit = np.concatenate((bounds, settings.ramp_k - step, settings.ramp_k + step))
    box = np.column_stack((p.lowest_c - p.reference_c, p.highest_c - p.reference_c))
    answer: Any = linprog(  # type: ignore[call-overload]
        np.concatenate((cost, np.full(3 * n, PENALTY_EUR_PER_K))),
        A_ub=matrix,
        b_ub=limit,
        bounds=np.concatenate((box, np.column_stack((np.zeros(3 * n), np.full(3 * n, np.inf))))),
        method="highs",
    )
    if answer.status != 0:
        return p.reference_c
    return np.asarray(p.reference_c + answer.x[:n])


def forecast_eur(problem: ControlProblem, settings: ControlSettings, supply_c: FloatArray | None = None) -> float:
    """Return what supply temperatures (n_units,) [degC] cost by the programme, shortfalls at their penalty [EUR].

    Warmth lacks where the reserve is used up. That is exact, as far as the rehearsal is, at the reference, for which it
    stands when left out.
    """
    p = problem
    cost, rows, bounds, owners = _programme(problem, settings)
    change = np.zeros(len(p.reference_c)) if supply_c is None else supply_c - p.reference_c
    short = np.zeros(3 * len(change))
    np.maximum.at(short, owners, rows @ change - bounds - np.where(owners < len(change), settings.reserve_k, 0.0))
    running = settings.heat_price_eur_per_mwh * p.loss_kw + settings.power_price_eur_per_mwh * p.pump_kw
    return float(running.sum() / WATT_PER_KILOWATT * p.hours + cost @ change + PENALTY_EUR_PER_K * short.sum())


def _programme(p: ControlProblem, settings: ControlSettings) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
    """Return the cost of a kelvin in each unit, and soft rows: coefficients, bounds, and whose shortfall each has."""
    n = len(p.reference_c)
    mean = np.einsum("jks,ks->kj", p.response, _weights(p))
    flow = np.einsum("jks,ks->kj", p.response, p.flow_per_k)
    heat_price = settings.heat_price_eur_per_mwh / WATT_PER_KILOWATT * p.hours
    power_price = settings.power_price_eur_per_mwh / WATT_PER_KILOWATT * p.hours
    cost = heat_price * p.loss_kw_k * 0.5 * (1.0 + mean.sum(axis=0))
    cost = cost + power_price * (p.pump_kw_s_kg[:, None] * flow).sum(axis=0)
    rows, bounds, owners = [], [], []
    for k, s in zip(*np.nonzero(np.isfinite(p.needed_c)), strict=True):
        rows.append(-p.response[:, k, s])
        bounds.append(p.arrive_c[k, s] - p.needed_c[k, s])
        owners.append(k)
    heat = np.diag(p.heat_kw_per_k) + p.lift_kj_kg[:, None] * flow
    if np.isfinite(p.most_heat_kw):
        rows += list(heat / np.maximum(p.heat_kw_per_k, 1e-6)[:, None])
        bounds += list((p.most_heat_kw - p.heat_kw) / np.maximum(p.heat_kw_per_k, 1e-6))
        owners += list(range(n, 2 * n))
    scale = np.maximum(-p.flow_per_k.sum(axis=1), 1e-9)
    rows += list(flow / scale[:, None])
    bounds += list(p.room_kg_s / scale)
    owners += list(range(2 * n, 3 * n))
    return cost, np.array(rows), np.array(bounds), np.array(owners)


def _weights(p: ControlProblem) -> FloatArray:
    """Return with which part each substation counts in the mean of a unit, (n_units, n_substations) [-]."""
    drawn = -p.flow_per_k
    return np.asarray(drawn / np.maximum(drawn.sum(axis=1, keepdims=True), 1e-12))
