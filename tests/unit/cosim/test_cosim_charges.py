"""Use of the network is charged by place, and every charge has somebody who receives it."""

from __future__ import annotations

import pytest

from rexnet_grid.report import write_report
from rexnet_grid.results import Results


def kinds(sim):
    for _ in sim.units():
        pass
    manifest = sim.manifest()
    assert manifest["cash_sum_quanta"] == 0
    sim.writer.finish(manifest)
    results = Results.open(sim.writer.folder)
    return set(results.settlement["kind"].astype(str)), results


def test_without_a_charge_nobody_pays_for_losses_by_place(scenario, build):
    assert "loss charge" not in kinds(build(scenario))[0]


@pytest.mark.parametrize("charge", ["losses", "losses_and_congestion"])
def test_consumers_far_out_pay_for_the_losses_they_cause(scenario, build, charge):
    found, results = kinds(build(scenario.with_({"feedback.network_charge": charge})))
    assert "loss charge" in found
    paid = results.settlement[results.settlement["kind"].astype(str) == "loss charge"]
    assert (paid["credit"].astype(str) == "grid operator").mean() > 0.9


NARROW = {
    "feedback.network_charge": "losses_and_congestion",
    "electric.loading_max_percent": 17.0,
    "population.household_kwh_per_year": 60_000.0,
}


def test_a_narrow_transformer_has_a_price_that_participants_see(scenario, build, monkeypatch):
    sim = build(scenario.with_(NARROW))
    market = sim.setup.markets["electricity"]
    seen = []
    view_of = market.view

    def look(member, account_view):
        view = view_of(member, account_view)
        if view.congestion is not None and view.congestion.withdrawing_eur_per_mwh.any():
            seen.append((sim.setup.population.members[member].kind, view.congestion, view.network_charge))
        return view

    monkeypatch.setattr(market, "view", look)
    found, results = kinds(sim)
    assert "congestion charge" in found
    assert (results.headroom["shadow_eur_per_mwh"] > 0.0).any()
    dear = [prices for kind, prices, charge in seen if kind == "household" and charge == "losses_and_congestion"]
    assert dear, "no household saw a price of congestion"
    assert all((prices.limit[prices.withdrawing_eur_per_mwh < -1.0] != "").all() for prices in dear)
    assert {charge for kind, _, charge in seen if kind in {"supplier", "operator"}} <= {"none"}
    rows = results.congestion
    assert len(rows)
    assert (rows["withdrawing_eur_per_mwh"] < 0.0).any()
    assert rows["limit"].astype(str).str.endswith(" loading").any()
    charged = results.settlement[results.settlement["kind"].astype(str) == "congestion charge"]
    assert set(charged["unit"]) <= set(rows["unit"])
    assert "What congestion was worth" in write_report(results.folder).read_text()
