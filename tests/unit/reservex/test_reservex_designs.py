"""Other market designs on the same book: periodic auctions, the contract maker, options, admission by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.delivery.admission import LinearAdmission
from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.errors import InputError
from rexnet_grid.reservex import EventLog, Exchange, MarketRules
from rexnet_grid.reservex.maker import ContractMaker
from rexnet_grid.reservex.options import OptionBook
from rexnet_grid.reservex.pricing import AvellanedaStoikov, LinearPricing, MakerTerms, MinimumVariance, TwoStatePrice


def periodic(design):
    ex = Exchange(MarketRules(design=design))
    a, b, c = (ex.register(name, node="n") for name in "abc")
    ex.open_unit(0)
    ex.submit(a, 0, "sell", 100, 10)
    ex.submit(b, 0, "sell", 200, 10)
    ex.submit(c, 0, "buy", 300, 15)
    return ex, (a, b, c)


def test_periodic_pay_as_clear_is_cash_exact_and_periodic():
    ex, (a, b, c) = periodic("periodic_pay_as_clear")
    got = ex.uncross(0)
    assert got == (250, 15, -5)
    assert [ex.ledger.cash(who) for who in (a, b, c)] == [2500, 1250, -3750]
    assert ex.submit(c, 0, "buy", 300, 5).status == "resting"
    assert ex.uncross(0).lots == 5
    assert Exchange.replay(ex.log).state_hash() == ex.state_hash()


def test_periodic_pay_as_bid_gives_the_seller_what_the_buyer_pays():
    ex, (a, b, c) = periodic("periodic_pay_as_bid")
    ex.uncross(0)
    assert [ex.ledger.cash(who) for who in (a, b, c)] == [1000, 1000, -2000]


def test_contract_maker_is_everybodys_counterparty():
    ex = Exchange(MarketRules(opening_auction=False, forward_units=4, design="maker"))
    m, a, b = (ex.register(name, node="n") for name in ("maker", "a", "b"))
    for unit in range(3):
        ex.open_unit(unit)
    maker = ContractMaker(ex, m, LinearPricing(base=500.0, slope=2.0, half_spread=5.0), lots=100)
    maker.requote()
    assert (ex.best_bid(1), ex.best_ask(1)) == (495, 505)
    assert ex.submit(a, 1, "buy", 504, 5).status == "cancelled"
    assert ex.submit(b, 1, "sell", 495, 4).status == "filled"
    assert ex.submit(a, 1, "buy", 600, 10).fills[0].price == 505
    books = maker.requote()
    assert books.inventory.tolist() == [0, 6, 0]
    assert books.cash == 10 * 505 - 4 * 495
    assert (ex.best_bid(1), ex.best_ask(1)) == (507, 517)
    assert len(ex.orders()) == 6
    trades = ex.trades()
    assert ((trades.buyer == m) | (trades.seller == m)).all()


def test_pricing_functions():
    q, lead = np.array([0, 10]), np.array([1, 2])
    bid, ask = AvellanedaStoikov(mid=100.0, gamma=0.1, sigma=2.0, k=1.5, unit=0.5).quotes(q, lead)
    spread = 0.1 * 4 * 0.5 * lead + 2 / 0.1 * np.log(1 + 0.1 / 1.5)
    assert np.allclose(ask - bid, spread)
    assert np.allclose((ask + bid) / 2, [100.0, 100.0 + 10 * 0.1 * 4 * 0.5 * 2])
    bid, ask = MinimumVariance(base=50.0, response=5.0).quotes(q, lead)
    assert np.allclose((bid + ask) / 2, [50.0, 52.0])
    bid, ask = TwoStatePrice(low=20.0, high=80.0, to_high=0.1, to_low=0.3, is_high=True).quotes(
        q, np.array([0, 10_000])
    )
    assert np.isnan(bid).all()
    assert np.allclose(ask, [80.0, 20.0 + 60.0 * 0.25])


TERMS = {
    "linear": {"slope_eur_per_mwh_per_kw": 1.0},
    "avellaneda_stoikov": {"risk_aversion": 0.02, "volatility_eur_per_mwh": 3.0, "fill_decay": 0.5},
    "minimum_variance": {"response_kw_per_eur_per_mwh": 2.0, "damping": 0.7},
}


@pytest.mark.parametrize("pricing", TERMS)
def test_a_maker_chosen_in_the_rules_quotes_like_its_function_and_goes_on_from_its_log(pricing, tmp_path):
    terms = MakerTerms(
        pricing=pricing, base_eur_per_mwh=100.0, half_spread_eur_per_mwh=2.0, quote_kw=5.0, **TERMS[pricing]
    )
    rules = MarketRules(opening_auction=False, forward_units=4, design="maker", maker=terms)
    ex = Exchange(rules)
    m, a = ex.register("maker", node="n"), ex.register("a", node="n")
    for unit in range(3):
        ex.open_unit(unit, reference=1200 if unit == 2 else None)
    maker = ContractMaker(ex, m)
    maker.requote()
    ex.submit(a, 1, "buy", kind="market", lots=20)
    maker.requote()
    base = np.array([1000.0, 1000.0, 1200.0])
    bid, ask = terms.function(rules.quantum, base, one_sided=False).quotes(np.array([0, 20, 0]), np.arange(1, 4))
    assert [ex.best_bid(u) for u in range(3)] == np.floor(bid).tolist()
    assert [ex.best_ask(u) for u in range(3)] == np.ceil(ask).tolist()
    assert ask[1] > ask[0]  # what was sold got dearer
    ex.log.to_parquet(tmp_path / "log.parquet")
    again = Exchange.replay(EventLog.from_parquet(tmp_path / "log.parquet"))
    assert again.state_hash() == ex.state_hash()
    for one in (ex, again):
        assert one.submit(a, 2, "buy", 500, 1).status == "cancelled"
        ContractMaker.of(one).requote()
    assert again.state_hash() == ex.state_hash()
    assert ex.submit(a, 2, "sell", 5000, 1).reason == "nothing more to trade with at once"


def test_the_one_sided_design_follows_the_state_and_anticipates_its_switch():
    terms = MakerTerms(low_eur_per_mwh=50.0, high_eur_per_mwh=150.0, to_high=0.25, to_low=0.5)
    ex = Exchange(MarketRules(opening_auction=False, forward_units=4, design="one_sided", maker=terms))
    m, a = ex.register("maker", node="n"), ex.register("a", node="n")
    ex.open_unit(0)
    maker = ContractMaker(ex, m)
    for high, price in ((False, 50.0 + 100.0 * 0.25), (True, 50.0 + 100.0 * 0.5)):
        ex.set_state(high)
        maker.requote()
        assert (ex.best_bid(0), ex.best_ask(0)) == (None, round(price / 0.1))
    assert ex.submit(a, 0, "sell", 0, 5).status == "cancelled"
    again = Exchange.replay(ex.log)
    assert again.is_high
    assert again.state_hash() == ex.state_hash()


def test_maker_terms_name_every_fault():
    with pytest.raises(InputError) as error:
        MakerTerms(pricing="lineer", quote_kw=0.0, to_high=1.5)  # type: ignore[arg-type]
    assert [issue.key for issue in error.value.issues] == ["maker.pricing", "maker.quote_kw", "maker.to_high"]
    with pytest.raises(InputError, match="nobody makes"):
        ContractMaker.of(Exchange(MarketRules()))


def test_any_prefix_of_the_log_knows_maker_and_options():
    ex = Exchange(MarketRules(opening_auction=False, design="maker"))
    op, m, a = (ex.register(name, node="n") for name in ("operator", "maker", "a"))
    told, book = {}, OptionBook(ex, op)

    def note(_):
        told[len(ex.log)] = ex.state_hash()

    ex.open_unit(3)
    maker = ContractMaker(ex, m)
    note(maker.requote())
    note(book.sell(a, 3, "put", 10))
    note(book.sell(a, 3, "call", 4, fee=1, exercise=70))
    note(ex.submit(a, 3, "buy", 2000, 6))
    note(book.exercise(1, 3))
    note(maker.requote())
    note(ex.close_gate(3))
    assert len(set(told.values())) == len(told) == 7
    for events, state in told.items():
        replayed = Exchange.replay(ex.log.prefix(events))
        assert replayed.state_hash() == state
        assert np.array_equal(replayed.log.rows, ex.log.rows[:events])
    again = OptionBook(Exchange.replay(ex.log), op)
    assert [(o.kind, o.lots - o.used) for o in again.offers(3)] == [("call", 1), ("put", 10)]
    assert again.exercise(0, 11).status == "rejected"


def test_options_pay_their_fees_and_end():
    ex = Exchange(MarketRules(opening_auction=False))
    op, a, b = (ex.register(name, node="n") for name in ("operator", "a", "b"))
    ex.open_unit(3)
    book = OptionBook(ex, op)
    dear = book.sell(a, 3, "put", 10, fee=2, exercise=900)
    cheap = book.sell(b, 3, "put", 5, fee=3, exercise=400)
    assert [o.number for o in book.offers(3)] == [cheap.number, dear.number]
    assert book.exercise(cheap.number, 5).status == "exercised"
    assert book.exercise(cheap.number, 1).status == "rejected"
    assert book.sell(a, 9, "put", 1).reason == "unit is not open"
    assert [ex.ledger.cash(who) for who in (op, a, b)] == [-20 - 15 - 2000, 20, 15 + 2000]
    assert ex.ledger.entries().kind.astype(str).tolist() == ["option fee", "option fee", "exercise fee"]


def network(slack, coefficients=((1.0, 0.0, 0.0),), opening_auction=False):
    """Three nodes; the rows limit the injection at each as given."""
    names = ("west", "east", "south")
    table = LinearAdmission(names, 0.1)
    limits = tuple(f"line {i}" for i in range(len(slack)))
    table.publish(Headroom(0, names, np.array(coefficients), np.array(slack), limits))
    ex = Exchange(MarketRules(opening_auction=opening_auction), admission=table)
    who = {name: ex.register(f"at {name}", node=name) for name in names}
    who |= {f"{name} 2": ex.register(f"also at {name}", node=name) for name in names}
    ex.open_unit(0)
    return ex, table, who


def test_two_nodes_congestion_by_hand():
    # 1.0 kW = 10 lots fit out of west; west is cheaper, so 10 lots come from there and 5 from the south
    ex, table, who = network([1.0])
    ex.submit(who["west"], 0, "sell", 20, 30)
    ex.submit(who["south"], 0, "sell", 50, 30)
    got = ex.submit(who["east"], 0, "buy", 60, 15)
    assert [tuple(fill) for fill in got.fills] == [(20, 10, 1), (50, 5, 2)]
    assert table.slack(0).tolist() == [0.0]
    (binding,) = table.bindings()[0]
    assert (binding.limit, binding.times, binding.blocked_lots, binding.gap_tick_lots) == ("line 0", 2, 10, 10 * 40)


def test_three_nodes_with_a_loop_by_hand():
    # equal lines in a triangle: of a transfer west -> east two thirds take the direct line, one third the way round
    rows = ((2 / 3, 0.0, 1 / 3), (1 / 3, 0.0, -1 / 3))  # flow west-east, west-south; east is the slack
    ex, table, who = network([1.0, 9.0], rows)
    ex.submit(who["west"], 0, "sell", 20, 99)
    ex.submit(who["south"], 0, "sell", 30, 99)
    got = ex.submit(who["east"], 0, "buy", 60, 40)
    # 15 lots from the west fill the direct line (15 * 0.1 * 2/3 = 1.0); nothing is left for the south's third
    assert [tuple(fill) for fill in got.fills] == [(20, 15, 1)]
    assert table.slack(0) == pytest.approx([0.0, 9.0 - 15 * 0.1 / 3])
    assert (ex.best_bid(0), ex.best_ask(0)) == (60, 20)  # locally crossed, as documented
    # new headroom matches what rests, the younger order against its elder, at the elder's price
    table.publish(Headroom(0, table.nodes, np.array(rows), np.array([0.4, 9.0]), ("line 0", "line 1")))
    assert table.capacity_lots(0, "west", "east") == 6
    assert ex.rematch(0) == 6
    last = ex.trades().iloc[-1]
    assert (last.phase, last.price, last.lots, last.maker_order_id) == ("coupling", 20, 6, 1)
    assert Exchange.replay(ex.log).state_hash() == ex.state_hash()


def test_three_nodes_with_two_sellers_and_a_counterflow_by_hand():
    # 1.5 kW on the direct line: 22 lots from the west take 22 * 0.1 * 2/3 = 1.4667, a 23rd does not fit; the next
    # best is the south, of which 0.0333 / (0.1 / 3) = 1 lot fits; west-south carries 22 * 0.1 / 3 - 1 * 0.1 / 3 = 0.7
    rows = ((2 / 3, 0.0, 1 / 3), (1 / 3, 0.0, -1 / 3))
    ex, table, who = network([1.5, 9.0], rows)
    ex.submit(who["west"], 0, "sell", 20, 99)
    ex.submit(who["south"], 0, "sell", 30, 99)
    got = ex.submit(who["east"], 0, "buy", 60, 40)
    assert [tuple(fill) for fill in got.fills] == [(20, 22, 1), (30, 1, 2)]
    assert table.slack(0) == pytest.approx([0.0, 9.0 - 0.7])
    assert ex.depth(0).bids == ((60, 17, 1),)
    # a buyer in the south at 25 takes 3 lots from the west: 3 * 0.1 * (2/3 - 1/3) = 0.1 kW do not fit the full line
    assert ex.submit(who["south 2"], 0, "buy", 25, 3).status == "resting"
    # 4 lots from the east to the west go against the flow and free 4 * 0.1 * 2/3 kW: at the resting price, 60 first
    assert [tuple(f) for f in ex.submit(who["east 2"], 0, "sell", 19, 4).fills] == [(60, 4, 3)]
    assert [tuple(f) for f in ex.submit(who["west 2"], 0, "buy", 70, 4).fills] == [(20, 4, 1)]
    assert table.slack(0) == pytest.approx([0.0, 9.0 - 0.7])  # each within its own node
    assert ex.submit(who["east 2"], 0, "sell", 24, 2).fills[0].price == 60
    assert ex.ledger.balances().sum() == 0


def test_a_broken_limit_admits_only_what_relieves_it():
    ex, table, who = network([-0.5])
    ex.submit(who["west"], 0, "sell", 20, 5)
    assert ex.submit(who["east"], 0, "buy", 60, 5).status == "resting"
    assert ex.submit(who["south"], 0, "sell", 55, 5).fills[0].price == 60
    ex.submit(who["west 2"], 0, "buy", 19, 3)
    assert ex.submit(who["east 2"], 0, "sell", 10, 3).fills[0].price == 19
    assert table.slack(0)[0] == pytest.approx(-0.2)


def test_views_show_only_what_a_node_can_reach():
    ex, _, who = network([0.0])
    ex.submit(who["west"], 0, "sell", 20, 5)
    ex.submit(who["south"], 0, "sell", 50, 7)
    east, west = ex.view(who["east"]), ex.view(who["west"])
    assert (east.ask[0], east.ask_lots[0]) == (50, 7)
    assert west.ask[0] == 50
    assert ex.best_ask(0) == 20


def test_auction_pairs_within_the_network():
    ex, _, who = network([1.0], opening_auction=True)
    ex.submit(who["west"], 0, "sell", 20, 30)
    ex.submit(who["south"], 0, "sell", 30, 30)
    ex.submit(who["east"], 0, "buy", 60, 40)
    got = ex.uncross(0)
    assert 30 <= got.price <= 60
    assert got.lots == 40  # 10 from the west as far as the line carries, the others from the south at the same price
    assert [ex.ledger.position(who[n], 0) for n in ("west", "south", "east")] == [10, 30, -40]


def test_admission_rejects_what_does_not_fit_it():
    ex, table, _ = network([1.0])
    with pytest.raises(InputError, match="did you mean"):
        ex.register("lost", node="wset")
    with pytest.raises(InputError, match="other nodes"):
        table.publish(Headroom(0, ("west",), np.ones((1, 1)), np.ones(1), ("line",)))
    with pytest.raises(InputError, match="not finite"):
        table.publish(Headroom(0, table.nodes, np.full((1, 3), np.nan), np.ones(1), ("line",)))
    with pytest.raises(InputError, match="lots of"):
        Exchange(MarketRules(lot_kw=1.0), admission=table)


def test_admission_grows_and_forgets():
    names = tuple(f"bus {i}" for i in range(5))
    table = LinearAdmission(names, 0.1)
    rng = np.random.default_rng(1)
    published = {}
    for unit in range(40):
        rows = int(rng.integers(1, 30))
        A, slack = rng.normal(size=(rows, 5)), rng.random(rows)
        published[unit] = Headroom(unit, names, A, slack, tuple(map(str, range(rows))))
        table.publish(published[unit])
        table.drop(unit - 12)
    for unit in range(28, 40):
        kw = published[unit].capacity_kw(1, 3)
        assert table.capacity_lots(unit, "bus 1", "bus 3") == int(np.floor(kw / 0.1 + 1e-9))
    assert table.capacity_lots(3, "bus 1", "bus 3") == 1 << 62


def test_a_call_phase_is_not_rematched():
    ex = Exchange(MarketRules(opening_auction=True))
    a, b = (ex.register(name, node="n") for name in "ab")
    ex.open_unit(0)
    ex.submit(a, 0, "sell", 10, 5)
    ex.submit(b, 0, "buy", 20, 5)
    assert ex.rematch(0) == 0
    assert ex.uncross(0).lots == 5
