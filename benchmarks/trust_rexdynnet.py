"""Draw measured against simulated outlet water: python benchmarks/trust_rexdynnet.py [FILE.svg].

Reads the folder named by REXNET_VALIDATION_DATA. Of each measured run some sixty points are drawn (University of Liege:
ibpsa/modelica-ibpsa, 3-clause BSD; GersHub/DistrictEnergyTools, MIT), the simulated line in full, and below it the
difference of the two.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rexnet_grid.rexdynnet import Pipe, simulate_pipe

WIDE, HIGH, LOW, LEFT, TOP, GAP = 300, 130, 40, 44, 26, 40
POINTS = 60
LIEGE = Pipe(39.0, 0.05248, 0.0039, 7850.0, 480.0, 0.013, 0.04, 5.0)
COPPER = Pipe(60.33, 0.020, 0.001, 8960.0, 385.0, 0.013, 0.0442, 9.35, wall_conductivity=390.0)
RUNS = (("150801", 16.6, 16.8), ("151202", 18.8, 18.2), ("151204_1", 14.0, 14.0), ("160104_2", 17.9, 15.0))
STYLE = """
text{font:10px system-ui,sans-serif;fill:#333}.axis{stroke:#999;fill:none}
.sim{stroke:#0a62b0;fill:none;stroke-width:1.4}.seen{fill:#d1571a}.gap{stroke:#666;fill:none}
@media(prefers-color-scheme:dark){text{fill:#ddd}.axis{stroke:#888}.sim{stroke:#6db3f2}
.seen{fill:#f49a63}.gap{stroke:#aaa}}
"""


@dataclass(frozen=True)
class Panel:
    """One measured run."""

    title: str
    time_s: np.ndarray
    measured_c: np.ndarray
    simulated_c: np.ndarray

    @property
    def rmse_k(self) -> float:
        """Root-mean-square error [K]."""
        return float(np.sqrt(np.mean((self.simulated_c - self.measured_c) ** 2)))


def panels(folder: Path) -> list[Panel]:
    """Return all measured pipes with what the model makes of them."""
    found = []
    for run, first, last in RUNS:
        data = np.loadtxt(folder / "heat" / "ulg" / f"PipeDataULg{run}.mos", skiprows=2, delimiter=",")
        out = simulate_pipe(LIEGE, data[:, 0], data[:, 5], data[:, 1], 18.0, first, last)
        found.append(Panel(f"Liège {run}, {data[:, 1].mean():.2f} kg/s", data[:, 0], data[:, 3], out))
    data = np.genfromtxt(folder / "heat" / "gershub" / "case1_inputs.csv", delimiter=",", skip_header=1)
    out = simulate_pipe(COPPER, data[:, 0], data[:, 1], data[:, 3] / 3600.0, data[:, 4], data[0, 1], data[0, 2])
    found.append(Panel("GersHub case 1, copper", data[:, 0], data[:, 2], out))
    return found


def line(x: np.ndarray, y: np.ndarray, kind: str) -> str:
    """Return a path that leaves out what no eye would see."""
    keep = np.unique(np.linspace(0, len(x) - 1, min(len(x), 400)).astype(int))
    return (
        f'<path class="{kind}" d="M'
        + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x[keep], y[keep], strict=True))
        + '"/>'
    )


def draw(panel: Panel, left: float, top: float) -> str:
    """Return one panel: temperatures above, the difference below."""
    time, seen, made = panel.time_s - panel.time_s[0], panel.measured_c, panel.simulated_c
    low, high = np.floor(min(seen.min(), made.min())), np.ceil(max(seen.max(), made.max()))
    x = left + time / time[-1] * WIDE
    place = top + HIGH - (seen - low) / (high - low) * HIGH
    gap = made - seen
    most = max(0.5, np.ceil(2.0 * np.abs(gap).max()) / 2.0)
    middle = top + HIGH + 14 + 0.5 * LOW
    some = np.unique(np.linspace(0, len(time) - 1, POINTS).astype(int))
    parts = [
        f'<text x="{left}" y="{top - 8}">{panel.title}: {panel.rmse_k:.2f} K</text>',
        f'<rect class="axis" x="{left}" y="{top}" width="{WIDE}" height="{HIGH}"/>',
        f'<rect class="axis" x="{left}" y="{top + HIGH + 14}" width="{WIDE}" height="{LOW}"/>',
        f'<path class="axis" d="M{left} {middle}h{WIDE}"/>',
        line(x, top + HIGH - (made - low) / (high - low) * HIGH, "sim"),
        line(x, middle - gap / most * 0.5 * LOW, "gap"),
        *(f'<circle class="seen" cx="{x[k]:.1f}" cy="{place[k]:.1f}" r="1.8"/>' for k in some),
    ]
    marks = ((low, top + HIGH), (high, top + 8), (-most, top + HIGH + 14 + LOW), (most, top + HIGH + 22))
    parts += [f'<text x="{left - 4}" y="{y}" text-anchor="end">{value:g}</text>' for value, y in marks]
    parts.append(f'<text x="{left + WIDE}" y="{top + HIGH + LOW + 26}" text-anchor="end">{time[-1]:.0f} s</text>')
    return "\n".join(parts)


def main() -> None:
    """Write the figure."""
    file = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "measured_pipes.svg")
    found = panels(Path(os.environ["REXNET_VALIDATION_DATA"]))
    step_x, step_y = WIDE + LEFT + 20, HIGH + LOW + 14 + GAP + TOP
    rows = (len(found) + 1) // 2
    body = [draw(panel, LEFT + (k % 2) * step_x, TOP + (k // 2) * step_y) for k, panel in enumerate(found)]
    key_x, key_y = LEFT + step_x, TOP + (rows - 1) * step_y
    key = (
        (
            f'<circle class="seen" cx="{key_x + 4}" cy="{key_y + 16}" r="1.8"/>',
            "measured outlet water [°C], some points",
        ),
        (f'<path class="sim" d="M{key_x - 8} {key_y + 36}h24"/>', "simulated, book parameters"),
        (f'<path class="gap" d="M{key_x - 8} {key_y + 56}h24"/>', "simulated less measured [K]"),
    )
    for k, (mark, words) in enumerate(key):
        body.append(f'{mark}<text x="{key_x + 24}" y="{key_y + 20 + 20 * k}">{words}</text>')
    size = f'viewBox="0 0 {2 * step_x + 10} {rows * step_y}"'
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>\n' + "\n".join(body) + "\n</svg>\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
