"""Use of the network is charged by place, and every charge has somebody who receives it."""

from __future__ import annotations

import pytest

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


def test_a_narrow_transformer_has_a_price(scenario, build):
    narrow = scenario.with_(
        {
            "feedback.network_charge": "losses_and_congestion",
            "electric.loading_max_percent": 17.0,
            "population.household_kwh_per_year": 60_000.0,
        }
    )
    found, results = kinds(build(narrow))
    assert "congestion charge" in found
    assert (results.headroom["shadow_eur_per_mwh"] > 0.0).any()
