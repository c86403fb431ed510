"""From meter files to an estimate on disk: what ``rexnet estimate`` does.

Column layout (see :mod:`rexnet_grid.spacemeternet.tables`):

thermal
    ``temperature_c:<zone>``, ``heat_kw:<zone>`` (``heat_kw:<zone>+<zone>`` where zones share a meter), ``outdoor_c``,
    ``solar_w_m2``, ``boundary_c:<neighbour>``, in other units too (:mod:`rexnet_grid.spacemeternet.meterfiles`); a
    file with columns ``a`` and ``b`` lists the pairs of zones that may touch, one with ``zone``, ``x`` and ``y`` their
    places on the floor plan.
voltage
    ``p_kw:<customer>``, ``q_kvar:<customer>`` (injections, positive into the network), ``vm_pu:<customer>``; a second
    file with columns ``a`` and ``b`` lists the sections of the feeder from ``busbar`` on, if its map is known.
phase
    ``busbar:<phase>``, ``customer:<name>``: voltages in one unit.

Each writes ``parameters.csv``, ``graph.csv`` and ``report.html``; ``thermal`` also ``state_space.json``, the matrices
of the fitted building in hours, degC, kW and kW/m2, from which a scenario makes a ``building``.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError, OutputError
from rexnet_grid.spacemeternet.heatloss import BUILDING
from rexnet_grid.spacemeternet.meterfiles import QUANTITIES, regular
from rexnet_grid.spacemeternet.phase import PhaseAssigner
from rexnet_grid.spacemeternet.phasepage import phase_page
from rexnet_grid.spacemeternet.tables import read_tables
from rexnet_grid.spacemeternet.thermal import ThermalSpaceNet
from rexnet_grid.spacemeternet.thermalpage import thermal_page
from rexnet_grid.spacemeternet.voltage import FreeRegressionWarning, VoltageSpaceNet
from rexnet_grid.spacemeternet.voltagepage import voltage_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rexnet_grid.spacemeternet.page import Page
    from rexnet_grid.spacemeternet.tables import MeterTables

_VOLTAGE = ("p_kw", "q_kvar", "vm_pu")
_PHASE = ("busbar", "customer")
_NOMINAL_V = 230.0
_LISTED = 12


@dataclass(frozen=True, slots=True)
class EstimateSummary:
    """What an estimate found and where it lies.

    Attributes
    ----------
    kind
        ``"thermal"``, ``"voltage"`` or ``"phase"``.
    folder
        Where the files were written.
    lines
        What to tell the user.
    """

    kind: str
    folder: Path
    lines: tuple[str, ...]

    def __str__(self) -> str:
        """Return the lines, one below the other."""
        return "\n".join((*self.lines, f"written to {self.folder}"))


def run_thermal(paths: Sequence[Path], out: Path | None = None, time_zone: str = "UTC") -> EstimateSummary:
    """Estimate a building from meter files and write the result.

    Parameters
    ----------
    paths
        Files as described in the module.
    out
        Folder for the result; ``estimate-thermal`` beside the first file if None.
    time_zone
        Zone of time stamps without an offset of their own, such as ``"Europe/Berlin"``.

    Raises
    ------
    MeterDataError
        If the files cannot be used.
    OutputError
        If the folder cannot be written.
    """
    tables, notes = regular(read_tables(paths, QUANTITIES, (), time_zone))
    absent = [name for name in ("temperature_c", "outdoor_c") if name not in tables.quantities]
    if absent:
        raise MeterDataError([Issue(str(paths[0]), name, "no such column", f"{name}:<name>") for name in absent])
    net = ThermalSpaceNet(candidate_edges=tables.edges).fit(
        tables.get("temperature_c"),
        tables.get("heat_kw"),
        tables.series("outdoor_c"),
        tables.series("solar_w_m2"),
        tables.get("boundary_c"),
        _circuits(tables),
    )
    lines = [*_thermal_lines(net), *notes]
    page = thermal_page(net, lines, tables.places)
    lines += [f"note: {remark}" for remark in net.excitation_.remarks]
    return _write("thermal", paths, out, net.params_, net.edges_, page, lines, {"state_space.json": _matrices(net)})


def _matrices(net: ThermalSpaceNet) -> str:
    """Return the fitted building as JSON, in hours, degC, kW and kW/m2."""
    space = net.state_space_
    names = {"states": space.states, "inputs": space.inputs, "outputs": space.outputs}
    matrices = {name: getattr(space, name).tolist() for name in ("A", "B", "C")}
    return json.dumps({**{key: list(value) for key, value in names.items()}, **matrices}, indent=1)


def _circuits(tables: MeterTables) -> dict[str, list[str]] | None:
    """Return the zones that each column of heat reaches: ``heat_kw:kitchen+bath`` is one meter for two zones."""
    zones, heat = tables.get("temperature_c"), tables.get("heat_kw")
    if heat is None or zones is None or not any("+" in str(c) for c in heat.columns):
        return None
    known = {str(z) for z in zones.columns}
    return {str(c): [str(c)] if str(c) in known else [p.strip() for p in str(c).split("+")] for c in heat.columns}


def _plain(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 10.0 else f"{value:.2g}"


def _edge_line(a: str, b: str, conductance: float, std_error: float, also_as: str) -> str:
    """Return an edge that is present, as one between sensors where their names may be others'."""
    size = f"{_plain(conductance)} W/K, standard error {_plain(std_error)}"
    return f"  sensors {a} - {b}, or {also_as}: {size}" if also_as else f"  {a} - {b}: {size}"


