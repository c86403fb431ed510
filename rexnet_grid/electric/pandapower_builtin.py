"""pandapower's own networks, by name."""

from __future__ import annotations

import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import pandapower as pp
import pandapower.networks as pp_networks
from pandapower.toolbox import select_subnet
from pandapower.topology import connected_components, create_nxgraph


def builtin_net(name: str, station: int | None = None) -> Any:
    """Return one of pandapower's own networks; ``station`` picks a part of a network that comes in parts."""
    makers = {
        "cigre_mv": lambda: pp_networks.create_cigre_network_mv(),
        "cigre_mv_pv_wind": lambda: pp_networks.create_cigre_network_mv(with_der="pv_wind"),
        "cigre_lv": pp_networks.create_cigre_network_lv,
        "cigre_hv": pp_networks.create_cigre_network_hv,
        "ieee_european_lv": lambda: pp_networks.ieee_european_lv_asymmetric("on_peak_566"),
        "lv_schutterwald": lambda: _schutterwald(station or 0),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name in makers:
            return makers[name]()
        return getattr(pp_networks, f"create_{name}" if name.startswith("kerber_") else name)()


def _schutterwald(station: int) -> Any:
    """Return one of the 14 parts of ``lv_schutterwald(separation_by_sub=True, include_heat_pumps=True)``.

    That function cuts and solves all of them; the parts are the connected components in their order.
    """
    file = Path(pp_networks.__file__).parent / "lv_schutterwald.json"
    if not file.is_file():
        return pp_networks.lv_schutterwald(separation_by_sub=True, include_heat_pumps=True)[station]
    whole = pp.from_json(str(file))
    buses = next(islice(connected_components(create_nxgraph(whole)), station, None))
    part = select_subnet(whole, list(buses), include_switch_buses=False, keep_everything_else=True)
    part.name = f"LV Schutterwald {station}"
    return part
