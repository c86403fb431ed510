"""Consistency of a network before the first unit: everything that is wrong, each by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import NOWHERE, PV
from rexnet_grid.errors import Issue

if TYPE_CHECKING:
    from rexnet_grid.electric.case import GridCase
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.network import ElectricNetwork

FEW_NAMED = 6
LEVEL = 1.5  # rated voltages of one level differ by less: 380 and 400 kV, 10 and 11 kV


def check_network(network: ElectricNetwork, limits: ElectricLimits) -> list[Issue]:
    """Return everything that makes a network unfit for a run.

    Unsupplied buses, branches without length or rating, lines between different voltages or of negative resistance, a
    base case that fails or overloads a transformer, and voltages that are outside the band, or have no solution, before
    anybody injects.
    """
    case = network.case
    name = network.name
    issues = [
        Issue(
            name,
            f"bus {case.bus_id[i]}",
            "in service without supply",
            "a path to an external grid",
            "an island, or an open switch?",
        )
        for i in np.flatnonzero((case.bus_node == NOWHERE) & (case.bus_in_service == 1))
    ]
    if not len(case.supply_bus):
        issues.append(Issue(name, "ext_grid", "", "an external grid in service"))
    rated = ~np.isnan(case.branch_rating)
    issues += [
        Issue(name, str(case.branch_name[i]), f"rating {case.branch_rating[i]:g}", "a rating above zero")
        for i in np.flatnonzero(rated & ~(case.branch_rating > 0.0))
    ]
    issues += [
        Issue(name, str(case.branch_name[case.edge_branch[e]]), "no impedance", "a length and impedance above zero")
        for e in np.flatnonzero(
            (~np.isfinite(case.edge_y).all(axis=1) | (np.abs(case.edge_y[:, 1]) > 1e9)) & (case.edge_branch >= 0)
        )
    ]
    issues += _lines(case, name)
    if issues:
        return issues
    flow = network.power_flow(*network.base_injection())
    if not flow.converged:
        if restless := network.unsettled():
            hint = "do several move one tap, or is a dead band narrower than a step?"
            expected = "controllers that come to rest in the base case"
            return [Issue(name, "base case", f"no rest for {', '.join(restless)}", expected, hint)]
        return [
            Issue(
                name,
                "base case",
                "no power flow solution",
                "a base case that converges",
                "loads too large for the network?",
            )
        ]
    return _overloads(network, limits, flow) + _outside_band(network, limits)


def no_rest(network: ElectricNetwork, why: str = "") -> Issue:
    """Return that a network has no AC solution while nobody injects, and ``why``."""
    case = network.case
    held = [k for k in range(case.n_bus) if case.bus_node[k] != NOWHERE and case.node_kind[case.bus_node[k]] == PV]
    got = f"no power flow solution while nobody injects{why}"
    if not held:
        return Issue(network.name, "controller", got, "controllers that come to rest there as well")
    some = ", ".join(f"bus {case.bus_id[k]} at {abs(case.node_start[case.bus_node[k]]):.4g}" for k in held[:FEW_NAMED])
    hint = "voltages nearer to those that the network has there without them, or sgen in place of gen"
    return Issue(network.name, f"gen.vm_pu ({some})", got, "voltages that can be held without active power", hint)


def _lines(case: GridCase, name: str) -> list[Issue]:
    """Return lines between different voltages, and those whose resistance gives energy instead of losing it."""
    kv = dict(zip(case.bus_id.tolist(), case.bus_kv.tolist(), strict=True))
    ends = zip(case.branch_kind, case.branch_name, case.branch_from, case.branch_to, strict=True)
    found = [
        Issue(
            name,
            str(branch),
            f"{kv[start]:g} kV at bus {start} and {kv[end]:g} kV at bus {end}",
            "one voltage",
            "a transformer between?",
        )
        for kind, branch, start, end in ends
        if kind == "line" and max(kv[start], kv[end]) > LEVEL * min(kv[start], kv[end])
    ]
    hint = "an equivalent of a reduced network belongs into the table impedance"
    lines = np.flatnonzero((case.edge_branch >= 0) & (case.branch_kind[case.edge_branch] == "line"))
    lines = lines[case.edge_y[lines, 1].real > 0.0]
    found += [
        Issue(
            name,
            str(case.branch_name[case.edge_branch[e]]),
            "a resistance below zero",
            "r_ohm_per_km of 0 or more",
            hint,
        )
        for e in lines
    ]
    return found


def _overloads(network: ElectricNetwork, limits: ElectricLimits, flow: PowerFlow) -> list[Issue]:
    """Return the transformers that the base case loads beyond the limit."""
    case = network.case
    return [
        Issue(
            network.name,
            str(case.branch_name[k]),
            f"{flow.loading_percent[k]:.1f} % in the base case",
            f"at most {limits.loading_percent:g} %",
            "smaller loads in the network's own tables, or electric.loading_max_percent = "
            f"{np.ceil(flow.loading_percent[k]):.0f} where that is meant",
        )
        for k in np.flatnonzero(flow.loading_percent > limits.loading_percent)
        if str(case.branch_kind[k]).startswith("trafo")
    ]


def _outside_band(network: ElectricNetwork, limits: ElectricLimits) -> list[Issue]:
    """Return the lowest and the highest bus where the network without any injection leaves the voltage band."""
    case = network.case
    flow = network.power_flow(np.zeros(case.n_bus))
    vm = flow.vm_pu
    if not flow.converged:
        return [no_rest(network)]
    if np.isnan(vm).all():
        return []
    issues = []
    for k, outside, key, wrong in (
        (int(np.nanargmin(vm)), vm < limits.vm_min_pu, "voltage_min_pu", "below"),
        (int(np.nanargmax(vm)), vm > limits.vm_max_pu, "voltage_max_pu", "above"),
    ):
        if outside.any():
            issues.append(
                Issue(
                    network.name,
                    f"bus {case.bus_id[k]}",
                    f"{vm[k]:.4f} p.u. while nobody injects, {int(outside.sum())} buses {wrong} the band",
                    f"{limits.vm_min_pu:g} to {limits.vm_max_pu:g} p.u.",
                    f"nothing that makes it worse could be traded: set electric.supply_vm_pu, electric.tap_pos or "
                    f"electric.{key}",
                )
            )
    return issues
