"""What the commands ``rexnet networks show`` and ``rexnet networks import`` say and do."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from rexnet_grid.errors import Issue, NetworkDataError, OutputError, did_you_mean
from rexnet_grid.scenario.catalogue import electric_networks, heat_networks
from rexnet_grid.scenario.grids import ElectricSection, HeatSection
from rexnet_grid.scenario.opening import open_electric, open_heat

if TYPE_CHECKING:
    from rexnet_grid.units import Carrier

_HEAD_BYTES = 4096


def describe_network(name: str) -> str:
    """Return a few lines about a network: built-in, or a file or folder.

    Raises
    ------
    NetworkDataError
        When there is no such network, or it cannot be used.
    """
    entry = next((entry for entry in (*electric_networks(), *heat_networks()) if entry.name == name), None)
    path = Path(name)
    carrier = entry.carrier if entry is not None else carrier_of(path)
    lines = [f"{name} ({carrier})"]
    if entry is not None:
        lines += [f"  size    {' '.join(entry.size.split())}", f"  origin  {entry.origin}"]
    lines += _electric_lines(name, path) if carrier == "electricity" else _heat_lines(name, path)
    return "\n".join(lines)


def carrier_of(path: Path) -> Carrier:
    """Return which carrier a network file delivers; a folder is a heat network, ``simbench:<code>`` electric.

    Raises
    ------
    NetworkDataError
        When it is no network.
    """
    if path.is_dir():
        return "heat"
    if str(path).startswith("simbench:") or (path.is_file() and path.suffix.lower() == ".xlsx"):
        return "electricity"
    if path.is_file() and path.suffix.lower() == ".json":
        return "heat" if _is_pandapipes(path) else "electricity"
    expected = "a built-in network (rexnet networks list), pandapower JSON or Excel, pandapipes JSON, or a CSV folder"
    value = "no such file" if not path.exists() else "an unknown kind of file"
    hint = did_you_mean(str(path), [entry.name for entry in (*electric_networks(), *heat_networks())])
    raise NetworkDataError([Issue(str(path), "network", value, expected, hint)])


def import_network_file(file: Path, folder: Path) -> str:
    """Check a network file or folder, bring it into ``folder`` and return how a scenario names it.

    Raises
    ------
    NetworkDataError
        When it cannot be used.
    OutputError
        When the folder holds something already, or cannot be written.
    """
    carrier = carrier_of(file)
    description = describe_network(str(file))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is there already and not empty; choose another --to")
    target = folder / file.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            shutil.copytree(file, target)
        else:
            shutil.copyfile(file, target)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}") from error
    section = "electric" if carrier == "electricity" else "heat"
    return f'{description}\n\nin a scenario: [{section}] network = "{target.as_posix()}"'


def _electric_lines(name: str, path: Path) -> list[str]:
    network = open_electric(ElectricSection(network=name), path)
    kw, _ = network.base_injection()
    flow = network.power_flow(*network.base_injection())
    voltages = [float(v) for v in flow.vm_pu if math.isfinite(v)]
    return [
        f"  holds   {len(network.buses)} buses, {len(network.branches)} branches, {len(network.loads)} loads",
        f"  base    {-float(kw[kw < 0].sum()):.1f} kW withdrawn, {float(kw[kw > 0].sum()):.1f} kW injected",
        f"  solved  {min(voltages):.4f} to {max(voltages):.4f} p.u., loss {float(flow.loss_kw):.2f} kW",
    ]


def _heat_lines(name: str, path: Path) -> list[str]:
    network = open_heat(HeatSection(network=name), path)
    return [f"  holds   {len(network.nodes)} nodes"]


def _is_pandapipes(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.read(_HEAD_BYTES)
    if "pandapipes" in head:
        return True
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return False
    return isinstance(content, dict) and "pandapipes" in str(content.get("_module", ""))
