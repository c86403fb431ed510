"""Options for security: the right of the network operator to call generation or to put consumption in a unit.

A *call* lets the operator ask a participant for more injection; a *put* lets it give consumption back, that is, cut it
("to put instead of to call": the interruptible load sells the operator the right not to serve it). The holder of the
device receives the option fee when it sells and the exercise fee per energy when the safety maintainer exercises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from rexnet_grid.reservex.layout import OPTION_KINDS

if TYPE_CHECKING:
    from rexnet_grid.reservex.exchange import Exchange

OptionKind = Literal["call", "put"]


@dataclass(frozen=True, slots=True)
class SecurityOption:
    """One sold option.

    Attributes
    ----------
    number
        Its number, 0, 1, 2 …
    account, node
        Who sold it, and where the device sits.
    unit
        Delivery unit.
    kind
        ``"call"`` (more injection) or ``"put"`` (less consumption).
    lots
        How much of it was sold [lot].
    fee, exercise
        Option fee and exercise fee [tick].
    used
        How much was exercised [lot].
    """

    number: int
    account: int
    node: str
    unit: int
    kind: OptionKind
    lots: int
    fee: int
    exercise: int
    used: int = 0


class OptionReceipt(NamedTuple):
    """The answer to a sale or an exercise: number, ``"sold"``, ``"exercised"`` or ``"rejected"``, lots, reason."""

    number: int
    status: str
    lots: int = 0
    reason: str = ""


class OptionBook:
    """All options of one exchange; what was sold and exercised stands in its log.

    Parameters
    ----------
    exchange
        Whose ledger carries the fees.
    operator_account
        The network operator, who buys and exercises.
    """

    def __init__(self, exchange: Exchange, operator_account: int) -> None:
        self.exchange = exchange
        self.operator_account = operator_account

    def sell(
        self, account: int, unit: int, kind: OptionKind, lots: int, fee: int | None = None, exercise: int | None = None
    ) -> OptionReceipt:
        """Sell an option to the operator, which pays the fee at once.

        Parameters
        ----------
        account, unit, kind, lots
            Who sells, for which open unit, what, and how much [lot].
        fee, exercise
            Option and exercise fee [tick]; the rules' defaults when not given.
        """
        rules = self.exchange.rules
        known = 0 <= account < len(self.exchange.names) and kind in OPTION_KINDS
        if not known or lots != int(lots) or not 1 <= lots <= rules.max_order_lots:
            return OptionReceipt(-1, "rejected", 0, "unknown account or kind, or no whole lots")
        if min(fee or 0, exercise or 0) < 0:
            return OptionReceipt(-1, "rejected", 0, "a fee below zero")
        if unit not in self.exchange.units:
            return OptionReceipt(-1, "rejected", 0, "unit is not open")
        fee = rules.ticks(rules.option_fee_eur_per_mwh) if fee is None else fee
        exercise = rules.ticks(rules.exercise_fee_eur_per_mwh) if exercise is None else exercise
        number, node = len(self.exchange.options), self.exchange.names[account][1]
        self.exchange.add_option(SecurityOption(number, account, node, unit, kind, lots, fee, exercise))
        self._pay("option fee", unit, account, fee * lots)
        return OptionReceipt(number, "sold", lots)

    def offers(self, unit: int) -> tuple[SecurityOption, ...]:
        """Return what is left to exercise in a unit, cheapest exercise fee first, then in order of sale."""
        left = (option for option in self.exchange.options_of(unit) if option.used < option.lots)
        return tuple(sorted(left, key=lambda option: (option.exercise, option.number)))

    def exercise(self, number: int, lots: int) -> OptionReceipt:
        """Exercise part of an option; the seller receives the exercise fee per energy not served (or called)."""
        options = self.exchange.options
        if not 0 <= number < len(options):
            return OptionReceipt(number, "rejected", 0, "unknown option")
        option = options[number]
        if not 1 <= lots <= option.lots - option.used:
            return OptionReceipt(number, "rejected", 0, "more than is left of it")
        self.exchange.use_option(number, lots)
        self._pay("exercise fee", option.unit, option.account, option.exercise * lots)
        return OptionReceipt(number, "exercised", lots)

    def _pay(self, kind: str, unit: int, account: int, quanta: int) -> None:
        payer, receiver = np.array([self.operator_account]), np.array([account])
        self.exchange.post(kind, unit, payer, receiver, np.array([quanta], dtype=np.int64))
