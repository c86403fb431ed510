"""pandapower nets in, arrays out."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandapower as pp
from pandapower.auxiliary import _add_auxiliary_elements, _init_runpp_options
from pandapower.pd2ppc import _pd2ppc
from pandapower.pf.ppci_variables import _get_pf_variables_from_ppci
from pandapower.pf.run_dc_pf import _run_dc_pf
from pandapower.pypower.idx_bus import BASE_KV, BS, CID_P, CID_Q, CZD_P, CZD_Q, GS, VA
from pandapower.pypower.makeSbus import makeSbus
from pandapower.pypower.makeYbus import branch_vectors, makeYbus

from rexnet_grid.electric.case import NOWHERE, PV, SLACK, ComplexArray, GridCase, IntArray
from rexnet_grid.electric.pandapower_checks import fit_rows, number_issues, supply_issues, table_issues
from rexnet_grid.electric.pandapower_columns import completed, missing_issues
from rexnet_grid.electric.pandapower_control_checks import controller_issues
from rexnet_grid.electric.pandapower_formats import PANDAPOWER_FAILS, format_issues, in_todays_format
from rexnet_grid.electric.pandapower_steady import steady_table
from rexnet_grid.electric.pandapower_tables import (
    base_injection,
    branch_tables,
    bus_tables,
    generator_table,
    load_table,
    silence_what_rests,
    storage_table,
    switch_table,
    tap_table,
)
from rexnet_grid.electric.pandapower_transformer_checks import transformer_issues
from rexnet_grid.errors import Issue, NetworkDataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BRANCH_TABLES = ("line", "trafo", "trafo3w", "impedance")
UNSUPPORTED_TABLES = ("svc", "tcsc", "ssc", "vsc", "line_dc")
WHERE_TO_START = ("init", "init_vm_pu", "init_va_degree")
UNSUPPORTED_OPTIONS = ("distributed_slack", "tdpf", "enforce_p_lims", "consider_line_temperature")


def build_case(net: Any) -> GridCase:
    """Resolve a pandapower net to arrays.

    pandapower's own conversion does the work, so open line switches, bus-bus switches, the transformer model and tap
    positions are exactly those of ``runpp`` with its default options and the net's ``user_pf_options``.

    Raises
    ------
    NetworkDataError
        pandapower cannot convert the net: no external grid, missing tables, inconsistent rows.
    """
    work, name = copy.deepcopy(net), str(net.get("name") or "pandapower net")
    if issues := format_issues(work, name) or _content_issues(work, name) or controller_issues(work, name):
        raise NetworkDataError(issues)
    _refuse_unsupported(work, name)
    if issues := supply_issues(work, name):
        raise NetworkDataError(issues)
    try:
        return resolved(work)
    except PANDAPOWER_FAILS as error:
        if issues := transformer_issues(net, name):
            raise NetworkDataError(issues) from error
        made = net.get("version")
        hint = "" if made in {None, pp.__version__} else f"pandapower {made} made it, {pp.__version__} is installed"
        got = f"{type(error).__name__}: {error}"
        raise NetworkDataError([Issue(name, "net", got, "a net that pandapower can solve", hint)]) from error


def resolved(net: Any) -> GridCase:
    """Return a net whose tables are known to be sound as arrays; the net is changed on the way."""
    return _case_from(net, internal_case(net))


def _content_issues(net: Any, name: str) -> list[Issue]:
    """Return the tables and columns that are missing, and everything that no calculation can use, each once."""
    found = [*missing_issues(net, name), *table_issues(net, name), *number_issues(net, name)]
    return list(dict.fromkeys(found))


def separate_case(net: Any) -> GridCase | None:
    """Resolve a net with every bus a node of its own and every branch connected; None where pandapower cannot.

    For that all switches are closed, those between buses with an impedance whose edge then goes, and what is out of
    service comes in. What :class:`~rexnet_grid.electric.wiring.Wiring` makes of it is any state of its switches.
    """
    work = copy.deepcopy(net)
    joins = (work.switch.et == "b").to_numpy(bool) & ~(work.switch.z_ohm > 0.0).to_numpy(bool)
    work.switch["closed"] = True
    work.switch.loc[joins, "z_ohm"] = 1.0
    for table in BRANCH_TABLES:
        if len(work[table]):
            work[table]["in_service"] |= fit_rows(work[table], table)
    try:
        case = _case_from(work, internal_case(work))
    except PANDAPOWER_FAILS:
        return None
    joined = joins & (case.switch_branch < NOWHERE)
    edge_y = case.edge_y.copy()
    edge_y[2 * NOWHERE - case.switch_branch[joined]] = 0.0
    if not np.isfinite(edge_y).all():
        return None
    return replace(case, edge_y=edge_y, switch_branch=np.where(joins, NOWHERE, case.switch_branch))


def internal_case(net: Any) -> dict[str, Any]:
    """Return pandapower's internal case ``ppci`` of a net, which is changed on the way and left with the lookups."""
    silence_what_rests(net)
    options = net.get("user_pf_options") or {}
    net["user_pf_options"] = {key: value for key, value in options.items() if key not in WHERE_TO_START}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _init_runpp_options(
            net,
            algorithm="nr",
            calculate_voltage_angles=True,
            init="flat",
            max_iteration="auto",
            tolerance_mva=1e-9,
            trafo_model="t",
            trafo_loading="current",
            enforce_p_lims=False,
            enforce_q_lims=False,
            check_connectivity=True,
            voltage_depend_loads=True,
            passed_parameters={"init": True, "trafo_loading": True},
            lightsim2grid=False,
            numba=False,
        )
        _add_auxiliary_elements(net)
        empty = np.array([], dtype=np.int64)
        net["_pd2ppc_lookups"] = dict.fromkeys(("bus", "bus_dc", "ext_grid", "gen", "branch", "branch_dc"), empty)
        ppc, ppci = _pd2ppc(net)
    net["_ppc"] = ppc
    return dict(ppci)


