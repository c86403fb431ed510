"""A contract maker chosen in the scenario: everybody's counterparty, on the same day as the other designs."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.cosim.making import MAKER, two_state_path
from rexnet_grid.reservex import Exchange
from rexnet_grid.reservex.pricing import MakerTerms
from rexnet_grid.results import Results, RunWriter
from rexnet_grid.results.money import bookings
from rexnet_grid.scenario.build import build_simulation
from rexnet_grid.study.figures import figures as study_figures


def finish(sim):
    for _ in sim.units():
        pass
    sim.writer.finish(sim.manifest())
    return Results.open(sim.writer.folder)


@pytest.mark.parametrize("pricing", ["linear", "avellaneda_stoikov", "minimum_variance"])
def test_every_trade_is_with_the_maker_and_its_inventory_is_settled(scenario, build, pricing):
    chosen = {"market.electricity.design": "maker", "market.electricity.maker.pricing": pricing}
    sim = build(scenario.with_(chosen))
    results = finish(sim)
    assert sim.manifest()["cash_sum_quanta"] == 0
    trades = results.trades
    assert len(trades) > 100
    assert ((trades["buyer"] == MAKER) ^ (trades["seller"] == MAKER)).all()
    assert set(trades["phase"].astype(str)) == {"continuous"}
    exchange = sim.setup.markets["electricity"].exchange
    account, eur = exchange.account(MAKER), exchange.rules.quantum.eur
    figures = results.summary.carriers["electricity"]
    assert figures.maker_profit_eur == pytest.approx(exchange.ledger.cash(account) * eur)
    held = [exchange.ledger.position(account, unit) for unit in range(8)]
    assert results.maker["inventory_lots"].tolist() == held
    assert figures.maker_inventory_kwh == pytest.approx(np.abs(held).sum() * 0.1 * 0.25)
    assert study_figures(results)["electricity_maker_profit_eur"] == figures.maker_profit_eur
    paid = bookings(results)
    mine = paid[((paid["debit"] == MAKER) | (paid["credit"] == MAKER)) & (paid["kind"] == "imbalance")]
    assert len(mine) == np.count_nonzero(held)
    assert Exchange.replay(exchange.log).state_hash() == exchange.state_hash()


def test_by_default_it_quotes_about_what_everybody_expects(scenario, build):
    sim = build(scenario.with_({"market.electricity.design": "maker"}))
    expected = sim.setup.population.expected_price["electricity"][:8] / 0.1
    told = sim.setup.markets["electricity"].exchange.references()
    assert told == pytest.approx(np.rint(expected))
    chosen = {"market.electricity.design": "maker", "market.electricity.maker.base_eur_per_mwh": 90.0}
    exchange = build(scenario.with_(chosen), "fixed").setup.markets["electricity"].exchange
    sold = np.array([exchange.ledger.position(exchange.account(MAKER), unit) for unit in range(8)])
    assert [exchange.best_ask(unit) for unit in range(8)] == np.ceil(900 + 0.2 * sold + 30).tolist()


def test_limits_that_bind_cap_trades_with_the_maker(scenario, build):
    chosen = {"market.electricity.design": "maker", "electric.loading_max_percent": 17.0}
    sim = build(scenario.with_(chosen))
    results = finish(sim)
    assert results.headroom["times_bound"].sum() > 0
    assert results.headroom["blocked_kw"].max() > 0.0
    assert results.violations.empty
    market = sim.setup.markets["electricity"]
    supply = market.network.nodes.index(market.network.supply_node)
    assert market.nodes_of(np.array([0, market.maker.account])).tolist() == [market.seats.nodes[0], supply]


def test_the_one_sided_maker_only_sells_at_the_anticipated_price(scenario, build):
    chosen = {"market.electricity.design": "one_sided", "market.electricity.maker.to_high": 0.5}
    results = finish(build(scenario.with_(chosen)))
    assert (results.trades["seller"] == MAKER).all()
    assert results.maker["bid_ticks"].isna().all()
    assert results.maker["ask_ticks"].nunique() == 2  # one boundary ahead, in either state
    assert "external supplier" not in set(results.trades["buyer"])


def test_the_state_switches_as_often_as_anticipated():
    high = two_state_path(MakerTerms(to_high=0.1, to_low=0.3), 40_000, np.random.default_rng(1))
    assert high.mean() == pytest.approx(0.25, abs=0.01)  # four standard errors
    assert (~high[:-1] & high[1:]).sum() / (~high[:-1]).sum() == pytest.approx(0.1, abs=0.01)


def test_a_maker_goes_on_from_a_checkpoint(scenario, build, tmp_path):
    chosen = scenario.with_({"market.electricity.design": "maker"})
    straight, broken = build(chosen, "straight"), build(chosen, "broken")
    for _ in straight.units():
        pass
    for _ in range(3):
        broken.step()
    broken.writer.write_checkpoint(broken.checkpoint())
    broken.writer.interrupt(broken.manifest())
    writer, checkpoint = RunWriter.resume(tmp_path / "broken")
    again = build_simulation(chosen, writer, checkpoint)
    for _ in again.units():
        pass
    hashes = [sim.setup.markets["electricity"].exchange.state_hash() for sim in (straight, again)]
    assert hashes[0] == hashes[1]
