"""Pricing functions of a contract maker: what it quotes in every open unit for the inventory it holds.

An inventory is the maker's position with the sign of an injection: sold minus bought, so a maker that has sold too much
has a positive one and raises its prices.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np

from rexnet_grid.errors import InputError, Issue, did_you_mean

if TYPE_CHECKING:
    from rexnet_grid.reservex.layout import FloatArray, IntArray
    from rexnet_grid.units import Quantum

Pricing = Literal["linear", "avellaneda_stoikov", "minimum_variance", "two_state"]


class PricingFunction(Protocol):
    """What a contract maker asks for prices."""

    def quotes(self, inventory: IntArray, lead: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return (bid, ask) [tick] for inventories [lot] of units that are ``lead`` boundaries from their gate."""
        ...


@dataclass(frozen=True, slots=True)
class LinearPricing:
    """Mid price base + slope · inventory, bid and ask half a spread from it.

    Attributes
    ----------
    base
        Mid price of an empty inventory [tick], one for all units or one for each.
    slope
        Rise per lot sold [tick/lot].
    half_spread
        Half the gap between bid and ask [tick].
    """

    base: float | FloatArray
    slope: float
    half_spread: float

    def quotes(self, inventory: IntArray, lead: IntArray) -> tuple[FloatArray, FloatArray]:  # noqa: ARG002
        """Return (bid, ask) [tick]."""
        mid = self.base + self.slope * inventory.astype(np.float64)
        return mid - self.half_spread, mid + self.half_spread