def _case_from(net: Any, ppci: dict[str, Any]) -> GridCase:
    base_mva, bus, gen, branch, *_, ref, pv, _pq, _on, _gbus, start, _ref_gens = _get_pf_variables_from_ppci(ppci)
    n_node = len(bus)
    y = makeYbus(base_mva, bus, branch)[0].tocsr()
    y.sort_indices()
    kind = np.zeros(n_node, dtype=np.int64)
    kind[pv] = PV
    kind[ref] = SLACK
    buses = bus_tables(net)
    node = np.asarray(net["_pd2ppc_lookups"]["bus"])[buses["bus_id"]].astype(np.int64)
    node[node >= n_node] = NOWHERE
    base_kw, base_kvar, gen_kw = base_injection(net, buses["bus_id"])
    alive = node != NOWHERE
    base_kw, base_kvar = np.where(alive, base_kw, 0.0), np.where(alive, base_kvar, 0.0)
    own = np.zeros(n_node, dtype=complex)
    np.add.at(own, node[alive], (base_kw + 1j * base_kvar)[alive] / (1e3 * base_mva))
    fixed = np.asarray(makeSbus(base_mva, bus, gen)) - own
    fixed[kind == SLACK] = 0.0
    fixed[kind == PV] = fixed[kind == PV].real
    fixed[np.abs(fixed) < 1e-12] = 0.0
    unzipped = np.zeros(n_node)
    np.add.at(unzipped, node[alive], gen_kw[alive])
    edges = _edges(net, ppci, base_mva, bus, branch)
    return GridCase(
        name=str(net.get("name") or "pandapower net"),
        base_mva=float(base_mva),
        bus_node=node,
        base_kw=base_kw,
        base_kvar=base_kvar,
        y_data=np.ascontiguousarray(y.data, dtype=complex),
        y_indices=y.indices.astype(np.int64),
        y_indptr=y.indptr.astype(np.int64),
        node_kind=kind,
        node_start=_dc_start(ppci, start) if (kind == PV).any() else start,
        node_fixed=fixed,
        node_zip=np.ascontiguousarray(bus[:, [CID_P, CZD_P, CID_Q, CZD_Q]].real),
        node_unzipped_kw=unzipped,
        node_shunt=(bus[:, GS] + 1j * bus[:, BS]) / base_mva,
        supply_bus=_supply_buses(net, buses["bus_id"], node, kind),
        controlled=int(_is_controlled(net)),
        **buses,
        **edges,
        **load_table(net),
        **generator_table(net),
        **storage_table(net),
        **steady_table(net),
    )


def _dc_start(ppci: dict[str, Any], start: ComplexArray) -> ComplexArray:
    """Return the start voltages turned to the angles of a DC power flow of the net's own injections."""
    solved = _run_dc_pf(copy.deepcopy(ppci), None)
    angle = np.radians(solved["bus"][:, VA].real)
    return np.where(np.isfinite(angle), np.abs(start) * np.exp(1j * angle), start)


def _supply_buses(net: Any, bus_id: IntArray, node: IntArray, kind: IntArray) -> IntArray:
    """Return the buses of external grids, then other slack generators, that really balance."""
    candidates = [*net.ext_grid.bus[net.ext_grid.in_service.astype(bool)]]
    if len(net.gen) and "slack" in net.gen:
        candidates += [*net.gen.bus[net.gen.slack.astype(bool) & net.gen.in_service.astype(bool)]]
    position = {int(b): i for i, b in enumerate(bus_id)}
    supplied = [
        int(b) for b in candidates if node[position[int(b)]] != NOWHERE and kind[node[position[int(b)]]] == SLACK
    ]
    return np.array(list(dict.fromkeys(supplied)), dtype=np.int64)