def _thermal_lines(net: ThermalSpaceNet) -> list[str]:
    """Return what a fitted building comes to."""
    zones = len(net.data_.zones)
    lines = [f"{zones} zone{'s' * (zones > 1)}, log-likelihood {net.loglik_:.1f}, BIC {net.bic_:.1f}"]
    loss = net.heat_loss_[net.heat_loss_["zone"] == BUILDING]
    lines += [
        f"heat loss to {r[1]}: {_plain(r[2])} W/K, standard error {_plain(r[3])}" for r in loss.to_numpy().tolist()
    ]
    if zones > 1:
        counts = net.edges_["state"].value_counts()
        numbers = {state: int(counts.get(state, 0)) for state in ("present", "absent", "undetermined")}
        lines.append(", ".join(f"{n} edge{'s' * (n != 1)} {state}" for state, n in numbers.items()))
    present = net.edges_[net.edges_["state"] == "present"].sort_values("conductance_w_k", ascending=False)
    unnamed = int((present["also_as"] != "").sum())
    if unnamed:
        lines.append(f"  {unnamed} of those present may lie between other rooms: nothing ties their sensors' names")
    shown = present[["a", "b", "conductance_w_k", "std_error", "also_as"]].head(_LISTED).to_numpy().tolist()
    lines += [_edge_line(*row) for row in shown]
    if len(present) > _LISTED:
        lines.append(f"  and {len(present) - _LISTED} more in graph.csv")
    lines += [f"names: {remark}" for remark in net.diagnostics_["names"]]
    if not net.diagnostics_["white"]:
        lines.append("residuals are coloured: the model misses something, take conductances as a ranking")
    return lines