@dataclass(frozen=True, slots=True)
class AvellanedaStoikov:
    r"""Reservation price and optimal spread of an inventory-averse maker.

    With q the lots held (minus ``inventory``), :math:`\tau` the time left,

    .. math:: r = s - q \gamma \sigma^2 \tau, \qquad
              \delta^a + \delta^b = \gamma \sigma^2 \tau + \frac{2}{\gamma} \ln(1 + \gamma / k)

    (Avellaneda and Stoikov, High-frequency trading in a limit order book, Quantitative Finance 8 (2008) 217, eqs 2.6
    (reservation price), 3.17 and 3.18).

    Attributes
    ----------
    mid
        Mid price s [tick], one for all units or one for each.
    gamma
        Risk aversion γ [1/(tick·lot)].
    sigma
        Standard deviation of the mid price per square root of a unit σ [tick].
    k
        Decay of the fill rate with the distance from mid [1/tick].
    unit
        Time of one boundary [-], in the time σ is given for.
    """

    mid: float | FloatArray
    gamma: float
    sigma: float
    k: float
    unit: float = 1.0

    def quotes(self, inventory: IntArray, lead: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return (bid, ask) [tick]."""
        variance = self.gamma * self.sigma**2 * self.unit * lead.astype(np.float64)
        half = 0.5 * variance + np.log1p(self.gamma / self.k) / self.gamma
        reservation = self.mid + inventory * variance
        return reservation - half, reservation + half


@dataclass(frozen=True, slots=True)
class MinimumVariance:
    """Steer the expected inventory of the next boundary to zero, damped.

    With net sales per boundary answering a price change u as ``-response · u`` plus noise, the minimum-variance
    control of the inventory is u = inventory / response (Astrom, Introduction to Stochastic Control Theory, 1970, ch.
    6); ``damping`` < 1 trades some of the variance for calmer prices.

    Attributes
    ----------
    base
        Price of an empty inventory [tick], one for all units or one for each.
    response
        Net lots sold less per tick of price [lot/tick].
    damping
        Part of the correction made at each boundary [-].
    half_spread
        Half the gap between bid and ask [tick].
    """

    base: float | FloatArray
    response: float
    damping: float = 1.0
    half_spread: float = 1.0

    def quotes(self, inventory: IntArray, lead: IntArray) -> tuple[FloatArray, FloatArray]:  # noqa: ARG002
        """Return (bid, ask) [tick]."""
        mid = self.base + self.damping * inventory.astype(np.float64) / self.response
        return mid - self.half_spread, mid + self.half_spread


@dataclass(frozen=True, slots=True)
class TwoStatePrice:
    """One-sided prices of a two-state world: the expected price given the state now and anticipated switching.

    The state is a Markov chain with switching probabilities a (low to high) and b (high to low) a unit, so it is high
    in k units with probability π + (h - π)(1 - a - b)^k, π = a / (a + b), h = 1 when it is high now and 0 when low.

    Attributes
    ----------
    low, high
        Price in each state [tick].
    to_high, to_low
        Switching probabilities a and b of a unit [-].
    is_high
        The state now.
    """

    low: float
    high: float
    to_high: float
    to_low: float
    is_high: bool

    def quotes(self, inventory: IntArray, lead: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return (bid, ask) [tick]; the bid is NaN, the maker only sells."""
        both = self.to_high + self.to_low
        limit = self.to_high / both if both else float(self.is_high)
        probability = limit + (float(self.is_high) - limit) * (1.0 - both) ** lead.astype(np.float64)
        ask = self.low + (self.high - self.low) * probability
        return np.full(len(inventory), np.nan), ask


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerTerms:
    """How a contract maker prices, in the units of people; checked when made.

    Attributes
    ----------
    pricing
        Which pricing function; the one-sided design always takes ``"two_state"``.
    quote_kw
        Size of each quote [kW].
    base_eur_per_mwh
        Mid price of an empty inventory in units opened without a reference price [EUR/MWh].
    half_spread_eur_per_mwh
        Half the gap between bid and ask [EUR/MWh]; Avellaneda and Stoikov find their own.
    slope_eur_per_mwh_per_kw
        ``"linear"``: rise of the mid price per kW sold [EUR/MWh/kW].
    risk_aversion
        ``"avellaneda_stoikov"``: γ [1/(EUR/MWh kW)].
    volatility_eur_per_mwh
        The same: σ of the mid price per square root of a unit [EUR/MWh].
    fill_decay
        The same: k, how fast fills fade with the distance from mid [1/(EUR/MWh)].
    response_kw_per_eur_per_mwh
        ``"minimum_variance"``: how much less is bought from it per price rise [kW/(EUR/MWh)].
    damping
        The same: part of the correction made at each boundary [-].
    low_eur_per_mwh, high_eur_per_mwh
        ``"two_state"``: price in each state [EUR/MWh].
    to_high, to_low
        The same: anticipated probability that a unit switches the state [-].

    Raises
    ------
    InputError
        With every value that cannot be used.
    """

    pricing: Pricing = "linear"
    quote_kw: float = 100.0
    base_eur_per_mwh: float = 100.0
    half_spread_eur_per_mwh: float = 3.0
    slope_eur_per_mwh_per_kw: float = 0.2
    risk_aversion: float = 0.01
    volatility_eur_per_mwh: float = 2.0
    fill_decay: float = 0.3
    response_kw_per_eur_per_mwh: float = 5.0
    damping: float = 0.5
    low_eur_per_mwh: float = 60.0
    high_eur_per_mwh: float = 180.0
    to_high: float = 0.05
    to_low: float = 0.15

    def __post_init__(self) -> None:
        issues = []
        if self.pricing not in get_args(Pricing):
            expected, hint = "one of " + ", ".join(get_args(Pricing)), did_you_mean(self.pricing, get_args(Pricing))
            issues.append(Issue("market rules", "maker.pricing", repr(self.pricing), expected, hint))
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            free = field.name in {"base_eur_per_mwh", "low_eur_per_mwh", "high_eur_per_mwh"}
            share = field.name in {"to_high", "to_low", "damping"}
            good = isinstance(value, int | float) and abs(value) < float("inf") and (free or value >= 0.0)
            if field.name in _POSITIVE:
                good = good and value > 0.0
            if not good or (share and value > 1.0):
                expected = "from 0 to 1" if share else "a finite number" if free else "a positive number"
                issues.append(Issue("market rules", f"maker.{field.name}", repr(value), expected))
        if issues:
            raise InputError(issues)

    def function(
        self, quantum: Quantum, base: FloatArray, *, one_sided: bool, is_high: bool = False
    ) -> PricingFunction:  # fmt: skip
        """Return the pricing function in ticks and lots, for units with these base prices [tick].

        ``is_high`` is the state now, where there are two.
        """
        tick, lot = quantum.tick_eur_per_mwh, quantum.lot_kw
        half = self.half_spread_eur_per_mwh / tick
        if one_sided or self.pricing == "two_state":
            low, high = self.low_eur_per_mwh / tick, self.high_eur_per_mwh / tick
            return TwoStatePrice(low, high, self.to_high, self.to_low, is_high)
        if self.pricing == "linear":
            return LinearPricing(base, self.slope_eur_per_mwh_per_kw * lot / tick, half)
        if self.pricing == "minimum_variance":
            return MinimumVariance(base, self.response_kw_per_eur_per_mwh * tick / lot, self.damping, half)
        gamma, sigma = self.risk_aversion * tick * lot, self.volatility_eur_per_mwh / tick
        return AvellanedaStoikov(base, gamma, sigma, self.fill_decay * tick)


_POSITIVE = {"quote_kw", "risk_aversion", "fill_decay", "response_kw_per_eur_per_mwh"}
