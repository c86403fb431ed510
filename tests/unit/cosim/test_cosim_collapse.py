"""Units for which power flow finds no solution: recorded, paid, and gone on from."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from rexnet_grid.report import write_report
from rexnet_grid.results import Results
from rexnet_grid.results.money import cash
from rexnet_grid.scenario.models import Scenario


def finished(sim):
    for unit in sim.units():
        market = sim.setup.markets["electricity"]
        assert market.exchange.ledger.balances().sum() == 0
        assert market.exchange.ledger.positions(unit).sum() == 0
    sim.writer.finish(sim.manifest())
    return Results.open(sim.writer.folder)


def beyond_all_reach(safety, feedback):
    """900 kW at the end of a feeder and a generator beside them; the load stops before unit 2."""
    return Scenario.from_dict(
        {
            "scenario": {"name": "dark", "start": datetime(2026, 1, 13, tzinfo=UTC), "units": 4, "seed": 1},
            "electric": {"network": "cigre_lv"},
            "market": {"electricity": {"forward_units": 4}},
            "feedback": {"enabled": feedback, "network_charge": "losses"},
            "safety": {"mode": safety},
            "participants": [
                {"name": "big", "kind": "load", "bus": "bus 18", "rate_kw": 900.0},
                {"name": "works", "kind": "generator", "bus": "bus 3", "rate_kw": 12.0, "price_eur_per_mwh": 1.0},
            ],
            "contingencies": [{"unit": 2, "element": "big"}],
        }
    )


@pytest.mark.parametrize(("safety", "feedback"), [("off", False), ("auto", False), ("off", True)])
def test_a_unit_without_a_solution_is_recorded_and_the_run_goes_on(build, safety, feedback):
    sim = build(beyond_all_reach(safety, feedback))
    results = finished(sim)
    broken = results.violations
    dark = broken[broken["kind"] == "power_flow"]
    assert dark["unit"].tolist() == [0, 1]
    assert set(dark["element"]) == {"network"}
    assert sim.tally.violations["power_flow_units"] == results.summary.violations["power_flow_units"] == 2
    assert sim.tally.energy_residual["electricity"] < 1e-9

    solved = np.isfinite(results.electric.vm_pu.to_numpy()).all(axis=1)
    assert solved.tolist() == [False, False, True, True]
    assert np.isnan(results.electric.loading_percent.to_numpy()[:2]).all()
    assert results.table("electric/balance")["import_kw"].to_numpy()[:2].tolist() == [0.0, 0.0]

    service = results.service
    named = service["participant"].astype(str)
    own = service[~named.isin(["external supplier", "grid operator"])]
    first = own[own["unit"] < 2]
    assert (first["delivered_kw"] == 0.0).all()
    np.testing.assert_allclose(first["unserved_kw"], np.maximum(-first["realised_kw"], 0.0))
    np.testing.assert_allclose(first["discarded_kw"], np.maximum(first["realised_kw"], 0.0))
    assert first["discarded_kw"].sum() > 0.0
    assert own[own["unit"] >= 2]["delivered_kw"].abs().sum() > 0.0
    np.testing.assert_allclose(service.groupby("unit")["delivered_kw"].sum(), 0.0, atol=1e-9)


def test_the_operator_alone_bears_what_the_supply_could_not_send(build):
    """The supplier gives back what it sold at the unit's reference price, and the report says what happened."""
    results = finished(build(beyond_all_reach("off", False)))
    rows = results.settlement
    balancing = rows[(rows["kind"].astype(str) == "balancing") & (rows["unit"] < 2)]
    assert set(balancing["debit"].astype(str)) == {"external supplier"}
    assert set(balancing["credit"].astype(str)) == {"grid operator"}
    compensated = rows[(rows["kind"].astype(str) == "compensation") & (rows["unit"] < 2)]
    assert set(compensated["debit"].astype(str)) == {"grid operator"}
    assert "big" in set(compensated["credit"].astype(str))
    assert abs(float(np.sum(list(dict(cash(results)).values())))) < 1e-9
    page = write_report(results.folder).read_text(encoding="utf-8")
    assert "2 units without a power flow solution" in page


def test_generation_behind_a_branch_that_is_out_is_not_taken(scenario, build):
    """What a dark bus asks to inject flows nowhere, and is neither delivered nor paid for as such."""
    sim = build(scenario, "whole")
    network = sim.setup.markets["electricity"].network
    line = str(network.network.branch_table.query("kind == 'line'").index[-1])
    network.change(out=[line])
    dark = [f"bus {b}" for b in network.network.buses[network.network.case.bus_node < 0]]
    node = next(name for name in network.nodes if name in dark)
    place = {"name": "roof", "kind": "generator", "bus": node, "rate_kw": 5.0, "price_eur_per_mwh": 1.0}
    cut = scenario.with_(
        {"feedback": {"enabled": False}, "participants": [place], "contingencies": [{"unit": 0, "element": line}]}
    )
    rows = finished(build(cut, "cut")).service
    roof = rows[rows["participant"].astype(str) == "roof"]
    assert (roof["realised_kw"] > 0.0).all()
    assert (roof["delivered_kw"] < roof["realised_kw"]).all()
