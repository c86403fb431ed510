"""The winter day of the quickstart, run through the command as a stranger would, with and without feedback.

Three runs of 96 units: the day, the same day under another hash seed, and the same day while the networks are silent.
In a fourth, of its first 24 units, only the safety maintainer stands between a silent network and its limits.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from rexnet_grid.results import Results
from rexnet_grid.results.money import cash

pytestmark = pytest.mark.slow

REXNET = Path(sys.executable).with_name("rexnet")
LARGEST_MEMORY_GB = 1.5
LARGEST_RESIDUAL = 1e-9
PROMISED = {
    "schema_version",
    "versions",
    "seed",
    "scenario",
    "coupling",
    "units",
    "timings_s",
    "cash_sum_quanta",
    "energy_residual_relative",
    "violations",
    "rationed_kwh",
    "discarded_kwh",
    "trades",
    "traded_kwh",
}
UNTOLD = ("--set", "feedback.enabled=false", "--set", "safety.mode=on", "--set", "scenario.units=24")
COUNTERS = {"voltage_bus_units", "line_units", "trafo_units", "heat_units", "power_flow_units"}


class Day(NamedTuple):
    """A finished run."""

    folder: Path
    results: Results
    manifest: dict
    largest_gb: float
    said: str


def _run(folder: Path, hash_seed: str, *words: str) -> Day:
    """Run the quickstart in a process of its own and measure that process alone."""
    said = folder.with_suffix(".txt")
    with said.open("w") as out:
        command = [REXNET, "run", "quickstart", "--out", folder, "--quiet", *words]
        child = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "PYTHONHASHSEED": hash_seed})
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, said.read_text()
    scale = 1e9 if sys.platform == "darwin" else 1e6
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return Day(folder, Results.open(folder), manifest, usage.ru_maxrss / scale, said.read_text())


@pytest.fixture(scope="session")
def days(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart")
    return {
        "open": _run(folder / "open", "0"),
        "again": _run(folder / "again", "1"),
        "silent": _run(folder / "silent", "0", "--set", "feedback.enabled=false"),
        "guarded": _run(folder / "guarded", "0", *UNTOLD),
    }


@pytest.fixture(params=["open", "silent"])
def day(request, days):
    return days[request.param]


def _bytes(folder):
    tables = sorted(folder.rglob("*.parquet"))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in tables}


def test_the_manifest_says_what_it_promises(day):
    assert set(day.manifest) >= PROMISED
    assert set(day.manifest["violations"]) == COUNTERS
    assert day.manifest["complete"]
    assert day.manifest["units"] == day.manifest["units_done"] == 96
    for key in ("energy_residual_relative", "rationed_kwh", "discarded_kwh", "trades", "traded_kwh"):
        assert set(day.manifest[key]) == {"electricity", "heat"}
    assert all(day.manifest["trades"][carrier] > 1000 for carrier in ("electricity", "heat"))
    assert sum(day.manifest["timings_s"].values()) > 0.0


def test_quiet_is_quiet(day):
    assert day.said == ""


def test_money_sums_to_zero(day):
    assert day.manifest["cash_sum_quanta"] == 0
    assert abs(cash(day.results).sum()) < 1e-6
    assert (day.results.settlement["quanta"] > 0).all()


@pytest.mark.parametrize("carrier", ["electric", "heat"])
def test_energy_closes_in_every_unit(day, carrier):
    balance = day.results.table(f"{carrier}/balance")
    assert balance["unit"].tolist() == list(range(96))
    missing = balance["injected_kw"] - balance["withdrawn_kw"] - balance["loss_kw"] - balance["stored_kw"]
    assert (missing.abs() <= LARGEST_RESIDUAL * balance["injected_kw"].clip(lower=1.0)).all()
    assert balance["residual_relative"].max() < LARGEST_RESIDUAL
    assert (balance["loss_kw"] > 0.0).all()


def test_positions_and_delivered_rates_sum_to_zero_in_every_unit(day):
    by_unit = day.results.service.groupby(["carrier", "unit"])[["reserved_kw", "delivered_kw"]].sum()
    assert len(by_unit) == 2 * 96
    np.testing.assert_allclose(by_unit.to_numpy(), 0.0, atol=1e-9)


def test_reservations_are_what_was_traded(day):
    trades, lot_kw = day.results.trades, 0.1
    sold = trades.groupby(["carrier", "unit", "seller"])["lots"].sum().rename_axis(["carrier", "unit", "participant"])
    bought = trades.groupby(["carrier", "unit", "buyer"])["lots"].sum().rename_axis(["carrier", "unit", "participant"])
    traded = sold.sub(bought, fill_value=0.0) * lot_kw
    reserved = day.results.service.set_index(["carrier", "unit", "participant"])["reserved_kw"]
    np.testing.assert_allclose(reserved, traded.reindex(reserved.index, fill_value=0.0), atol=1e-9)


def test_nobody_trades_after_the_gate(day):
    trades = day.results.trades
    assert (trades["time_min"] <= 15.0 * trades["unit"] - 15.0 + 1e-9).all()


def test_it_fits_into_memory(day):
    assert day.largest_gb < LARGEST_MEMORY_GB


def test_another_hash_seed_gives_the_same_bytes(days):
    assert len(_bytes(days["open"].folder)) > 20
    assert _bytes(days["open"].folder) == _bytes(days["again"].folder)
    assert days["open"].manifest["state_hash"] == days["again"].manifest["state_hash"]


def test_without_feedback_limits_are_broken(days):
    broken = days["silent"].manifest["violations"]
    assert sum(count > 0 for count in broken.values()) >= 2
    assert broken["voltage_bus_units"] > 100
    assert broken["trafo_units"] > 0
    rows = days["silent"].results.violations
    assert len(rows.drop_duplicates(["kind", "element", "unit"])) == sum(broken.values())


def test_with_feedback_what_was_broken_vanishes(days):
    before, after = days["silent"].manifest["violations"], days["open"].manifest["violations"]
    assert sum(after.values()) <= 0.1 * sum(before.values())
    assert all(after[kind] <= 0.1 * before[kind] for kind in COUNTERS)
    assert all(count == 0 for count in days["open"].manifest["units_not_clean"].values())


def test_without_feedback_nobody_is_stopped_and_what_is_missing_did_not_arrive(days):
    silent = days["silent"].results
    assert silent.actions.empty
    assert set(days["silent"].manifest["rationed_kwh"].values()) == {0.0}
    assert silent.summary.unserved_kwh == pytest.approx(silent.service["unserved_kw"].sum() * 0.25, rel=1e-9)
    assert silent.summary.unserved_kwh > 0.0
    assert silent.headroom.empty


def test_feedback_is_seen_in_the_market(days):
    stopped = days["open"].results.headroom
    assert set(stopped["carrier"]) == {"electricity", "heat"}
    assert stopped["blocked_kw"].sum() > 0.0


def test_what_was_cut_is_compensated(days):
    """Each cut of a reservation is paid back to the participant at its own price, in whole lots.

    So is what was cut in real time, or was not carried, of a reservation: the table of service tells how much.
    """
    run, lot_kw, tick = days["guarded"].results, 0.1, 0.1
    cuts = run.actions[run.actions["stage"] == "secure"]
    cut = cuts.groupby(["carrier", "unit", "participant"]).agg(kw=("kw", "sum"), price=("price_eur_per_mwh", "max"))
    cut = cut[cut["kw"] >= 0.6 * lot_kw]
    assert len(cut) > 100
    service = run.service.groupby(["carrier", "unit", "participant"])
    withheld = service[["rationed_kw", "unserved_kw", "discarded_kw"]].sum().sum(axis=1)
    withheld_lots = withheld.reindex(cut.index, fill_value=0.0).to_numpy() / lot_kw
    paid = run.settlement[run.settlement["kind"] == "compensation"]
    paid = paid.groupby(["carrier", "unit", "credit"])["quanta"].sum()
    received = paid.reindex(cut.index.set_names(["carrier", "unit", "credit"]), fill_value=0).to_numpy()
    price_ticks = cut["price"].to_numpy() / tick
    paid_lots = received / price_ticks
    assert (paid_lots >= cut["kw"].to_numpy() / lot_kw - 1.0 - 1e-9).all()
    assert (paid_lots <= withheld_lots + 1.0 + 1e-9).all()
    service = run.service.groupby("carrier")["rationed_kw"].sum() * 0.25
    for carrier, rationed in days["guarded"].manifest["rationed_kwh"].items():
        assert service[carrier] == pytest.approx(rationed, rel=1e-9, abs=1e-9)


def _table_of_the_docs():
    """Return the figures of the table in docs/quickstart.md by the words of their row."""
    page = (Path(__file__).parents[2] / "docs" / "quickstart.md").read_text(encoding="utf-8")
    lines = page.split("| the day | with feedback | without |\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {words.split(" [")[0]: tuple(map(float, figures)) for words, *figures in cells}


def _figures(day):
    """Return the same figures of a run."""
    counted, parts = day.manifest["violations"], day.results.summary.carriers.values()
    return {
        "bus voltages below 0.92 p.u.": counted["voltage_bus_units"],
        "transformer above its rating": counted["trafo_units"],
        "heat that did not arrive as asked": counted["heat_units"],
        "energy rationed": sum(part.rationed_kwh for part in parts),
        "energy that nobody cut and that did not arrive": sum(part.unserved_kwh for part in parts),
        "generation spilled": sum(part.discarded_kwh for part in parts),
        "losses, electricity and heat": sum(part.loss_kwh for part in parts),
        "what cuts cost": sum(part.safety_cost_eur for part in parts),
        "what participants paid to supplier and operators": day.results.summary.cost_eur,
    }


def test_the_figures_of_the_docs_are_those_of_the_run(days):
    """Within a tenth or half a kWh, as another version of a dependency may move them."""
    for column, name in enumerate(("open", "silent")):
        found = _figures(days[name])
        told = {words: figures[column] for words, figures in _table_of_the_docs().items()}
        assert told == pytest.approx(found, rel=0.1, abs=0.5)


def test_the_report_is_one_file_that_fetches_nothing(days):
    page = (days["open"].folder / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    markup = re.sub(r"(<script\b[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    assert len(markup) < len(page)
    assert re.findall(r"\b(?:src|action)\s*=|\bhref\s*=\s*[\"']?(?!#|[\"'])|@import|url\(", markup) == []
    assert sorted(path.name for path in days["open"].folder.glob("*.*")) == ["manifest.json", "report.html"]


def test_a_report_against_another_run_shows_both(days, tmp_path):
    run, other = days["open"].folder, days["silent"].folder
    alone = (run / "report.html").read_bytes()
    done = subprocess.run([REXNET, "report", run, "--against", other], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    both = (run / "report.html").read_text(encoding="utf-8")
    assert len(both) > len(alone)
    assert "without feedback" in both
    assert "without feedback" not in alone.decode()


def test_a_folder_that_is_taken_is_left_as_it_is(days):
    folder = days["silent"].folder
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    done = subprocess.run([REXNET, "run", "quickstart", "--out", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "holds another run" in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
