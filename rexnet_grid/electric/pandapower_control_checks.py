"""What is wrong with the controllers of a pandapower net, before any of them acts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pandapower.control import ConstControl
from pandapower.control.controller.DERController import DERController
from pandapower.control.controller.pq_control import PQController
from pandapower.control.controller.trafo_control import TrafoController

from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = ("object", "in_service", "order", "level", "initial_run")
WHAT_ACTS = ("initialize_control", "is_converged", "control_step", "finalize_control")


def controller_issues(net: Any, name: str) -> list[Issue]:
    """Return controllers in service that are none, that act on what is not there, or that lack numbers to act by."""
    rows = net.get("controller")
    if rows is None:
        return []
    if not hasattr(rows, "columns"):
        return [Issue(name, "controller", type(rows).__name__, "a table")]
    if not len(rows):
        return []
    if missing := [column for column in COLUMNS if column not in rows.columns]:
        return [Issue(name, f"controller.{column}", "no such column", "a column of the table") for column in missing]
    unknown = rows.in_service[~rows.in_service.isin((True, False))]
    found = [Issue(name, f"controller {row}", f"in_service {on}", "true or false") for row, on in unknown.items()]
    found += [
        Issue(name, f"controller {row}", f"{column} {value!r}"[:60], "a number")
        for column in ("order", "level")
        for row, value in rows[column].items()
        if not _numbers(value)
    ]
    for row, control in rows.object[rows.in_service.isin((True,))].items():
        key = f"controller {row}"
        if all(callable(getattr(control, method, None)) for method in WHAT_ACTS):
            found += [Issue(name, key, got, expected) for got, expected in _of(net, control)]
        else:
            found.append(Issue(name, key, f"object {control!r}"[:60], "a controller of pandapower"))
    return found


def _numbers(value: Any) -> bool:
    """Return whether pandapower can sort controllers by this: a number or several."""
    try:
        return bool(np.isfinite(np.asarray(value, dtype=float)).all())
    except (TypeError, ValueError):
        return False


def controller_label(row: Any, control: Any) -> str:
    """Return what names a controller to its user: its row, its class and what it moves."""
    moved = ", ".join(str(index) for index in np.atleast_1d(getattr(control, "element_index", ())))
    what = f" of {getattr(control, 'element', 'element')} {moved}" if moved else ""
    return f"controller {row} ({type(control).__name__}{what})"


def raise_as_issue(net: Any, name: str, error: Exception) -> None:
    """Raise InputError if it was one of the net's controllers that failed, with its class, its row and what it said."""
    rows = {id(control): row for row, control in net.controller.object.items()}
    place, found = error.__traceback__, None
    while place is not None:
        found = next((held for held in place.tb_frame.f_locals.values() if id(held) in rows), found)
        place = place.tb_next
    if found is not None:
        key, got = f"controller {rows[id(found)]} ({type(found).__name__})", f"{type(error).__name__}: {error}"
        raise InputError([Issue(name, key, got, "a controller that knows what to do at this injection")]) from error


def _of(net: Any, control: Any) -> Iterator[tuple[str, str]]:
    """Yield what one controller has, and what it would need."""
    if not isinstance(control, (TrafoController, PQController, ConstControl)):
        return
    table = net.get(control.element)
    if not hasattr(table, "columns"):
        yield f"element {control.element}", "a table of the net"
        return
    rows = np.atleast_1d(control.element_index).tolist()
    for row in rows:
        if row not in table.index:
            yield f"element_index {row}", f"a row of the table {control.element}"
    there = [row for row in rows if row in table.index and bool(table.in_service[row])]
    if isinstance(control, TrafoController):
        for row in there:
            yield from _tap(table.loc[row], f"{control.element} {row}")
    if isinstance(control, DERController):
        yield from _inverters(net, control, there)


def _inverters(net: Any, control: DERController, there: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield what an inverter's controller, which keeps bus and rating itself, cannot act by."""
    for key, method, what in (("q_model", "step", "a Q model"), ("pqv_area", "in_area", "an area")):
        value = getattr(control, key, None)
        if value is not None and not callable(getattr(value, method, None)):
            yield (
                f"{key} {value!r}"[:60],
                f"{what} of pandapower, which its files do not keep: make the controller anew",
            )
    kept = zip(
        np.atleast_1d(control.element_index), np.atleast_1d(control.bus), np.atleast_1d(control.sn_mva), strict=False
    )
    for row, bus, rating in kept:
        if row in there and bus not in net.bus.index:
            yield f"{control.element} {row} at bus {bus}", "a bus of the table bus"
        if row in there and not rating > 0.0:
            yield f"{control.element} {row} with sn_mva {rating}", "a rating above zero"


def _tap(transformer: Any, label: str) -> Iterator[tuple[str, str]]:
    """Yield what a controller cannot move a tap by."""
    depends = transformer.get("tap_dependency_table", False)
    needed = ["tap_pos", "tap_min", "tap_max"]
    if depends is None or depends != depends or not depends:
        needed += ["tap_neutral", "tap_step_percent"]
    for column in needed:
        value = transformer.get(column)
        if value is None or value != value:
            yield f"{label} with {column} nan", "a number, for it moves the tap"
    side = transformer.get("tap_side")
    if side is None or side != side or side == "":
        yield f"{label} without tap_side", "a side, for it moves the tap"