def run_voltage(
    paths: Sequence[Path], out: Path | None = None, gain_std: float = 0.0, free: bool = False
) -> EstimateSummary:
    """Estimate a feeder's sensitivities from meter files and write the result.

    Parameters
    ----------
    paths, out
        As in :func:`run_thermal`; a file with the columns ``a`` and ``b`` is the feeder's map from ``busbar`` on.
    gain_std
        Standard deviation of the voltage meters' constant gain error [-].
    free
        Regress without signs and symmetry, for comparison; the page and the lines carry its warning.

    Raises
    ------
    MeterDataError
        If the files cannot be used.
    OutputError
        If the folder cannot be written.
    """
    tables = read_tables(paths, _VOLTAGE, ("p_kw", "vm_pu"))
    tree = nx.Graph(list(tables.edges)) if tables.edges is not None else None
    net = VoltageSpaceNet(tree, gain_std=gain_std, method="free" if free else "tree")
    p, q, v = (tables.get(name) for name in _VOLTAGE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FreeRegressionWarning)
        net.fit(p, q, v)
    residual_v = pd.DataFrame()
    if v is not None:
        own, reactive = (t.interpolate(limit_direction="both") if t is not None else None for t in (p, q))
        residual_v = _NOMINAL_V * (v - net.predict(own, reactive, v))
    rows = [
        (a, b, net.vm_pu_per_kw_.loc[a, b], net.std_error_.loc[a, b], net.vm_pu_per_kvar_.loc[a, b])
        for a in net.customers_
        for b in net.customers_
    ]
    table = pd.DataFrame(rows, columns=["voltage_at", "injection_at", "pu_per_kw", "std_error", "pu_per_kvar"])
    lines = _voltage_lines(net, "the map is given" if tree is not None else "the map is not known")
    if p is not None and p.isna().any(axis=None):
        lines.append("left over: where a power is lost, its residuals are those of a value between its neighbours")
    page = voltage_page(net, residual_v, lines)
    return _write("voltage", paths, out, table.set_index("voltage_at"), net.edge_table(), page, lines)


def _voltage_lines(net: VoltageSpaceNet, known: str) -> list[str]:
    own = 100.0 * np.diag(net.vm_pu_per_kw_.to_numpy())
    error = np.diag(net.std_error_.to_numpy()) / np.maximum(own / 100.0, 1e-12)
    strongest = int(np.argmax(own))
    found = net.diagnostics_
    meter_v, supply_v = (_NOMINAL_V * float(str(found[name])) for name in ("meter_noise_pu", "busbar_noise_pu"))
    lines = [
        f"{len(net.customers_)} customers, {known}, {found['trees']} trees weighed",
        (
            f"one kilowatt moves its own voltage by {own.min():.3g} to {own.max():.3g} %, most at "
            f"{net.customers_[strongest]}; standard error {np.median(error):.0%} in the middle"
        ),
        (f"meters scatter by {meter_v:.2g} V at 230 V, the supply moves by {supply_v:.2g} V"),
    ]
    states = net.edge_table()["state"].value_counts()
    if len(states):
        numbers = {state: int(states.get(state, 0)) for state in ("present", "undetermined")}
        lines.append("branches: " + ", ".join(f"{n} {state}" for state, n in numbers.items()))
    return [*lines, f"warning: {found['warning']}"] if found["warning"] else lines


def run_phase(paths: Sequence[Path], out: Path | None = None) -> EstimateSummary:
    """Assign customers to phases from meter files and write the result; arguments as :func:`run_thermal`."""
    tables = read_tables(paths, _PHASE, _PHASE)
    net = PhaseAssigner().fit(tables.get("customer"), tables.get("busbar"))
    table = net.probability_.assign(phase=[net.phases_[c] for c in net.customers_])
    graph = table[["phase"]].reset_index(names="customer")
    graph["group"] = net.groups_ + 1
    counts = [int((net.labels_ == k).sum()) for k in range(len(net.phase_names_))]
    abstained = int((net.labels_ < 0).sum())
    told = ", ".join(f"{count} on phase {name}" for count, name in zip(counts, net.phase_names_, strict=True))
    lines = [f"{len(net.customers_) - abstained} customers assigned ({told}), {abstained} left open"]
    if abstained:
        lines.append("customers left open may still be in a known group: see the column group")
    lines += [f"note: {remark}" for remark in net.remarks_]
    return _write("phase", paths, out, table, graph, phase_page(net, lines), lines)


def _write(
    kind: str,
    paths: Sequence[Path],
    out: Path | None,
    parameters: pd.DataFrame,
    graph: pd.DataFrame,
    page: Page,
    lines: Sequence[str],
    more: Mapping[str, str] | None = None,
) -> EstimateSummary:
    folder = out if out is not None else paths[0].parent / f"estimate-{kind}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        parameters.to_csv(folder / "parameters.csv", index_label=str(parameters.index.name or "name"))
        graph.to_csv(folder / "graph.csv", index=False)
        (folder / "report.html").write_text(page.html(), encoding="utf-8")
        for name, text in (more or {}).items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error}") from error
    return EstimateSummary(kind, folder, tuple(lines))
