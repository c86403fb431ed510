"""Pricing functions of a contract maker: what it quotes in every open unit for the inventory it holds.

An inventory is the maker's position with the sign of an injection: sold minus bought, so a maker that has sold too much
has a positive one and raises its prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.reservex.layout import FloatArray, IntArray


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
        Mid price of an empty inventory [tick].
    slope
        Rise per lot sold [tick/lot].
    half_spread
        Half the gap between bid and ask [tick].
    """

    base: float
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
        Mid price s [tick].
    gamma
        Risk aversion γ [1/(tick·lot)].
    sigma
        Standard deviation of the mid price per square root of a unit σ [tick].
    k
        Decay of the fill rate with the distance from mid [1/tick].
    unit
        Time of one boundary [-], in the time σ is given for.
    """

    mid: float
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
        Price of an empty inventory [tick].
    response
        Net lots sold less per tick of price [lot/tick].
    damping
        Part of the correction made at each boundary [-].
    half_spread
        Half the gap between bid and ask [tick].
    """

    base: float
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
