"""What a market loses when it runs on what its meters have shown instead of on the network itself.

Six flats that heat each other trade two days of heat: while the true building tells the market what still fits, while
an estimate from the flats' own meters does, while nobody does but a maintainer cuts what would overheat somebody, and
while nobody cuts either. ``python scenarios/what_knowing_is_worth.py`` takes half a minute; with ``--feeder`` the same
is done with a weak feeder whose map is lost, which takes a few minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rexnet_grid import Results, run

HERE = Path(__file__).resolve().parent
MODEL = {"feedback.model": "network"}
NONE = {"feedback.enabled": False}
NOBODY = {"feedback.enabled": False, "safety.mode": "off"}
SILENT, CAUTIOUS = {"feedback.before_estimate": "silent"}, {"feedback.before_estimate": "cautious"}
FLATS = {"model": MODEL, "estimate": {}, "none": NONE, "nobody cuts": NOBODY}
FEEDER = {"model": MODEL, "estimate": SILENT, "cautious first": CAUTIOUS, "none": NONE, "nobody cuts": NOBODY}


def figures(results: Results) -> dict[str, float]:
    """Return what an operator asks first."""
    summary = results.summary
    return {
        "limits broken [element-units]": summary.violation_count,
        "rationed [kWh]": summary.rationed_kwh,
        "traded [kWh]": sum(carrier.traded_kwh for carrier in summary.carriers.values()),
        "paid to the supply [EUR]": summary.supply_eur,
        "cost of cuts [EUR]": summary.safety_cost_eur,
        "both together [EUR]": summary.supply_eur + summary.safety_cost_eur,
    }


def main() -> None:
    """Run the same days in each way and print the figures side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--feeder", action="store_true", help="the feeder whose map is lost, instead of the flats")
    parser.add_argument("--seed", type=int, help="another seed: another building, other people")
    given = parser.parse_args()
    scenario, ways = ("lost_map.toml", FEEDER) if given.feeder else ("flats.toml", FLATS)
    with tempfile.TemporaryDirectory() as folder:
        columns = [
            figures(
                run(
                    HERE / scenario,
                    out=Path(folder) / name,
                    seed=given.seed,
                    overrides={**way, "results.report": False},
                )
            )
            for name, way in ways.items()
        ]
    print(f"{'':32}{''.join(f'{name:>16}' for name in ways)}")
    for name in columns[0]:
        print(f"{name:32}{''.join(f'{column[name]:16.2f}' for column in columns)}")


if __name__ == "__main__":
    main()
