"""The clearing half of an exchange: entries in the books and the settlement of a unit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rexnet_grid.reservex.book_views import BookViews
from rexnet_grid.reservex.layout import (
    A_CASH,
    B_FIRST,
    B_HIGH,
    B_LAST,
    B_LOW,
    B_TURNOVER,
    B_VOLUME,
    EVENT,
    H_ACC,
    H_LOG,
    K_ACCOUNT,
    K_BOOK,
    K_EXERCISE,
    K_OPTION,
    K_SETTLE,
    OPTION_KINDS,
    RECORD,
    IntArray,
)
from rexnet_grid.reservex.ledger import ENTRY_KINDS, Ledger
from rexnet_grid.reservex.log import trade_columns
from rexnet_grid.reservex.settlement import Entries, UnitFacts, unit_entries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.delivery.admission import LinearAdmission
    from rexnet_grid.reservex.arena import Arena
    from rexnet_grid.reservex.options import SecurityOption
    from rexnet_grid.reservex.rules import MarketRules

HOUSE = "exchange"


class UnitFigures(NamedTuple):
    """What a unit's trading came to; prices [tick], ``None`` where nothing was traded."""

    first: int | None
    last: int | None
    low: int | None
    high: int | None
    lots: int
    turnover: int

    @property
    def mean(self) -> float | None:
        """Volume-weighted mean price [tick]."""
        return self.turnover / self.lots if self.lots else None


class SettlementReceipt(NamedTuple):
    """The answer to a settlement: ``"settled"`` or ``"rejected"`` with a reason; quanta by kind of entry."""

    unit: int
    status: str
    reason: str = ""
    reference_price: int = 0
    quanta: dict[str, int] | None = None


