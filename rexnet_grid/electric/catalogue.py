"""Networks by name, cut once and kept as arrays in the user's cache folder."""

from __future__ import annotations

import re
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from rexnet_grid.electric.cutting import cut, cut_apart
from rexnet_grid.errors import Issue, NetworkDataError, did_you_mean

if TYPE_CHECKING:
    from rexnet_grid.electric.case import GridCase

BUILTIN = (
    "cigre_mv",
    "cigre_mv_pv_wind",
    "cigre_lv",
    "cigre_hv",
    "ieee_european_lv",
    "mv_oberrhein",
    "kerber_landnetz_freileitung_1",
    "kerber_landnetz_freileitung_2",
    "kerber_landnetz_kabel_1",
    "kerber_landnetz_kabel_2",
    "kerber_dorfnetz",
    "kerber_vorstadtnetz_kabel_1",
    "kerber_vorstadtnetz_kabel_2",
    "kb_extrem_landnetz_freileitung",
    "kb_extrem_landnetz_kabel",
    "kb_extrem_landnetz_freileitung_trafo",
    "kb_extrem_landnetz_kabel_trafo",
    "kb_extrem_dorfnetz",
    "kb_extrem_dorfnetz_trafo",
    "kb_extrem_vorstadtnetz_1",
    "kb_extrem_vorstadtnetz_2",
    "kb_extrem_vorstadtnetz_trafo_1",
    "kb_extrem_vorstadtnetz_trafo_2",
    "case4gs",
    "case5",
    "case6ww",
    "case9",
    "case14",
    "case24_ieee_rts",
    "case30",
    "case_ieee30",
    "case33bw",
    "case39",
    "case57",
    "case89pegase",
    "case118",
    "case145",
    "case_illinois200",
    "case300",
    "example_simple",
    "example_multivoltage",
    *(f"lv_schutterwald:{n}" for n in range(14)),
)


def builtin_case(name: str, supply_vm_pu: float | None = None, tap_pos: float | None = None) -> GridCase:
    """Return a built-in network as arrays, from the cache when it holds one of this pandapower version.

    Raises
    ------
    NetworkDataError
        There is no network of that name.
    """
    _check_name(name)
    return cut(name, _origin(), partial(builtin_pandapower_net, name), supply_vm_pu, tap_pos)


def builtin_apart(name: str, supply_vm_pu: float | None = None, tap_pos: float | None = None) -> GridCase | None:
    """Return the same with every bus a node of its own; None where that cannot be had."""
    return cut_apart(name, _origin(), partial(builtin_pandapower_net, name), supply_vm_pu, tap_pos)


def _origin() -> str:
    return f"pandapower {version('pandapower')}"


def builtin_pandapower_net(name: str) -> Any:
    """Return a built-in network as pandapower holds it; raises NetworkDataError when there is none of that name."""
    _check_name(name)
    from rexnet_grid.electric.pandapower_builtin import builtin_net

    station = re.fullmatch(r"lv_schutterwald:(\d+)", name)
    return builtin_net(name) if station is None else builtin_net("lv_schutterwald", int(station[1]))


def _check_name(name: str) -> None:
    if name not in BUILTIN:
        hint = (isinstance(name, str) and did_you_mean(name, BUILTIN)) or "rexnet networks list names them all"
        got = f'"{name}"' if isinstance(name, str) else type(name).__name__
        raise NetworkDataError([Issue("built-in networks", "name", got, 'a name such as "cigre_mv"', hint)])
