"""Options for security from the scenario: sold when a unit opens, exercised before anybody is cut, and paid."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rexnet_grid import Scenario, run
from rexnet_grid.cosim.securing import UNRESERVED_PRICE
from rexnet_grid.errors import ScenarioError
from rexnet_grid.report import page
from rexnet_grid.reservex import Exchange
from rexnet_grid.results import Results
from rexnet_grid.results.money import payments_by_kind

BLIND = {"feedback.enabled": False, "safety.mode": "on", "electric.loading_max_percent": 20.0}
PUT = {"sellers": "heat_pump", "rate_kw": 3.0, "option_fee_eur_per_mwh": 2.0, "exercise_fee_eur_per_mwh": 150.0}


@pytest.fixture
def finish(scenario, build):
    def run(*options, name="run", **changes):
        sim = build(scenario.with_({**BLIND, **changes, "options": list(options)}), name)
        for _ in sim.units():
            pass
        sim.write_logs()
        sim.writer.finish(sim.manifest())
        return sim, Results.open(sim.writer.folder)

    return run


def test_interruptible_load_is_put_before_anybody_is_rationed(finish):
    _, without = finish(name="without")
    assert set(without.actions["kind"]) == {"ration"}
    sim, results = finish(PUT, name="with")
    exchange = sim.setup.markets["electricity"].exchange
    reserved = results.actions[results.actions["price_eur_per_mwh"] != UNRESERVED_PRICE]
    assert set(reserved["kind"]) == {"put"}
    assert results.violations.empty
    unreserved = results.actions["kw"].sum() - reserved["kw"].sum()
    assert results.manifest.number("rationed_kwh", "electricity") == pytest.approx(unreserved * 0.25)
    assert results.manifest.number("exercised_kwh", "electricity") == pytest.approx((reserved["kw"] * 0.25).sum())
    figures, quantum = results.summary.carriers["electricity"], exchange.rules.quantum
    sellers = (results.participants["kind"] == "heat_pump").sum()
    assert figures.option_fees_eur == pytest.approx(sellers * 8 * 3.0 * 0.25 * 2.0 / 1000.0)
    used = sum(option.used for option in exchange.options)
    assert figures.exercised_kwh == pytest.approx(used * 0.1 * 0.25)
    assert figures.exercise_fees_eur == pytest.approx(used * 1500 * quantum.eur)
    paid = payments_by_kind(results)
    fees = paid[paid["kind"] == "exercise fee"]
    assert fees[["payer", "payee"]].to_numpy().tolist() == [["operator", "heat_pump"]]
    assert fees["eur"].sum() == pytest.approx(figures.exercise_fees_eur)
    assert "compensation" not in set(results.settlement["kind"])
    assert sim.manifest()["cash_sum_quanta"] == 0
    assert Exchange.replay(exchange.log).state_hash() == exchange.state_hash()
    assert "Options exercised" in page.write_report(sim.writer.folder).read_text(encoding="utf-8")


def test_the_cheaper_option_goes_first_and_never_beyond_what_is_consumed(finish):
    dear = {**PUT, "exercise_fee_eur_per_mwh": 400.0}
    cheap = {**PUT, "rate_kw": 0.2, "exercise_fee_eur_per_mwh": 100.0}
    sim, results = finish(dear, cheap)
    used = results.options[results.options["exercised_kwh"] > 0.0].assign(dear=lambda o: o["sold_kw"] > 1.0)
    for _, of_one in used[used["dear"]].groupby(["unit", "participant"]):
        name, unit = of_one["participant"].iloc[0], of_one["unit"].iloc[0]
        mine = results.options[(results.options["unit"] == unit) & (results.options["participant"] == name)]
        other = mine[mine["sold_kw"] < 1.0].iloc[0]
        consumed = -results.service.query("unit == @unit and participant == @name")["reserved_kw"].iloc[0]
        assert other["exercised_kwh"] == pytest.approx(0.25 * min(0.2, consumed), abs=0.025)
    prices = results.actions.groupby("price_eur_per_mwh")["kw"].sum()
    assert set(prices.index) - {UNRESERVED_PRICE} == {100.0, 400.0}
    service = results.service
    assert (service["secured_kw"] <= 1e-9).loc[service["reserved_kw"] < 0].all()
    for option in sim.setup.markets["electricity"].exchange.options:
        assert 0 <= option.used <= option.lots


def test_a_battery_is_called_and_what_it_was_told_is_no_imbalance(finish):
    # the option raises the injection at the far end, which relieves the same line as cutting consumption would
    call = {"sellers": "battery", "kind": "call", "rate_kw": 2.0, "exercise_fee_eur_per_mwh": 120.0}
    sim, results = finish(call)
    called = results.actions[results.actions["kind"] == "call"]
    assert len(called)
    service = results.service
    row = called.iloc[0]
    told = service[(service["unit"] == row["unit"]) & (service["participant"] == row["participant"])].iloc[0]
    done = results.actions[results.actions["stage"] == "secure"]
    mine = done[(done["unit"] == row["unit"]) & (done["participant"] == row["participant"])]
    assert set(mine["kind"]) <= {"call", "ration"}  # it was charging: what is left after the call is cut
    assert told["secured_kw"] - told["reserved_kw"] == pytest.approx(mine["kw"].sum())
    assert set(called["stage"]) == {"secure"}
    assert sim.manifest()["cash_sum_quanta"] == 0


def test_sellers_that_do_not_exist_are_named(scenario, build):
    with pytest.raises(ScenarioError, match="heat_pump"):
        build(scenario.with_({"options": [{**PUT, "sellers": "heatpump"}]}))


def test_an_option_that_ends_before_it_begins_is_refused(scenario):
    with pytest.raises(ScenarioError, match="last_unit") as error:
        scenario.with_({"options": [{**PUT, "first_unit": 5, "last_unit": 4, "carrier": "heat"}]})
    assert len(error.value.issues) == 2


def houses_and_boilers(*options):
    """Three houses that want more than water of 62 degC brings them, a cheap boiler, and one too dear to be bought."""
    houses = [{"name": f"house {n}", "kind": "load", "node": n, "rate_kw": 21.0} for n in ("SD1", "SD6", "SD9")]
    base = {"name": "base", "kind": "boiler", "node": "i", "rate_kw": 400.0, "fuel_price_eur_per_mwh": 30.0}
    peak = {**base, "name": "peak", "rate_kw": 40.0, "min_load_kw": 15.0, "fuel_price_eur_per_mwh": 300.0}
    return Scenario.from_dict(
        {
            "scenario": {"name": "cold", "start": datetime(2026, 1, 13, tzinfo=UTC), "units": 6, "seed": 3},
            "heat": {"network": "destest", "supply_temperature_c": 62.0},
            "market": {"heat": {"forward_units": 6}},
            "population": {"boiler_kw": 0.0, "central_heat_pump_kw": 0.0},
            "participants": [*houses, base, peak],
            "options": list(options),
            "feedback": {"enabled": False},
            "safety": {"mode": "on"},
        }
    )


def test_a_peak_boiler_is_called_before_heat_is_rationed(tmp_path):
    call = {"carrier": "heat", "sellers": "peak", "kind": "call", "rate_kw": 500.0, "exercise_fee_eur_per_mwh": 90.0}
    without = run(houses_and_boilers(), out=tmp_path / "without")
    results = run(houses_and_boilers(call), out=tmp_path / "with")
    for one in (without, results):
        assert one.summary.cash_sum_quanta == 0
    rationed = [one.summary.carriers["heat"].rationed_kwh for one in (without, results)]
    assert rationed[1] < 0.8 * rationed[0]
    figures = results.summary.carriers["heat"]
    assert figures.exercised_kwh > 0.0
    peak = results.service.query("participant == 'peak'")
    assert (peak["reserved_kw"] == 0.0).all()
    ran = peak["secured_kw"] > 0.0
    assert ran.sum() >= 4
    assert peak["secured_kw"][ran].between(15.0 - 1e-9, 40.0 + 0.1).all()  # minimum load and rating
    assert figures.exercise_fees_eur == pytest.approx(figures.exercised_kwh * 90.0 / 1000.0)
