"""Write the tables and figures of docs/trust_heat.md: python benchmarks/trust_rexdynnet_cases.py [FOLDER].

Reads the folder named by REXNET_VALIDATION_DATA and the cases under ``tests/cases``, which hold the same figures with
their tolerances. Nothing of the data is kept but the numbers that are shown.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from trust_rexdynnet import LEFT, STYLE, panels

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "cases"))

import test_rexdynnet_destest as destest  # noqa: E402
import test_rexdynnet_mesh as mesh  # noqa: E402
import test_rexdynnet_theory as theory  # noqa: E402

from rexnet_grid.rexdynnet import Fluid, HeatNetwork, Pipe, simulate_pipe  # noqa: E402
from rexnet_grid.rexdynnet.correlations import nusselt  # noqa: E402

WIDE, HIGH, TOP, BELOW = 560, 190, 20, 40
COLOURS = ("#0a62b0", "#d1571a", "#2a8a4a", "#8a4fb0")
PROGRAMS = ("TRNSYS - 604", "TRNSYS - 709", "TRNSYS - 709cc", "Simulink - Carnot", "Dymola - IBPSA", "Dymola - DCOL",
            "Dymola - TPL", "IDA-Ice")  # fmt: skip


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def figure(file: Path, series: list[tuple[str, np.ndarray, np.ndarray, bool]], unit_x: str, unit_y: str) -> None:
    """Draw lines (solid) and points over one axis; each is (name, x, y, points)."""
    xs, ys = (np.concatenate([s[k] for s in series]) for k in (1, 2))
    low, high = math.floor(ys.min()), math.ceil(ys.max())
    last = xs.max()

    def place(x: np.ndarray, y: np.ndarray) -> list[str]:
        px, py = LEFT + x / last * WIDE, TOP + HIGH - (y - low) / (high - low) * HIGH
        return [f"{a:.1f} {b:.1f}" for a, b in zip(px, py, strict=True)]

    body = [f'<rect class="axis" x="{LEFT}" y="{TOP}" width="{WIDE}" height="{HIGH}"/>']
    for k, (name, x, y, points) in enumerate(series):
        colour = COLOURS[(k // 2) % len(COLOURS)]
        if points:
            some = place(x[:: max(len(x) // 60, 1)], y[:: max(len(x) // 60, 1)])
            body += [f'<circle cx="{p.split()[0]}" cy="{p.split()[1]}" r="2" fill="{colour}"/>' for p in some]
        else:
            body.append(f'<path d="M{"L".join(place(x, y))}" stroke="{colour}" fill="none" stroke-width="1.3"/>')
        across = LEFT + (k // 2) * 150
        body.append(
            f'<text x="{across}" y="{TOP + HIGH + 16 + 14 * (k % 2)}" style="fill:{colour}">'
            f"{'●' if points else '—'} {name}</text>"
        )
    body += [
        f'<text x="{LEFT - 4}" y="{TOP + 8}" text-anchor="end">{high:g}</text>',
        f'<text x="{LEFT - 4}" y="{TOP + HIGH}" text-anchor="end">{low:g}</text>',
        f'<text x="{LEFT}" y="{TOP - 6}">{unit_y}</text>',
        f'<text x="{LEFT + WIDE}" y="{TOP - 6}" text-anchor="end">0 to {last:g} {unit_x}</text>',
    ]
    size = f'viewBox="0 0 {LEFT + WIDE + 20} {TOP + HIGH + BELOW}"'
    text = f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>\n' + "\n".join(body) + "\n</svg>\n"
    file.write_text(text, encoding="utf-8")


def gershub(folder: Path) -> str:
    """Return the ranking of the programs against the measured outlet of each of the two sheets."""
    sheet = pd.read_csv(folder / "heat" / "gershub" / "case1_results_8tools.csv")
    own = pd.read_csv(folder / "heat" / "gershub" / "case1_inputs.csv")
    seen, lagged = own["Tout_meas_C"].to_numpy(), sheet.iloc[:, 2].to_numpy()
    count = min(len(seen), len(lagged))
    ours = next(p for p in panels(folder) if p.title.startswith("GersHub")).simulated_c
    made = {name: sheet[name].to_numpy() for name in PROGRAMS} | {"rexnet_grid": ours}

    def rmse(values: np.ndarray, against: np.ndarray) -> float:
        return float(np.sqrt(np.mean((values[:count] - against[:count]) ** 2)))

    figures = {name: (rmse(values, lagged), rmse(values, seen)) for name, values in made.items()}
    place = [{n: k + 1 for k, n in enumerate(sorted(figures, key=lambda n: figures[n][c]))} for c in (0, 1)]
    return table(
        ("program", "against the results' sheet [K]", "rank", "against the input sheet [K]", "rank"),
        [
            (name, f"{a:.3f}", place[0][name], f"{b:.3f}", place[1][name])
            for name, (a, b) in sorted(figures.items(), key=lambda item: item[1][0])
        ],
    )


def destest_tables(folder: Path) -> tuple[str, str]:
    """Return temperatures and pressure drop of DESTEST CE_0 beside the six programs."""
    network = HeatNetwork.from_csv(ROOT / "networks" / "heat" / "destest", destest.WATER)
    heat = destest.FLOW_KG_S * destest.WATER.heat_capacity * 30.0 / 1000.0
    run = network.simulate(
        pd.Timestamp("2018-01-01"), pd.Timestamp("2018-01-01 06:00"), heat_demand_kw=heat,
        mass_flow_kg_s=destest.FLOW_KG_S, supply_temperature_c=70.0, ground_c=10.0, initial_c=60.0,
    )  # fmt: skip
    last = run.supply_c.iloc[-1]
    results = {
        f.stem: pd.read_csv(f).iloc[0] for f in sorted((folder / "heat" / "destest" / "ce0_results").glob("*.csv"))
    }
    drop = float(run.pressure_drop_pa[["i-h", "h-g", "g-f", "f-e"]].iloc[-1].sum())
    names = ("h", "g", "f", "e", "SD1")
    rows = [
        (program.replace("_Network_0", "").replace("_", " "), *(f"{row.iloc[6 + k]:.3f}" for k in range(5)),
         f"{row.iloc[2] / 1000.0:.2f}")
        for program, row in results.items()
    ]  # fmt: skip
    ours = ("**rexnet_grid**", *(f"{last[n]:.3f}" for n in names), f"{drop / 1000.0:.2f}")
    temperatures = table(("program", *(f"{n} [°C]" for n in names), "drop i–e [kPa]"), [ours, *rows])
    return temperatures, f"{drop / 1000.0:.2f}"


def exponential() -> str:
    """Return the steady outlet of one pipe at four flows beside the law."""
    rows = []
    for flow in (0.005, 0.05, 0.5, 3.0):
        pipe, water = Pipe(200.0, 0.05, 0.003, insulation_thickness_m=0.03), Fluid.water(60.0)
        out = simulate_pipe(pipe, np.linspace(0.0, 3e6, 4000), 80.0, flow, 8.0, 60.0, 60.0, fluid=water)[-1]
        exact = 8.0 + 72.0 * math.exp(-200.0 / (pipe.loss_resistance_mk_w * flow * water.heat_capacity))
        rows.append((flow, f"{out:.6f}", f"{exact:.6f}", f"{abs(out - exact):.1e}"))
    return table(("flow [kg/s]", "ours [°C]", "law [°C]", "difference [K]"), rows)


def anzelius(docs: Path) -> str:
    """Draw a step through the wall and return the largest errors of four pipes."""
    rows, series = [], []
    cases = ((39.0, 0.05248, 0.0039, 0.3), (100.0, 0.05, 0.003, 0.5), (500.0, 0.1, 0.0036, 1.0))
    for length, diameter, wall, velocity in cases:
        water = Fluid.water(50.0)
        pipe = Pipe(length, diameter, wall, insulation_conductivity=1e-9)
        reynolds = velocity * diameter * water.density / water.viscosity
        film = 1.0 / (nusselt(reynolds, water.prandtl) * water.conductivity * math.pi) + pipe.wall_resistance_mk_w
        flow = velocity * pipe.area_m2 * water.density
        units = length / (film * flow * water.heat_capacity)
        wall_s, transit = pipe.wall_capacity_j_mk * film, length / velocity
        time = np.arange(0.0, transit + wall_s * (units + 6.0 * math.sqrt(2.0 * units) + 6.0))
        out = simulate_pipe(pipe, time, 80.0, flow, 20.0, 20.0, 20.0, fluid=water)
        exact = np.array(
            [20.0 + 60.0 * theory.anzelius(units, (t - transit) / wall_s) if t > transit else 20.0 for t in time]
        )
        away = np.abs(time - transit) > 1.5
        error = np.abs(out - exact)[away].max()
        rows.append((f"{length:g} m, {1000 * diameter:g} mm", velocity, f"{units:.1f}", f"{error:.3f}"))
        series += [(f"{length:g} m", time, out, False), ("closed form", time, exact, True)]
    figure(docs / "trust_anzelius.svg", series, "s", "outlet after a step of 60 K [°C]")
    return table(("pipe", "velocity [m/s]", "transfer units", "largest difference [K]"), rows)


def ring(docs: Path) -> str:
    """Draw the mesh with its reversal and return its errors."""
    network = mesh.ring.__wrapped__()
    heat, supply = mesh.run.__wrapped__(network)
    means = mesh.finite_volumes(network, heat.pipe_flow_kg_s.to_numpy(), supply.to_numpy())
    hours = np.arange(mesh.STEPS) * mesh.STEP_S / 3600.0
    series = []
    for node in ("north", "south"):
        column = list(network.graph).index(node)
        series += [
            (f"{node}, ours", hours, heat.supply_c[node].to_numpy(), False),
            ("finite volumes", hours, means[:, column], True),
        ]
    figure(docs / "trust_mesh.svg", series, "h", "supply temperature [°C]")
    error = np.abs(heat.supply_c.to_numpy() - means)
    flows = heat.pipe_flow_kg_s
    turned = [p for p in flows if (flows[p].iloc[10] > 0) != (flows[p].iloc[40] > 0)]
    return (
        f"Mean difference {error.mean():.3f} K, largest {error.max():.2f} K, over {mesh.STEPS} steps and four nodes; "
        f"pipes that turn round: {', '.join(turned)}."
    )


def pandapipes(folder: Path) -> str:
    """Return its analytic temperatures beside ours."""
    at = folder / "heat" / "pandapipes" / "analytic"
    rows = []
    one = pd.read_csv(at / "Temperature_one_pipe_an.csv", sep=";")
    for length, expected in zip(one["l"][1:], one["T"][1:], strict=True):
        graph = nx.Graph()
        graph.add_node("p", kind="plant", supply_c=330.0 - theory.KELVIN, max_supply_c=120.0)
        graph.add_node("s", kind="substation")
        graph.add_edge("p", "s", pipe=Pipe(float(length), 0.075, **theory.BARE))
        run = HeatNetwork.from_graph(graph, Fluid(998.0, 4182.0, 1e-3, 0.6)).simulate(
            theory.START, theory.START + pd.Timedelta(hours=30), mass_flow_kg_s=1.0, return_temperature_c=20.0,
            ground_c=293.0 - theory.KELVIN,
        )  # fmt: skip
        rows.append((f"one pipe, {length:g} m", run.supply_c["s"].iloc[-1] + theory.KELVIN, expected))
    tee = pd.read_csv(at / "Temperature_tee_2ab_1zu_an.csv", sep=";")
    found = theory.steady_supply([("p", "t"), ("t", "a"), ("t", "b")], {"p": 350.0}, {"a": 1.0, "b": 1.0})
    rows.append(("tee, two outlets, end", found["a"], tee["T"][2]))
    tee = pd.read_csv(at / "Temperature_tee_2zu_1ab_an.csv", sep=";")
    found = theory.steady_supply([("p", "t"), ("q", "t"), ("t", "a")], {"p": 350.0, "q": 350.0}, {"a": 1.0})
    rows.append(("tee, two inlets, end", found["a"], tee["T"][3]))
    both = pd.read_csv(at / "Temperature_2zu_2ab_an.csv", sep=";")
    edges = [("q", "t"), ("p", "t"), ("t", "a"), ("t", "b")]
    found = theory.steady_supply(edges, {"q": 350.0, "p": 300.0}, {"a": 1.0, "b": 1.0})
    rows.append(("two inlets, two outlets, end", found["a"], float(both["T"][4])))
    cells = [(name, f"{ours:.4f}", f"{theirs:.4f}", f"{abs(ours - theirs):.1e}") for name, ours, theirs in rows]
    return table(("case", "ours [K]", "analytic [K]", "difference [K]"), cells)


def measured(folder: Path) -> str:
    """Return the errors of the measured pipes."""
    limits = (0.45, 0.45, 0.35, 0.12, 0.20)
    return table(
        ("run", "root-mean-square error [K]", "required [K]"),
        [(p.title, f"{p.rmse_k:.3f}", limit) for p, limit in zip(panels(folder), limits, strict=True)],
    )


def main() -> None:
    """Write the page and its figures."""
    docs = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs"
    folder = Path(os.environ["REXNET_VALIDATION_DATA"])
    temperatures, drop = destest_tables(folder)
    text = (Path(__file__).parent / "trust_heat.md.in").read_text(encoding="utf-8")
    page = text.format(
        measured=measured(folder), gershub=gershub(folder), destest=temperatures, drop=drop, exponential=exponential(),
        anzelius=anzelius(docs), mesh=ring(docs), pandapipes=pandapipes(folder),
    )  # fmt: skip
    (docs / "trust_heat.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
