"""Injections as users give them: by position or by bus, and nothing that is no number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.electric.case import FloatArray
    from rexnet_grid.electric.network import ElectricNetwork


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
