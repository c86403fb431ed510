"""Who is scheduled in a unit, as the safety maintainer needs to know them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.delivery.headroom import FloatArray

KINDS = {"node": "a row of whole numbers", "reserved": "a row of true and false"}


@dataclass(frozen=True, slots=True)
class Participants:
    """Who is scheduled in a unit, one entry a participant; all arrays (or lists) have the same length.

    Attributes
    ----------
    node
        Index of the node in :attr:`DeliveryNetwork.nodes`.
    scheduled_kw
        Scheduled injection [kW].
    cost_eur_per_mwh
        What cutting it costs [EUR/MWh not served].
    cuttable_kw
        Most that may be cut [kW]; never more than what is scheduled. None means everything.
    since
        When it was reserved, any increasing number; ``last_in_first_out`` cuts the largest first. None means the order
        of the arrays.
    reserved
        False for what nobody reserved: it goes before options are exercised to save it. None means all is reserved.

    Raises
    ------
    InputError
        Something that is no row of numbers.
    """

    node: NDArray[np.int64]
    scheduled_kw: FloatArray
    cost_eur_per_mwh: FloatArray
    cuttable_kw: FloatArray | None = None
    since: FloatArray | None = None
    reserved: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        issues = []
        for f in fields(self):
            values = getattr(self, f.name)
            try:
                if values is not None:
                    object.__setattr__(self, f.name, _row(values, f.name))
            except (TypeError, ValueError):
                issues.append(
                    Issue("safety maintainer", f.name, repr(values)[:60], KINDS.get(f.name, "a row of numbers"))
                )
        if issues:
            raise InputError(issues)


def _row(values: Any, name: str) -> NDArray[Any]:
    """Return values as the array that ``name`` has to be; raises TypeError or ValueError where they are none."""
    array = np.asarray(values)
    kinds, wanted = {"node": ("iu", np.int64), "reserved": ("b", np.bool_)}.get(name, ("iuf", np.float64))
    if array.ndim != 1 or (array.size and array.dtype.kind not in kinds):
        raise TypeError(name)
    return array.astype(wanted, copy=False)


def checked_schedule(participants: Participants, n_nodes: int) -> FloatArray:
    """Return the scheduled injections (n,) [kW]; raises InputError with everything that is wrong with them."""
    p = participants
    n = len(p.node)
    issues = [
        Issue("safety maintainer", key, f"{np.shape(values)}", f"({n},) finite numbers")
        for key, values in (
            ("scheduled_kw", p.scheduled_kw),
            ("cost_eur_per_mwh", p.cost_eur_per_mwh),
            ("cuttable_kw", p.cuttable_kw),
            ("since", p.since),
            ("reserved", p.reserved),
        )
        if values is not None and (np.shape(values) != (n,) or not np.isfinite(values).all())
    ]
    if n and (np.min(p.node) < 0 or np.max(p.node) >= n_nodes):
        issues.append(
            Issue("safety maintainer", "node", f"{np.min(p.node)} to {np.max(p.node)}", f"0 to {n_nodes - 1}")
        )
    if issues:
        raise InputError(issues)
    return np.array(p.scheduled_kw, dtype=np.float64)
