"""What inverters give whose reactive power follows their active power, for any injection at their buses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pandapower.control.controller.DERController import (
    DERController,
    QModelConstQ,
    QModelCosphiSn,
    QModelQVCurve,
)

from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import FloatArray, GridCase, IntArray

WITHOUT_POWER = (QModelConstQ, QModelCosphiSn, QModelQVCurve)
GENERATORS = ("sgen", "storage", "gen", "asymmetric_sgen")
SAME_KW = 1e-6


@dataclass(frozen=True, slots=True)
class Inverters:
    """Static generators under a ``DERController`` that asks for their active power.

    Such a controller has cos phi(P) or the like for its Q model, an area of reactive power, or a limit of apparent
    power. What a study injects is known by bus, so what it changes there against the net's tables is the inverter's,
    between nothing and its rating; what goes beyond is consumed or given beside it. Where other generators are at the
    bus nobody can tell whose change it is.

    Attributes
    ----------
    name
        Name of the network.
    row, at
        (n,) index in the table ``sgen``, position of the bus.
    p_mw, most_mw, kw_per_mw
        (n,) power of the table before scaling, the most that it can be, and what one of it injects.
    unclear, unclear_at
        (m,) names of what has other generators, or is none, and positions of their buses.
    """

    name: str
    row: IntArray
    at: IntArray
    p_mw: FloatArray
    most_mw: FloatArray
    kw_per_mw: FloatArray
    unclear: tuple[str, ...]
    unclear_at: IntArray

    @classmethod
    def of(cls, net: Any, case: GridCase) -> Inverters:
        """Return the inverters of a net that are in service at buses with supply."""
        position = {int(bus): i for i, bus in enumerate(case.bus_id)}
        lone, shared = [], []
        for table, row in dict.fromkeys(_asked(net)):
            bus = int(net[table].bus[row])
            at = position[bus]
            if not net[table].in_service[row] or not net[table].scaling[row] or case.bus_node[at] == NOWHERE:
                continue
            others = sum(int((net[t].bus[net[t].in_service.astype(bool)] == bus).sum()) for t in GENERATORS)
            if table == "sgen" and others == 1:
                lone.append((row, at))
            else:
                shared.append((f"{table} {row}", at))
        rows, places = (np.array([pair[k] for pair in lone], dtype=np.int64) for k in (0, 1))
        frame = net.sgen.loc[rows]
        power, rating = (frame[column].to_numpy(float) for column in ("p_mw", "sn_mva"))
        return cls(
            case.name,
            rows,
            places,
            power,
            np.where(np.isnan(rating), np.inf, np.maximum(power, rating)),
            1e3 * frame.scaling.to_numpy(float),
            tuple(name for name, _ in shared),
            np.array([at for _, at in shared], dtype=np.int64),
        )

    def powers(self, change_kw: FloatArray, bus_id: IntArray) -> FloatArray:
        """Return what they give [MW], before scaling, where injections differ by ``change_kw`` (n_bus,) from the net's.

        Raises
        ------
        InputError
            The injection differs at buses where it is not clear whose change that is.
        """
        differs: NDArray[np.bool_] = np.abs(change_kw[self.unclear_at]) > SAME_KW
        if differs.any():
            expected = "an sgen that is the only generator at its bus, for its controller follows its active power"
            hint = "give each generator a bus of its own, joined by a switch"
            raise InputError(
                [
                    Issue(
                        self.name,
                        f"controller of {self.unclear[k]}",
                        f"bus {bus_id[self.unclear_at[k]]}",
                        expected,
                        hint,
                    )
                    for k in np.flatnonzero(differs)
                ]
            )
        return np.clip(self.p_mw + change_kw[self.at] / self.kw_per_mw, np.minimum(self.p_mw, 0.0), self.most_mw)


def _asked(net: Any) -> list[tuple[str, int]]:
    """Return table and row of everything under a controller that asks for active power."""
    controllers = net.controller.object[net.controller.in_service.astype(bool)]
    return [
        (control.element, int(row))
        for control in controllers
        if isinstance(control, DERController) and _follows_power(control)
        for row in np.atleast_1d(control.element_index)
    ]


def _follows_power(control: DERController) -> bool:
    model = control.q_model
    limited = np.isfinite(np.asarray(control.saturate_sn_mva, dtype=float)).any()
    return bool(limited) or control.pqv_area is not None or not (model is None or type(model) in WITHOUT_POWER)