def _is_controlled(net: Any) -> bool:
    holds = any(len(net.get(table, ())) for table in ("gen", "dcline"))
    if holds and (net.get("user_pf_options") or {}).get("enforce_q_lims"):
        return True
    controllers = net.get("controller")
    return controllers is not None and len(controllers) > 0 and bool(controllers.in_service.any())


def _refuse_unsupported(net: Any, name: str) -> None:
    """Raise NetworkDataError for what neither our solver nor a fixed internal case can honour."""
    issues = [
        Issue(name, table, f"{len(net[table])} rows", "no such elements", "they change the network while it is solved")
        for table in UNSUPPORTED_TABLES
        if table in net and len(net[table]) and bool(net[table].get("in_service", True).any())
    ]
    options = net.get("user_pf_options") or {}
    issues += [
        Issue(name, f"user_pf_options {key}", str(options[key]), "False")
        for key in UNSUPPORTED_OPTIONS
        if options.get(key)
    ]
    if not options.get("ac", True):
        issues.append(Issue(name, "user_pf_options ac", str(options["ac"]), "True"))
    if options.get("trafo_loading", "current") != "current":
        issues.append(Issue(name, "user_pf_options trafo_loading", str(options["trafo_loading"]), "current"))
    if issues:
        raise NetworkDataError(issues)


def _edges(net: Any, ppci: dict[str, Any], base_mva: float, bus: Any, branch: Any) -> dict[str, Any]:
    """Return the edge and branch arrays: two-port admittances and what current means in percent of the rating."""
    ends = branch[:, :2].real.astype(np.int64)
    y_tt, y_ff, y_ft, y_tf = branch_vectors(branch, len(branch))
    y = np.column_stack((y_ff, y_ft, y_tf, y_tt)).astype(complex)
    ampere = base_mva / (np.sqrt(3.0) * bus[:, BASE_KV].real)
    in_service = np.flatnonzero(np.asarray(ppci["internal"]["branch_is"]))
    place = np.full(len(net["_ppc"]["branch"]), NOWHERE, dtype=np.int64)
    place[in_service] = np.arange(len(in_service))
    tables = branch_tables(net, place)
    scale = np.zeros((len(branch), 2))
    owner = np.full(len(branch), NOWHERE, dtype=np.int64)
    for table in tables.pop("owned"):
        owner[table.edge] = table.branch
        scale[table.edge] = table.percent_per_ka * ampere[ends[table.edge]]
    return {
        "edge_from": ends[:, 0],
        "edge_to": ends[:, 1],
        "edge_y": y,
        "edge_scale": scale,
        "edge_branch": owner,
        **tables,
        **tap_table(net, place),
        **switch_table(net, tables["branch_name"], place),
    }


def with_options(net: Any, supply_vm_pu: float | None, tap_pos: float | None) -> Any:
    """Return the net with the supply voltage and tap position that a scenario asked for; a copy if any is set.

    Raises
    ------
    NetworkDataError
        The net is no pandapower net, or no transformer can take that tap position.
    """
    if not isinstance(net, pp.pandapowerNet):
        raise NetworkDataError([Issue("network", "net", type(net).__name__, "a pandapower net")])
    net = completed(in_todays_format(net, str(net.get("name") or "pandapower net")))
    if supply_vm_pu is None and tap_pos is None:
        return net
    net = copy.deepcopy(net)
    if supply_vm_pu is not None:
        net.ext_grid["vm_pu"] = float(supply_vm_pu)
    if tap_pos is not None:
        can = net.trafo.tap_side.isin(["hv", "lv"]) & net.trafo.tap_min.notna()
        fits = can & (net.trafo.tap_min <= tap_pos) & (net.trafo.tap_max >= tap_pos)
        if not can.any() or not fits[can].all():
            ranges = "; ".join(f"trafo {i}: {r.tap_min:g} to {r.tap_max:g}" for i, r in net.trafo[can].iterrows())
            raise NetworkDataError(
                [Issue(str(net.name), "tap_pos", f"{tap_pos:g}", ranges or "no transformer with a tap changer")]
            )
        net.trafo.loc[can, "tap_pos"] = float(tap_pos)
    return net


def with_changes(net: Any, out: Sequence[str], taps: Mapping[str, float], closed: Sequence[str]) -> Any:
    """Return a copy of the net with branches and switches, by names such as ``"line 3"``, out or in, and taps moved."""
    net = copy.deepcopy(net)
    for names, state in ((out, False), (closed, True)):
        for table, _, index in (name.partition(" ") for name in names):
            net[table].loc[int(index), "closed" if table == "switch" else "in_service"] = state
    for name, position in taps.items():
        table, _, index = name.partition(" ")
        net[table]["tap_pos"] = net[table].tap_pos.astype(float)
        net[table].loc[int(index), "tap_pos"] = float(position)
    return net
