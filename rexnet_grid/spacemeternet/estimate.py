"""From meter files to an estimate on disk: what ``rexnet estimate`` does.

Column layout (see :mod:`rexnet_grid.spacemeternet.tables`):

thermal
    ``temperature_c:<zone>``, ``heat_kw:<zone>``, ``outdoor_c``, ``solar_w_m2``, ``boundary_c:<neighbour>``, in other
    units too (:mod:`rexnet_grid.spacemeternet.meterfiles`); a file with columns ``a`` and ``b`` lists the pairs of
    zones that may touch, one with ``zone``, ``x`` and ``y`` their places on the floor plan.
voltage
    ``p_kw:<customer>``, ``q_kvar:<customer>`` (injections, positive into the network), ``vm_pu:<customer>``.
phase
    ``busbar:<phase>``, ``customer:<name>``: voltages in one unit.

Each writes ``parameters.csv``, ``graph.csv`` and ``report.html``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError, OutputError
from rexnet_grid.spacemeternet.meterfiles import QUANTITIES, regular
from rexnet_grid.spacemeternet.page import Page
from rexnet_grid.spacemeternet.phase import PhaseAssigner
from rexnet_grid.spacemeternet.tables import read_tables
from rexnet_grid.spacemeternet.thermal import ThermalSpaceNet
from rexnet_grid.spacemeternet.thermalpage import thermal_page
from rexnet_grid.spacemeternet.voltage import VoltageSpaceNet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_VOLTAGE = ("p_kw", "q_kvar", "vm_pu")
_PHASE = ("busbar", "customer")


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
    )
    counts = net.edges_["state"].value_counts()
    lines = [
        f"{len(net.data_.zones)} zones, log-likelihood {net.loglik_:.1f}, BIC {net.bic_:.1f}",
        ", ".join(f"{int(counts.get(s, 0))} edges {s}" for s in ("present", "absent", "undetermined")),
    ]
    lines += notes
    page = thermal_page(net, lines, tables.places)
    return _write("thermal", paths, out, net.params_, net.edges_, page, lines)


def run_voltage(paths: Sequence[Path], out: Path | None = None) -> EstimateSummary:
    """Estimate a feeder's sensitivities from meter files and write the result; arguments as :func:`run_thermal`."""
    tables = read_tables(paths, _VOLTAGE, ("p_kw", "vm_pu"))
    net = VoltageSpaceNet().fit(tables.get("p_kw"), tables.get("q_kvar"), tables.get("vm_pu"))
    rows = [
        (a, b, net.vm_pu_per_kw_.loc[a, b], net.std_error_.loc[a, b], net.vm_pu_per_kvar_.loc[a, b])
        for a in net.customers_
        for b in net.customers_
    ]
    table = pd.DataFrame(rows, columns=["voltage_at", "injection_at", "pu_per_kw", "std_error", "pu_per_kvar"])
    graph = net.edge_table()
    lines = [
        f"{len(net.customers_)} customers, {net.diagnostics_['trees']} trees considered",
        (
            f"meters scatter by {net.diagnostics_['meter_noise_pu']:.2e} p.u., the busbar by "
            f"{net.diagnostics_['busbar_noise_pu']:.2e} p.u."
        ),
    ]
    page = Page("Voltage sensitivities of a feeder").text(lines)
    page.table("Likeliest tree", graph).table("Sensitivities", table)
    return _write("voltage", paths, out, table.set_index("voltage_at"), graph, page, lines)


def run_phase(paths: Sequence[Path], out: Path | None = None) -> EstimateSummary:
    """Assign customers to phases from meter files and write the result; arguments as :func:`run_thermal`."""
    tables = read_tables(paths, _PHASE, _PHASE)
    net = PhaseAssigner().fit(tables.get("customer"), tables.get("busbar"))
    table = net.probability_.assign(phase=[net.phases_[c] for c in net.customers_])
    graph = table[["phase"]].reset_index(names="customer")
    abstained = int((net.labels_ < 0).sum())
    lines = [f"{len(net.customers_) - abstained} customers assigned, {abstained} left open"]
    page = Page("Phases of the customers").text(lines).table("Assignment", table.reset_index(names="customer"))
    return _write("phase", paths, out, table, graph, page, lines)


def _write(
    kind: str,
    paths: Sequence[Path],
    out: Path | None,
    parameters: pd.DataFrame,
    graph: pd.DataFrame,
    page: Page,
    lines: Sequence[str],
) -> EstimateSummary:
    folder = out if out is not None else paths[0].parent / f"estimate-{kind}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        parameters.to_csv(folder / "parameters.csv", index_label=str(parameters.index.name or "name"))
        graph.to_csv(folder / "graph.csv", index=False)
        (folder / "report.html").write_text(page.html(), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error}") from error
    return EstimateSummary(kind, folder, tuple(lines))
