"""A run whose market has learned its network goes on from a checkpoint exactly."""

from datetime import UTC, datetime

import pytest

from rexnet_grid import Scenario
from rexnet_grid.results import RunWriter
from rexnet_grid.scenario.build import build_simulation
from rexnet_grid.scenario.running import header

FLATS = {
    "scenario": {"name": "flats", "start": datetime(2026, 1, 20, tzinfo=UTC), "units": 14, "seed": 5},
    "building": {"floors": 1, "columns": 2, "history_days": 4, "radiator_sizing": 3.0, "warmest_c": 22.5},
    "feedback": {"model": "spacemeternet", "warm_up_units": 288},
    "market": {"heat": {"forward_units": 12}},
}
FEEDER = {
    "scenario": {"name": "feeder", "start": datetime(2026, 1, 20, tzinfo=UTC), "units": 24, "seed": 5},
    "electric": {"network": "kerber_landnetz_kabel_1"},
    "population": {"enabled": False},
    "participants": [
        {"name": f"load {k}", "kind": "load", "bus": f"bus {bus}", "rate_kw": 2.0 + k} for k, bus in enumerate((10, 12))
    ]
    + [{"name": "plant", "kind": "generator", "bus": "bus 14", "rate_kw": 9.0, "price_eur_per_mwh": 90.0}],
    "feedback": {"model": "spacemeternet", "warm_up_units": 12, "before_estimate": "cautious"},
    "market": {"electricity": {"forward_units": 8}},
}


@pytest.mark.parametrize(("content", "stop", "carrier"), [(FLATS, 6, "heat"), (FEEDER, 16, "electricity")])
def test_a_market_that_has_learned_goes_on_exactly(tmp_path, content, stop, carrier):
    scenario = Scenario.from_dict(content)
    first = build_simulation(scenario, RunWriter(tmp_path / "a", header=header(scenario)))
    for _ in range(stop):
        first.step()
    kept = first.checkpoint()
    second = build_simulation(scenario, RunWriter(tmp_path / "b", header=header(scenario)), kept)
    for _ in range(4):
        first.step()
        second.step()
    markets = [s.setup.markets[carrier] for s in (first, second)]
    assert markets[0].exchange.state_hash() == markets[1].exchange.state_hash()
    assert first.manifest()["headroom_from"] == second.manifest()["headroom_from"]
    assert first.manifest()["headroom_from"][carrier].startswith("learned")
