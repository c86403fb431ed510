"""Reading a run back: on the time axis, with units, and clear answers where there is no run."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from results_synthetic import make_run

from rexnet_grid.errors import InputError
from rexnet_grid.results import Results, RunWriter
from rexnet_grid.results.money import bookings, cash, payments_by_kind


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return Results.open(make_run(tmp_path_factory.mktemp("runs") / "day"))


def test_network_arrays_are_on_the_time_axis(run):
    vm = run.electric.vm_pu
    assert vm.shape == (24, 12)
    assert vm.index[0] == pd.Timestamp("2026-01-13 00:00", tz="Europe/Berlin")
    assert vm.index[-1] - vm.index[0] == pd.Timedelta("345min")
    assert str(vm.index.tz) == "Europe/Berlin"
    assert vm.attrs["unit"] == "p.u."
    assert run.electric.loading_percent.attrs["unit"] == "%"
    assert run.heat.supply_c.attrs["unit"] == "degC"
    assert list(run.heat.supply_c.columns) == ["plant", "fork", "SD1", "SD2", "SD3"]
    assert "return_c" in run.heat.arrays


def test_long_tables_have_types_and_units(run):
    trades = run.trades
    assert trades["price_ticks"].dtype == np.int64
    assert trades.attrs["unit"]["time_min"] == "min"
    assert isinstance(trades.index, pd.DatetimeIndex)
    assert run.weather.index[0] == run.electric.vm_pu.index[0]
    assert list(run.participants.columns) == ["name", "kind", "carrier", "node", "account"]


def test_times_survive_the_change_of_clocks(tmp_path):
    writer = RunWriter(
        tmp_path, header={"start": "2026-03-29T01:00:00+01:00", "timezone": "Europe/Berlin", "unit_minutes": 60}
    )
    writer.append("electric/vm_pu", {"unit": [0, 1, 2], "bus 0": [1.0, 1.0, 1.0]})
    writer.finish({})
    index = Results.open(tmp_path).electric.vm_pu.index
    assert [t.hour for t in index] == [1, 3, 4]


def test_a_table_without_rows_is_empty_not_missing(tmp_path):
    RunWriter(tmp_path, header={"start": "2026-01-05T00:00+00:00", "unit_minutes": 15}).finish({})
    empty = Results.open(tmp_path)
    assert empty.trades.empty
    assert "price_ticks" in empty.trades
    assert empty.violations.index.tz is not None
    assert empty.summary.violation_count == 0
    with pytest.raises(InputError, match="vm_pu"):
        _ = empty.electric.vm_pu


def test_summary_counts_what_the_tables_hold(run):
    summary = run.summary
    assert summary.units == 24
    assert summary.complete
    assert summary.violations["voltage_bus_units"] == len(run.violations.query("kind == 'voltage_bus'"))
    assert summary.violation_count == len(run.violations) > 0
    electricity = summary.carriers["electricity"]
    assert electricity.trades == 24 * 20
    assert electricity.traded_kwh == pytest.approx(
        run.trades.query("carrier == 'electricity'")["lots"].sum() * 0.1 * 0.25
    )
    assert electricity.rationed_kwh == pytest.approx(run.service["rationed_kw"].sum() * 0.25)
    assert 40 < electricity.mean_price_eur_per_mwh < 120
    assert summary.cash_sum_quanta == 0
    assert summary.loss_kwh == pytest.approx(sum(c.loss_kwh for c in summary.carriers.values()))


def test_cash_sums_to_zero_and_knows_who_paid(run):
    balance = cash(run)
    assert balance.sum() == pytest.approx(0.0, abs=1e-9)
    trades = run.trades
    bought = trades[trades["buyer"] == "household-0"]
    sold = trades[trades["seller"] == "household-0"]
    quanta = (sold["price_ticks"] * sold["lots"]).sum() - (bought["price_ticks"] * bought["lots"]).sum() - 24 * 4000
    assert balance["household-0"] == pytest.approx(quanta * 0.1 * 0.1 * 0.25 / 1000)
    assert set(bookings(run)["kind"]) == {"trade", "imbalance", "loss"}


def test_payments_between_kinds_turn_negative_amounts_round(tmp_path):
    writer = RunWriter(
        tmp_path,
        header={
            "start": "2026-01-05T00:00+00:00",
            "unit_minutes": 60,
            "rules": {"heat": {"lot_kw": 1, "tick_eur_per_mwh": 1}},
        },
    )
    writer.append(
        "participants",
        {
            "name": ["a", "b", "c"],
            "kind": ["house", "house", "plant"],
            "carrier": "heat",
            "node": "n",
            "account": [0, 1, 2],
        },
    )
    rows = {"debit": ["a", "b", "c"], "credit": ["c", "c", "a"], "quanta": [1000, -4000, 500]}
    writer.append("settlement", {"carrier": "heat", "unit": 0, "kind": ["trade", "trade", "imbalance"], **rows})
    writer.finish({})
    flows = payments_by_kind(Results.open(tmp_path))
    assert flows.to_dict("records") == [
        {"payer": "plant", "payee": "house", "kind": "trade", "eur": 3.0},
        {"payer": "plant", "payee": "house", "kind": "imbalance", "eur": 0.5},
    ]


def test_an_interrupted_run_can_be_read(tmp_path):
    run = Results.open(make_run(tmp_path / "cut", finish=False))
    assert not run.manifest.complete
    assert not run.summary.complete
    assert "not complete" in repr(run)
    assert len(run.electric.vm_pu) == 24


def test_folders_that_hold_no_run_get_a_clear_answer(tmp_path):
    with pytest.raises(InputError, match="no such run folder"):
        Results.open(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"manifest\.json is missing"):
        Results.open(tmp_path)
    manifest = tmp_path / "manifest.json"
    for text, said in (
        ("{", "cannot be read"),
        ("[]", "not the manifest"),
        ('{"schema_version": 99}', "99"),
        ('{"schema_version": 1}', "starts"),
    ):
        manifest.write_text(text)
        with pytest.raises(InputError, match=said):
            Results.open(tmp_path)


def test_damaged_and_misspelt_tables(tmp_path):
    folder = make_run(tmp_path / "day")
    run = Results.open(folder)
    with pytest.raises(InputError, match='did you mean "trades"'):
        run.table("trads")
    next((folder / "prices").iterdir()).write_bytes(b"not parquet")
    with pytest.raises(InputError, match="cannot be read"):
        _ = run.prices


def test_manifest_figures_come_first_for_rationed_energy(tmp_path):
    folder = make_run(tmp_path / "day")
    path = folder / "manifest.json"
    content = json.loads(path.read_text()) | {"rationed_kwh": {"electricity": 12.5, "heat": 0.25}}
    path.write_text(json.dumps(content))
    assert Results.open(folder).summary.rationed_kwh == 12.75
