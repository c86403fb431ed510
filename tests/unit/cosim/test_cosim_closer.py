"""Orders that headroom keeps apart trade as far as the network proves it, and not further."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from rexnet_grid.cosim.closer import PROVED, Closer
from rexnet_grid.delivery.admission import LinearAdmission
from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.reservex import Exchange, MarketRules

NODES = ("supply", "home")
UNIT = 3
MARGIN_KW = 0.4


@dataclass
class Line:
    """A line that carries 10 kW and keeps 0.4 back; its rows promise less, or more, than that."""

    promised: float
    steepness: float = 1.0
    asked: list[float] = field(default_factory=list)

    def rows(self, position: float, more: float, unit: int = UNIT) -> Headroom:
        left = max((10.0 - MARGIN_KW + position) * self.promised + more, 0.0)
        return Headroom(unit, NODES, np.array([[0.0, -self.steepness]]), np.array([left]), ("line",))

    def daring(self, units, position_kw, share):
        self.asked.append(share)
        return tuple(self.rows(float(position_kw[k, 1]), share * 10.0, unit) for k, unit in enumerate(units))

    def margins_used(self, position_kw):
        return (-position_kw[:, 1] - (10.0 - MARGIN_KW)) / MARGIN_KW


class Market:
    """The exchange of one line with a seller of plenty at the supply."""

    def __init__(self, line: Line, wanted_kw: float) -> None:
        self.line = line
        self.admission = LinearAdmission(NODES, 0.1)
        self.exchange = Exchange(MarketRules(lot_kw=0.1, opening_auction=False), admission=self.admission)
        for name, node in (("seller", "supply"), ("buyer", "home")):
            self.exchange.register(name, node)
        self.exchange.open_unit(UNIT, 100)
        self.admission.publish(Headroom(UNIT, NODES, np.array([[0.0, -1.0]]), np.array([0.0]), ("line",)))
        self.exchange.submit(0, UNIT, "sell", 100, 1000)
        self.exchange.submit(1, UNIT, "buy", 105, round(10 * wanted_kw))
        self.admission.publish(line.rows(0.0, 0.0))

    def positions_kw(self, units):
        lots = [[0.0, 0.1 * self.exchange.ledger.position(1, unit)] for unit in units]
        return np.array(lots)


def carried(line: Line, wanted_kw: float) -> float:
    """Return what the buyer has reserved [kW] after one visit."""
    market = Market(line, wanted_kw)
    changed = Closer(market, line, [UNIT]).trade()
    position = float(market.positions_kw([UNIT])[0, 1])
    assert changed == [UNIT]
    assert line.margins_used(np.array([[0.0, position]]))[0] <= PROVED
    assert market.exchange.ledger.cash(0) == -market.exchange.ledger.cash(1) > 0
    return -position


@pytest.mark.parametrize("promised", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("steepness", [1.0, 3.0])
def test_timid_rows_are_followed_to_what_the_network_carries(promised, steepness):
    assert carried(Line(promised, steepness), 50.0) >= 9.5


@pytest.mark.parametrize("promised", [1.1, 3.0, 20.0])
def test_rows_that_promise_too_much_are_undone_and_tried_with_less(promised):
    assert 9.0 <= carried(Line(promised), 50.0) <= 9.8


def test_where_nothing_is_kept_apart_nothing_is_tried():
    line = Line(0.9)
    assert carried(line, 2.0) == pytest.approx(2.0)
    assert line.asked == []


@pytest.mark.parametrize("promised", [0.5, 3.0])
def test_a_waiting_block_moves_no_unit_beyond_what_is_proved(promised):
    line = Line(promised)
    market = Market(line, 8.0)
    other = UNIT + 1
    market.exchange.open_unit(other, 100)
    market.admission.publish(Headroom(other, NODES, np.array([[0.0, -1.0]]), np.array([0.0]), ("line",)))
    market.exchange.submit(0, other, "sell", 100, 1000)
    for lots in (10, 30, 50):
        market.exchange.submit_block(1, [UNIT, other], "buy", 110, lots, "gate")
    market.admission.publish(line.rows(0.0, 0.0, other))
    Closer(market, line, [UNIT, other]).trade()
    used = line.margins_used(market.positions_kw([UNIT, other]))
    assert used.max() <= PROVED
    assert market.positions_kw([other])[0, 1] < 0.0
    assert market.exchange.ledger.cash(0) == -market.exchange.ledger.cash(1)
