"""Injections as users give them: by position or by bus, and nothing that is no number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.flow import PowerFlow
from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.electric.case import ComplexArray, FloatArray
    from rexnet_grid.electric.network import ElectricNetwork

ODD_KINDS = {
    "c": ("complex numbers", "reactive power goes into injection_kvar"),
    "M": ("dates", ""),
    "m": ("durations", ""),
    "U": ("texts", ""),
    "S": ("texts", ""),
}


def in_bus_order(name: str, values: Any, key: str, buses: pd.Index) -> Any:
    """Return labelled values in the order of ``buses``, all others as they are.

    Raises
    ------
    InputError
        Labels that are not every bus once, of the network ``name`` and the argument ``key``.
    """
    labels = getattr(values, "columns", getattr(values, "index", None))
    if labels is None or callable(labels) or labels.equals(buses):
        return values
    faults = (
        ("buses that the network does not have", labels.difference(buses, sort=False)),
        ("buses without a value", buses.difference(labels, sort=False)),
        ("buses named twice", labels[labels.duplicated()].unique()),
    )
    if any(len(found) for _, found in faults):
        got = "; ".join(f"{what}: {_some(found)}" for what, found in faults if len(found))
        hint = "values in the order of the buses go in as an array, .to_numpy()"
        raise InputError([Issue(name, f"{key} by bus", got, "every bus of .buses once", hint)])
    return values[buses]


def as_numbers(name: str, values: Any, key: str) -> FloatArray:
    """Return values as an array of floats.

    Raises
    ------
    InputError
        Complex numbers, dates, durations, texts, values that are masked, or what is no array; of the network ``name``
        and the argument ``key``.
    """
    expected = "an array of numbers"
    if np.ma.is_masked(values):
        hint = "fill them first, .filled(0.0)"
        raise InputError([Issue(name, key, f"{np.sum(values.mask)} masked values", "a number for every bus", hint)])
    try:
        array = np.asarray(values)
        if odd := ODD_KINDS.get(array.dtype.kind):
            raise InputError([Issue(name, key, odd[0], expected, odd[1])])
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError([Issue(name, key, type(values).__name__, expected)]) from error


def in_phase_order(name: str, values: Any, key: str, buses: pd.Index) -> Any:
    """Return a table of injections by bus and phase in the order of ``buses`` and a, b, c; all others as they are.

    A list holds one table a case. Columns without labels, 0, 1 and 2, are the phases in their order.

    Raises
    ------
    InputError
        Rows that do not name every bus once, or columns that are not the three phases.
    """
    if isinstance(values, (list, tuple)):
        return [in_phase_order(name, case, key, buses) for case in values]
    if not hasattr(values, "columns"):
        return values
    rows = in_bus_order(name, values.T, key, buses).T
    phases = [str(column) for column in rows.columns]
    if phases == ["0", "1", "2"]:
        return rows
    if sorted(phases) != ["a", "b", "c"]:
        raise InputError([Issue(name, f"{key} by phase", f"columns {', '.join(phases)}", "columns a, b and c")])
    return rows.set_axis(phases, axis=1)[["a", "b", "c"]]


def first_voltage(name: str, start: Any, n_node: int) -> ComplexArray:
    """Return the voltages of an earlier power flow to start from; none where it found no solution.

    Raises
    ------
    InputError
        ``start`` is no power flow, holds many cases, or is that of a network with other nodes.
    """
    if not isinstance(start, PowerFlow):
        raise InputError([Issue(name, "start", type(start).__name__, "an earlier power flow of this network")])
    if start.converged is not True:
        if np.ndim(start.converged):
            raise InputError([Issue(name, "start", f"{np.size(start.converged)} cases", "a power flow of one case")])
        return np.zeros(0, dtype=np.complex128)
    if len(start.node_voltage) != n_node:
        got = f"a power flow of {start.case.name} with {len(start.node_voltage)} nodes"
        raise InputError([Issue(name, "start", got, f"one of this network, {n_node} nodes")])
    return start.node_voltage


def refuse_non_finite(network: ElectricNetwork, kw: FloatArray, kvar: FloatArray) -> None:
    """Raise an InputError that names the first bus whose injection [kW], [kvar] is no finite number."""
    for key, array in (("injection_kw", kw), ("injection_kvar", kvar)):
        at = np.argwhere(~np.isfinite(array))
        if len(at):
            bus, value = network.case.bus_id[at[0][-1]], array[tuple(at[0])]
            raise InputError(
                [Issue(network.name, f"{key} at bus {bus}", str(value), "finite numbers", f"{len(at)} such")]
            )


def _some(labels: pd.Index, most: int = 8) -> str:
    names = ", ".join(str(label) for label in labels[:most])
    return names if len(labels) <= most else f"{names} and {len(labels) - most} more"
