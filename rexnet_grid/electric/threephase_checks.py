"""What a three-phase study does not take from a pandapower net, by row and column, before anything is solved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.pandapower_checks import TABLES
from rexnet_grid.electric.transformer_turns import TAP_KINDS, tap_column, turns
from rexnet_grid.errors import Issue

if TYPE_CHECKING:
    from rexnet_grid.electric.case import GridCase

UNSUPPORTED = ("gen", "shunt", "ward", "xward", "trafo3w", "impedance", "dcline", "motor")
ZERO_SEQUENCE = ("r0_ohm_per_km", "x0_ohm_per_km", "c0_nf_per_km")
LEAKAGE = ("leakage_resistance_ratio_hv", "leakage_reactance_ratio_hv")
WINDINGS = {"Y": 0, "YN": 1, "D": 2, "Z": 3, "ZN": 4}
STEP_DEGREE = 30.0
DELTA = frozenset({"delta", "d", "3ph-'d'"})


def opened_ends(net: Any) -> set[tuple[str, int, int]]:
    """Return kind, row and bus of the ends of branches that a switch holds open."""
    return {(str(s.et), int(s.element), int(s.bus)) for s in net.switch.itertuples() if not s.closed}


def live_rows(case: GridCase, net: Any, table: str) -> pd.DataFrame:
    """Return the rows of a table in service at a bus with supply.

    Lines and transformers need a closed end there; transformers also an other bus that is in service.
    """
    rows: pd.DataFrame | None = net.get(table)
    if rows is None:
        return pd.DataFrame()
    if not len(rows):
        return rows
    supplied = case.bus_id[case.bus_node != NOWHERE]
    kind = {"line": "l", "trafo": "t"}.get(table, "")
    opened = opened_ends(net) if kind else set()
    met = np.zeros(len(rows), dtype=bool)
    for column in TABLES[table].buses:
        there = [(kind, int(row), int(bus)) not in opened for row, bus in zip(rows.index, rows[column], strict=True)]
        met |= rows[column].isin(supplied).to_numpy() & np.array(there)
    if table == "trafo":
        for column in TABLES[table].buses:
            met &= net.bus.in_service.reindex(rows[column]).to_numpy(bool)
    return rows.loc[rows.in_service.to_numpy(bool) & met]


def windings(group: Any) -> tuple[str, str] | None:
    """Return both windings of a vector group, ``"Dyn"`` and ``"Dyn5"`` are ("D", "YN"); None where it is none."""
    letters = str(group).strip().rstrip("0123456789")
    cut = 2 if letters[1:2] in {"N", "n"} and letters[:2].isupper() else 1
    pair = letters[:cut].upper(), letters[cut:].upper()
    return pair if set(pair) <= set(WINDINGS) else None


def zero_sequence_percent(trafo: pd.Series) -> tuple[float, float]:
    """Return impedance and resistance of a transformer's zero sequence [%]; where blank or 0, those of the positive."""
    given = float(trafo.get("vk0_percent", np.nan))
    impedance = given if given > 0.0 else float(trafo.vk_percent)
    resistance = float(trafo.get("vkr0_percent", np.nan))
    if given > 0.0 and np.isfinite(resistance):
        return impedance, resistance
    return impedance, float(trafo.vkr_percent) * impedance / float(trafo.vk_percent)


def neutral_ohm(trafo: pd.Series) -> complex:
    """Return what stands between neutral and ground of a transformer [Ohm]; a blank ``rn_ohm`` or ``xn_ohm`` is 0."""
    return complex(*(np.nan_to_num(float(trafo.get(column, 0.0))) for column in ("rn_ohm", "xn_ohm")))


def magnetising_zero(trafo: pd.Series) -> tuple[complex, float] | None:
    """Return a transformer's zero-sequence magnetising impedance over its short-circuit one, and the share before it.

    The share of the short-circuit impedance on the high-voltage side of the magnetising branch, half of it where
    ``si0_hv_partial`` is blank. None where ``mag0_percent`` is blank or 0: the core gives the zero sequence no way.
    """
    percent, rx, share = (float(trafo.get(column, np.nan)) for column in ("mag0_percent", "mag0_rx", "si0_hv_partial"))
    if not percent > 0.0:
        return None
    rx = float(np.nan_to_num(rx))
    return percent / 100.0 * (rx + 1j) / float(np.hypot(rx, 1.0)), 0.5 if np.isnan(share) else share


def phase_issues(case: GridCase, net: Any) -> list[Issue]:
    """Return everything in a net that a three-phase study would otherwise have to leave out or alter.

    Rows out of service and rows only at buses without supply do not matter.
    """
    return [
        *_lines(case, net),
        *_elements(case, net),
        *_powers(case, net),
        *_controllers(case, net),
        *_transformers(case, net),
    ]


def _lines(case: GridCase, net: Any) -> list[Issue]:
    rows = live_rows(case, net, "line")
    wanted = "zero-sequence data of every line"
    found = []
    for column in ZERO_SEQUENCE:
        if len(rows) and column not in rows:
            found.append(Issue(case.name, f"line.{column}", "no such column", wanted))
        elif len(rows):
            blank = rows.index[~np.isfinite(rows[column].to_numpy(float))]
            found += [Issue(case.name, f"line {row}", f"{column} {rows[column][row]}", wanted) for row in blank]
    return found


