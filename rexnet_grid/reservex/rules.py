"""The rules of an exchange: what is traded, how it is matched, and how a unit is settled."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from rexnet_grid.errors import InputError, Issue, did_you_mean
from rexnet_grid.reservex.layout import MAX_ABS_PRICE
from rexnet_grid.reservex.pricing import MakerTerms
from rexnet_grid.units import Quantum

if TYPE_CHECKING:
    from collections.abc import Mapping

SelfTrade = Literal["cancel_newest", "cancel_oldest", "cancel_both", "decrement"]
ImbalanceRule = Literal["single_price", "two_price", "fixed_penalty"]
Rationing = Literal["time", "pro_rata"]
Design = Literal["continuous", "periodic_pay_as_clear", "periodic_pay_as_bid", "maker", "one_sided"]

PERIODIC: tuple[Design, ...] = ("periodic_pay_as_clear", "periodic_pay_as_bid")
QUOTED: tuple[Design, ...] = ("maker", "one_sided")

_MAX_LOTS = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """Rules of one exchange; checked when made.

    Attributes
    ----------
    unit_minutes
        Length of a delivery unit [min].
    lot_kw
        Smallest rate [kW].
    tick_eur_per_mwh
        Smallest price step [EUR/MWh].
    forward_units
        How many units are open at once [-].
    gate_closure_minutes
        How long before its delivery a unit's gate closes [min].
    min_price_ticks, max_price_ticks
        Price limits [tick].
    max_order_lots
        Largest order [lot].
    self_trade
        What happens when an account would trade with itself: the incoming order ends, the resting one ends, both end,
        or both shrink by the smaller of the two.
    opening_auction
        Whether a unit opens in a call phase that ends at one price.
    auction_rationing
        Who trades at the marginal price of a call auction: the eldest orders first, or all pro rata.
    design
        Which market this is: the continuous book, a periodic double auction (pay-as-clear or pay-as-bid), the contract
        maker, or the one-sided two-price prototype.
    maker
        How the contract maker prices, in the last two designs.
    imbalance
        How realised minus reserved is settled, see :mod:`rexnet_grid.reservex.settlement`.
    imbalance_spread_eur_per_mwh
        Half-spread around the reference price: what a shortfall costs more and a surplus earns less [EUR/MWh].
    imbalance_spread_relative
        The same as a part of the reference price's magnitude [-]; both add up.
    penalty_eur_per_mwh
        Fixed penalty per absolute imbalance energy under ``"fixed_penalty"`` [EUR/MWh].
    reference_price_eur_per_mwh
        Reference price of a unit in which nothing was traded [EUR/MWh].
    exchange_fee_eur_per_mwh
        What buyer and seller each pay to the exchange per traded energy [EUR/MWh].
    network_fee_eur_per_mwh
        What every realised injection and withdrawal pays to the network operator [EUR/MWh].
    unreserved_price_eur_per_mwh
        Price of consumption without any reservation, "no reservation, no service" [EUR/MWh]; ``None`` settles it as
        imbalance.
    floor_penalty_eur_per_mwh
        Penalty for falling below the reserved delivery inside the unit, per energy of the deepest shortfall held for
        the whole unit [EUR/MWh].
    option_fee_eur_per_mwh, exercise_fee_eur_per_mwh
        Defaults of security options: fee when sold, per energy that could be called, and when exercised, per energy
        not served [EUR/MWh].
    collateral_eur
        How far below zero cash minus committed orders may go, for every account [EUR]; ``None`` for no limit.

    Raises
    ------
    InputError
        With every value that cannot be used.
    """

    unit_minutes: int = 15
    lot_kw: float = 0.1
    tick_eur_per_mwh: float = 0.1
    forward_units: int = 96
    gate_closure_minutes: int = 15
    min_price_ticks: int = -5000
    max_price_ticks: int = 40000
    max_order_lots: int = 1_000_000_000
    self_trade: SelfTrade = "cancel_newest"
    opening_auction: bool = True
    auction_rationing: Rationing = "time"
    design: Design = "continuous"
    maker: MakerTerms = field(default_factory=MakerTerms)
    imbalance: ImbalanceRule = "two_price"
    imbalance_spread_eur_per_mwh: float = 20.0
    imbalance_spread_relative: float = 0.0
    penalty_eur_per_mwh: float = 50.0
    reference_price_eur_per_mwh: float = 80.0
    exchange_fee_eur_per_mwh: float = 0.0
    network_fee_eur_per_mwh: float = 0.0
    unreserved_price_eur_per_mwh: float | None = None
    floor_penalty_eur_per_mwh: float = 0.0
    option_fee_eur_per_mwh: float = 2.0
    exercise_fee_eur_per_mwh: float = 200.0
    collateral_eur: float | None = None

    def __post_init__(self) -> None:
        issues = [
            Issue("market rules", name, repr(getattr(self, name)), expected)
            for name, good, expected in self._checks()
            if not good
        ]
        for name, choices in (
            ("self_trade", SelfTrade), ("auction_rationing", Rationing), ("design", Design),
            ("imbalance", ImbalanceRule),
        ):  # fmt: skip
            value, known = getattr(self, name), get_args(choices)
            if value not in known:
                expected = "one of " + ", ".join(known)
                issues.append(Issue("market rules", name, repr(value), expected, did_you_mean(str(value), known)))
        if issues:
            raise InputError(issues)

    def _checks(self) -> list[tuple[str, bool, str]]:
        """Return (name, whether it is good, what is expected)."""
        low, high = self.min_price_ticks, self.max_price_ticks
        checks = [
            ("unit_minutes", _whole(self.unit_minutes, 1, 1440), "a whole number of minutes from 1 to 1440"),
            ("lot_kw", _positive(self.lot_kw), "a positive number"),
            ("tick_eur_per_mwh", _positive(self.tick_eur_per_mwh), "a positive number"),
            ("forward_units", _whole(self.forward_units, 1, 100_000), "a whole number from 1 to 100000"),
            ("gate_closure_minutes", _whole(self.gate_closure_minutes, 0, 525_600), "a whole number of minutes"),
            ("min_price_ticks", _whole(low, -MAX_ABS_PRICE, MAX_ABS_PRICE), "a whole number of ticks"),
            ("max_price_ticks", _whole(high, low, MAX_ABS_PRICE), "a whole number of ticks, at least min_price_ticks"),
            ("max_order_lots", _whole(self.max_order_lots, 1, _MAX_LOTS), f"a whole number from 1 to {_MAX_LOTS}"),
        ]
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name.endswith(("_eur_per_mwh", "_eur", "_relative")) and not each.name.startswith("tick"):
                checks.append((each.name, value is None or _not_negative(value), "a number, not negative"))
        return checks

    @property
    def quantum(self) -> Quantum:
        """Lot, tick and unit length, the measure of everything."""
        return Quantum(self.lot_kw, self.tick_eur_per_mwh, self.unit_minutes)

    def ticks(self, eur_per_mwh: float) -> int:
        """Return a price or fee in whole ticks, the nearest."""
        return self.quantum.ticks(eur_per_mwh)

    def as_dict(self) -> dict[str, Any]:
        """Return the rules as plain values, as the log keeps them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MarketRules:
        """Return the rules that :meth:`as_dict` gave."""
        return cls(**{**values, "maker": MakerTerms(**values.get("maker", {}))})


def _whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and 0.0 < value < float("inf")


def _not_negative(value: object) -> bool:
    return isinstance(value, int | float) and 0.0 <= value < float("inf")
