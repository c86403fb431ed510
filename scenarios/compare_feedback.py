"""A winter evening on a small grid, once while the network tells the market what it can carry and once without.

Run it with ``python scenarios/compare_feedback.py``; results go to a temporary folder.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rexnet_grid import Results, Scenario, run

EVENING = {
    "scenario": {"name": "evening", "start": datetime(2026, 1, 13, 16, tzinfo=UTC), "units": 16, "seed": 3},
    "electric": {"network": "lv_schutterwald:13", "supply_vm_pu": 1.0, "voltage_min_pu": 0.965},
    "market": {"electricity": {"forward_units": 16}},
    "population": {"battery_share": 0.3, "ev_share": 0.5},
    "results": {"report": False},
}


def figures(results: Results) -> dict[str, float]:
    """Return what an operator asks first."""
    summary = results.summary
    return {
        "buses outside their band, times units": summary.violations["voltage_bus_units"],
        "lowest voltage [p.u.]": float(results.electric.vm_pu.min().min()),
        "rationed [kWh]": summary.rationed_kwh,
        "losses [kWh]": summary.loss_kwh,
        "traded [kWh]": summary.carriers["electricity"].traded_kwh,
        "paid by participants [EUR]": summary.cost_eur,
    }


def main() -> None:
    """Run the evening twice and print both side by side."""
    evening = Scenario.from_dict(EVENING)
    with tempfile.TemporaryDirectory() as folder:
        speaks = run(evening, out=Path(folder) / "speaks")
        silent = run(evening, out=Path(folder) / "silent", overrides={"feedback.enabled": False})
        columns = figures(speaks), figures(silent)
    print(f"{'':40}{'feedback':>12}{'none':>12}")
    for name, value in columns[0].items():
        print(f"{name:40}{value:12.3f}{columns[1][name]:12.3f}")


if __name__ == "__main__":
    main()
