"""One run after another: energy and money close in every unit, seeds decide everything, checkpoints change nothing."""

from __future__ import annotations

import numpy as np
import pytest

from rexnet_grid.errors import InputError
from rexnet_grid.report import write_report
from rexnet_grid.reservex import EventLog, Exchange
from rexnet_grid.reservex.quality import market_quality
from rexnet_grid.reservex.statistics import book_history, liquidity, price_paths
from rexnet_grid.results import Results, RunWriter
from rexnet_grid.scenario.build import build_simulation
from rexnet_grid.study.figures import figures


def test_energy_and_money_close_in_every_unit(scenario, build):
    sim = build(scenario)
    market = sim.setup.markets["electricity"]
    for unit in sim.units():
        assert market.exchange.ledger.balances().sum() == 0
        assert market.exchange.ledger.positions(unit).sum() == 0
    assert sim.tally.energy_residual["electricity"] < 1e-9
    sim.writer.finish(sim.manifest())
    results = Results.open(sim.writer.folder)
    service = results.service
    by_unit = service.groupby("unit")[["reserved_kw", "delivered_kw"]].sum()
    np.testing.assert_allclose(by_unit.to_numpy(), 0.0, atol=1e-9)
    assert (results.settlement.quanta > 0).all()
    assert results.trades.lots.sum() == market.tape.traded_lots > 0


def test_units_close_in_order_and_nobody_trades_after_the_gate(scenario, build):
    sim = build(scenario)
    assert list(sim.units()) == list(range(8))
    sim.writer.finish(sim.manifest())
    trades = Results.open(sim.writer.folder).trades
    gate_min = trades.index.get_level_values("unit") * 15 if "unit" in trades.index.names else trades["unit"] * 15
    assert (trades["time_min"] <= gate_min.to_numpy() - 15 + 1e-9).all()


def _run(scenario, build, name):
    sim = build(scenario, name)
    for _ in sim.units():
        pass
    sim.writer.finish({})
    return _bytes(sim.writer.folder)


def _bytes(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.parquet"))}


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(scenario, build):
    one, two = _run(scenario, build, "one"), _run(scenario, build, "two")
    other = _run(scenario.with_({"scenario.seed": 4}), build, "other")
    assert one == two
    assert one["trades/part-000000.parquet"] != other["trades/part-000000.parquet"]


@pytest.mark.parametrize(
    "tight", [{}, {"electric.import_max_kw": 8.0, "feedback.network_charge": "losses_and_congestion"}]
)
def test_a_run_taken_up_from_its_checkpoint_ends_in_the_same_state(scenario, build, tmp_path, tight):
    scenario = scenario.with_(tight)
    straight = build(scenario, "straight")
    for _ in straight.units():
        pass
    broken = build(scenario, "broken")
    for _ in range(3):
        broken.step()
    broken.writer.write_checkpoint(broken.checkpoint())
    broken.step()
    broken.writer.interrupt(broken.manifest())
    writer, checkpoint = RunWriter.resume(tmp_path / "broken")
    again = build_simulation(scenario, writer, checkpoint)
    assert again.unit == 3
    for _ in again.units():
        pass
    hashes = [sim.setup.markets["electricity"].exchange.state_hash() for sim in (straight, again)]
    assert hashes[0] == hashes[1]
    straight.writer.finish(straight.manifest())
    again.writer.finish(again.manifest())
    one, two = (Results.open(sim.writer.folder) for sim in (straight, again))
    np.testing.assert_array_equal(one.electric.vm_pu.to_numpy(), two.electric.vm_pu.to_numpy())
    assert one.settlement.equals(two.settlement)
    assert one.headroom.equals(two.headroom)
    assert one.headroom.empty is not bool(tight)


@pytest.mark.parametrize("enabled", [True, False])
def test_feedback_switches_admission_and_maintainer(scenario, build, enabled):
    sim = build(scenario.with_({"feedback.enabled": enabled}))
    assert (sim.setup.maintainer is not None) is enabled
    assert (sim.setup.markets["electricity"].admission is not None) is enabled
    assert bool(sim.setup.feedbacks) is enabled


def test_a_finished_run_says_how_good_its_market_was(scenario, build):
    sim = build(scenario)
    for _ in sim.units():
        pass
    sim.write_logs()
    sim.writer.finish(sim.manifest())
    results = Results.open(sim.writer.folder)
    log = results.log("electricity")
    quality = market_quality(log)
    assert quality.index.tolist() == list(range(8))
    assert quality["lots"].sum() == results.trades["lots"].sum()
    assert (quality["surplus"] <= quality["possible_surplus"]).all()
    assert quality["efficiency"].between(0.5, 1.0).all()
    books = book_history(log, every_minutes=30.0)
    assert (books["spread"].dropna() > 0).all()
    edges = np.array([0.0, 30.0, 60.0, 120.0, 400.0])
    assert liquidity(log, edges)["lots"].sum() == results.trades["lots"].sum()
    assert price_paths(log, edges)["last"].tolist() == results.prices["last_ticks"].tolist()
    name, booked = log.names[0][0], results.settlement
    statement = Exchange.replay(log).ledger.statement(0)
    assert len(statement) == ((booked["debit"] == name) | (booked["credit"] == name)).sum()
    with pytest.raises(InputError, match="not an event log"):
        results.log("heat")
    page = write_report(sim.writer.folder).read_text(encoding="utf-8")
    assert "How liquid the market was" in page
    efficiency = quality["surplus"].sum() / quality["possible_surplus"].sum()
    assert f"{efficiency:.1%} of the surplus" in page
    row = figures(results)
    assert row["electricity_efficiency"] == pytest.approx(efficiency)
    assert row["electricity_convergence_percent"] == pytest.approx(quality["alpha"].median())
    assert row["electricity_maker_profit_eur"] is None


def test_an_exchange_is_replayed_from_the_log_of_its_run(scenario, build):
    sim = build(scenario)
    for _ in sim.units():
        pass
    sim.write_logs()
    log = EventLog.from_parquet(sim.writer.folder / "log" / "electricity.parquet")
    assert Exchange.replay(log).state_hash() == sim.manifest()["state_hash"]["electricity"]