class Clearing(BookViews):
    """Entries and settlement, on top of the reading half.

    Parameters
    ----------
    arena
        The memory of the exchange.
    admission
        What the network can carry, ``None`` without a network.
    rules
        The market rules.
    """

    def __init__(self, arena: Arena, admission: LinearAdmission | None, rules: MarketRules) -> None:
        super().__init__(arena, admission)
        self.rules = rules
        self._closed: dict[int, IntArray] = {}
        self._figures: dict[int, UnitFigures] = {}
        self._settled: dict[int, int] = {}
        self._options: list[SecurityOption] = []
        self._options_of: dict[int, list[int]] = {}
        self._accounts: dict[str, int] = {}
        self._names: list[tuple[str, str]] = []
        self.ledger = Ledger(arena, self._closed)

    @property
    def house(self) -> int:
        """The exchange's own account, which earns the exchange fee; opened when it is first needed."""
        if HOUSE not in self._accounts:
            self._add_account(HOUSE, "", 0, 0)
        return self._accounts[HOUSE]

    @property
    def options(self) -> Sequence[SecurityOption]:
        """All options for security that were sold, in order; see :class:`rexnet_grid.reservex.options.OptionBook`."""
        return self._options

    def options_of(self, unit: int) -> tuple[SecurityOption, ...]:
        """Return the options of one unit, in order of sale."""
        return tuple(self._options[number] for number in self._options_of.get(unit, ()))

    def add_option(self, option: SecurityOption) -> None:
        """Note in the log that an option was sold; its number is the next one."""
        kind, number = OPTION_KINDS.index(option.kind), len(self._options)
        self._options.append(option)
        self._options_of.setdefault(option.unit, []).append(number)
        row = [K_OPTION, number, option.account, option.unit, option.fee, option.lots, kind, option.exercise]
        self._append(np.array([row], dtype=np.int64))

    def use_option(self, number: int, lots: int) -> None:
        """Note in the log that part of an option was exercised."""
        option = self._options[number]
        self._options[number] = replace(option, used=option.used + lots)
        row = [K_EXERCISE, number, option.account, option.unit, option.exercise, lots, 0, 0]
        self._append(np.array([row], dtype=np.int64))

    def figures(self, unit: int) -> UnitFigures:
        """Return what the trading of a unit, open or closed, came to."""
        if unit in self._figures:
            return self._figures[unit]
        return self._read_figures(unit)

    def post(self, kind: str, unit: int, payer: IntArray, receiver: IntArray, quanta: IntArray) -> int:
        """Book amounts [quanta] from payers to receivers; negative ones go the other way, zero ones are left out.

        Returns the sum of the amounts.

        Raises
        ------
        KeyError
            When the kind is not one of the ledger's.
        """
        code = ENTRY_KINDS.index(kind) if kind in ENTRY_KINDS else -1
        if code < 0:
            raise KeyError(f"{kind} is not a kind of entry; known are {', '.join(ENTRY_KINDS)}")
        amount = np.asarray(quanta, dtype=np.int64)
        keep = (amount != 0) & (payer != receiver)
        amount, payer, receiver = amount[keep], np.asarray(payer)[keep], np.asarray(receiver)[keep]
        rows = np.zeros((len(amount), EVENT), dtype=np.int64)
        rows[:, 0], rows[:, 1], rows[:, 3], rows[:, 5] = K_BOOK, code, unit, np.abs(amount)
        rows[:, 2] = np.where(amount > 0, payer, receiver)
        rows[:, 4] = np.where(amount > 0, receiver, payer)
        self._append(rows)
        M = self._arena.M
        start = int(M[H_ACC]) + A_CASH
        cash = M[start : start + self._arena.accounts * RECORD : RECORD]
        np.subtract.at(cash, payer, amount)
        np.add.at(cash, receiver, amount)
        return int(amount.sum())

    def settle(
        self,
        unit: int,
        realised_lots: IntArray,
        *,
        operator_account: int,
        lowest_lots: IntArray | None = None,
        curtailed_lots: IntArray | None = None,
        compensation_ticks: IntArray | None = None,
        instructed_lots: IntArray | None = None,
    ) -> SettlementReceipt:
        """Settle a closed unit once: imbalance, fees, unreserved consumption, floor and compensation.

        Parameters
        ----------
        unit
            A unit whose gate has closed.
        realised_lots
            What every account really injected (positive) or withdrew [lot]; missing accounts at the end realised 0.
        operator_account
            The network operator: counterparty of every imbalance and fee but the exchange's own.
        lowest_lots
            Lowest injection inside the unit [lot], for the floor constraint.
        curtailed_lots
            What the safety maintainer rationed or discarded, as a magnitude [lot].
        compensation_ticks
            What that is compensated with, by account [tick].
        instructed_lots
            By how much exercised options moved the reservation [lot], positive for more injection.

        Returns
        -------
        SettlementReceipt
            Rejected, with a reason, when the unit is not closed, is settled already, an array is longer than there are
            accounts, or holds what is no whole number.
        """
        n = self._arena.accounts
        given = (realised_lots, lowest_lots, curtailed_lots, compensation_ticks, instructed_lots)
        if unit not in self._closed:
            return SettlementReceipt(unit, "rejected", "its gate has not closed")
        if unit in self._settled:
            return SettlementReceipt(unit, "rejected", "it is settled already")
        if any(array is not None and len(array) > n for array in given) or not 0 <= operator_account < n:
            return SettlementReceipt(unit, "rejected", "unknown accounts")
        if not all(_whole(array) for array in given if array is not None):
            return SettlementReceipt(unit, "rejected", "quantities must be whole numbers")
        figures = self.figures(unit)
        volume = self._traded_lots(unit) if self.rules.exchange_fee_eur_per_mwh else np.zeros(n, dtype=np.int64)
        house = self.house if volume.any() else operator_account
        realised, lowest, curtailed, compensation, instructed = (_padded(array, n) for array in given)
        facts = UnitFacts(
            reserved=self.ledger.positions(unit)[:n],
            realised=realised,
            lowest=realised if lowest_lots is None else lowest,
            curtailed=curtailed,
            compensation=compensation,
            instructed=instructed,
            traded=volume,
            mean_price=figures.mean,
            operator=operator_account,
        )
        reference, entries = unit_entries(self.rules, facts)
        quanta = {entry.kind: self._post_all(unit, entry, house, operator_account) for entry in entries}
        self._settled[unit] = reference
        self._append(np.array([[K_SETTLE, 0, operator_account, unit, reference, 0, 0, 0]], dtype=np.int64))
        return SettlementReceipt(unit, "settled", "", reference, quanta)

    def _post_all(self, unit: int, entries: Entries, house: int, operator: int) -> int:
        n = len(entries.quanta)
        receiver = house if entries.kind == "exchange fee" else operator
        return self.post(entries.kind, unit, np.arange(n), np.full(n, receiver), entries.quanta)

    def _traded_lots(self, unit: int) -> IntArray:
        """Return the lots each account bought or sold in a unit, not netted."""
        trades = trade_columns(self._arena.events)
        mine = trades["unit"] == unit
        both = np.concatenate((trades["buyer"][mine], trades["seller"][mine]))
        total = np.zeros(self._arena.accounts, dtype=np.int64)
        np.add.at(total, both, np.tile(trades["lots"][mine], 2))
        return total

    def _read_figures(self, unit: int) -> UnitFigures:
        book, M = self._arena.book(unit), self._arena.M
        if not book or not M[book + B_VOLUME]:
            return UnitFigures(None, None, None, None, 0, 0)
        at = (B_FIRST, B_LAST, B_LOW, B_HIGH, B_VOLUME, B_TURNOVER)
        first, last, low, high, lots, turnover = (int(M[book + i]) for i in at)
        return UnitFigures(first, last, low, high, lots, turnover)

    def _append(self, rows: IntArray) -> None:
        self._arena.make_room(len(rows))
        start = int(self._arena.M[H_LOG])
        self._arena.E[start : start + len(rows)] = rows
        self._arena.M[H_LOG] = start + len(rows)

    def _add_account(self, name: str, node: str, column: int, limit: int) -> int:
        account = self._arena.add_account(column, limit)
        self._accounts[name] = account
        self._names.append((name, node))
        self._append(np.array([[K_ACCOUNT, 0, account, 0, 0, limit, 0, 0]], dtype=np.int64))
        return account


def _whole(values: IntArray) -> bool:
    array = np.asarray(values)
    return np.issubdtype(array.dtype, np.integer) or bool((np.isfinite(array) & (array == np.rint(array))).all())


def _padded(array: IntArray | None, n: int) -> IntArray:
    out = np.zeros(n, dtype=np.int64)
    if array is not None:
        out[: len(array)] = array
    return out