def _elements(case: GridCase, net: Any) -> list[Issue]:
    hint = "model it as load or sgen, or set in_service False"
    return [
        Issue(case.name, f"{table} {row}", "in_service True", f"no {table} in a three-phase study", hint)
        for table in UNSUPPORTED
        for row in live_rows(case, net, table).index
    ]


def _powers(case: GridCase, net: Any) -> list[Issue]:
    """Return what is connected between phases, in words of pandapower or PowerFactory of any case.

    Injections are from each phase to ground, and power-grid-model has no other. Any other type, or none, is a name.
    """
    hint = "give what it draws from each phase to ground as type wye"
    return [
        Issue(case.name, f"{table} {row}", f"type {kind}", "wye", hint)
        for table in ("load", "sgen", "asymmetric_load", "asymmetric_sgen")
        for row, kind in live_rows(case, net, table).get("type", pd.Series(dtype=object)).items()
        if str(kind).strip().lower() in DELTA
    ]


def _controllers(case: GridCase, net: Any) -> list[Issue]:
    rows = net.get("controller")
    if rows is None or not len(rows):
        return []
    hint = "let runpp(net, run_control=True) set the tables, then set in_service of the controller to False"
    return [
        Issue(case.name, f"controller {row}", f"object {type(control).__name__}", "none in service", hint)
        for row, control in rows.object[rows.in_service.astype(bool)].items()
    ]


def _transformers(case: GridCase, net: Any) -> list[Issue]:
    rows = live_rows(case, net, "trafo")
    found = []
    for row, trafo in rows.iterrows():
        taps = _taps(trafo)
        found += [
            Issue(case.name, f"trafo {row}", *issue) for issue in (*_leakage(trafo), *_zero_sequence(trafo), *taps)
        ]
        pair = windings(trafo.get("vector_group"))
        if pair is None:
            wanted = "a vector group such as Dyn or YNyn"
            found.append(Issue(case.name, f"trafo {row}", f"vector_group {trafo.get('vector_group')}", wanted))
        elif pair[0] == "ZN":
            wanted = "a zigzag winding with neutral on the low-voltage side"
            found.append(Issue(case.name, f"trafo {row}", f"vector_group {trafo.vector_group}", wanted))
        elif not taps:
            found += [Issue(case.name, f"trafo {row}", *issue) for issue in _angle(trafo, pair)]
    return found


def _taps(trafo: pd.Series) -> list[tuple[str, str, str]]:
    """Return tap changers that follow a table or stand at no position."""
    found = []
    for t in ("", "2"):
        depends = trafo.get(f"tap{t}_dependency_table")
        if depends is not None and not pd.isna(depends) and bool(depends):
            found.append((f"tap{t}_dependency_table True", "False", "give its ratio by tap_step_percent"))
        elif tap_column(trafo, t, "changer_type") in TAP_KINDS and tap_column(trafo, t, "side") in {"hv", "lv"}:
            found += [
                (f"tap{t}_{column} {tap_column(trafo, t, column)}", "a finite number", "")
                for column in ("pos", "neutral")
                if not np.isfinite(float(tap_column(trafo, t, column)))
            ]
    return found


def _leakage(trafo: pd.Series) -> list[tuple[str, str, str]]:
    given = {column: trafo.get(column) for column in LEAKAGE}
    return [
        (f"{column} {value}", "0.5, half of the leakage at either side, or nothing", "")
        for column, value in given.items()
        if value is not None and np.isfinite(float(value)) and float(value) != 0.5
    ]


def _zero_sequence(trafo: pd.Series) -> list[tuple[str, str, str]]:
    impedance, resistance = zero_sequence_percent(trafo)
    found = []
    if abs(resistance) > impedance:
        value, wanted = f"vk0_percent {impedance:g} with vkr0_percent {resistance:g}", "at least the resistance of both"
        found.append((value, wanted, "vkr0_percent of the same rating"))
    magnetising = magnetising_zero(trafo)
    if magnetising is not None and not 0.0 <= magnetising[1] <= 1.0:
        found.append((f"si0_hv_partial {magnetising[1]:g}", "0 to 1", ""))
    if magnetising is None and windings(trafo.get("vector_group")) in {("Y", "YN"), ("YN", "Y")}:
        hint = "its core alone carries what returns through the neutral"
        found.append((f"vector_group {trafo.vector_group} without mag0_percent", "a number above 0", hint))
    return found


def _angle(trafo: pd.Series, pair: tuple[str, str]) -> list[tuple[str, str, str]]:
    """Return angles that are no clock number, and clock numbers that the windings cannot have."""
    whole = turns(trafo)[2]
    own = float(np.nan_to_num(trafo.get("shift_degree", 0.0)))
    clock = round(whole / STEP_DEGREE)
    if abs(whole - STEP_DEGREE * clock) > 1e-6:
        value = f"shift_degree {own:g}"
        if abs(whole - own) > 1e-6:
            value += f" with taps that turn by {whole - own:g} deg"
        return [(value, "multiples of 30 deg in all", "a tap changer that turns needs tap_changer_type None here")]
    even = (pair[0] in {"Y", "YN"}) == (pair[1] in {"Y", "YN"})
    if (clock % 2 == 0) != even:
        clocks = "even" if even else "odd"
        value = f"shift_degree {whole:g} with vector_group {trafo.vector_group}"
        return [(value, f"an {clocks} multiple of 30 deg", "such as 150 for Dyn, 0 for YNyn")]
    return []
