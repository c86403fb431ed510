"""What holds a power of its own in pandapower's tables beside loads, static generators and storages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.pandapower_tables import generator_table, has_capacity, is_missing, load_table, motor_power

if TYPE_CHECKING:
    from collections.abc import Iterable

Row = tuple[str, str, int, float]


def steady_table(net: Any) -> dict[str, Any]:
    """Return who injects the table's power all the time: name, element such as ``"motor 3"``, bus, injection [kW].

    These are motors, the constant power of wards, generators that hold a voltage without balancing, both ends of DC
    lines, storages without a capacity, and loads and static generators below zero. ``net`` is one that pandapower has
    prepared for its power flow: the ends of DC lines stand as generators at the end of its table.
    """
    rows = [row for row in [*_drawn(net), *_voltage_holding(net), *_without_capacity(net), *_negative(net)] if row[3]]
    return {
        "steady_name": np.array([row[0] for row in rows], dtype=np.str_),
        "steady_element": np.array([row[1] for row in rows], dtype=np.str_),
        "steady_bus": np.array([row[2] for row in rows], dtype=np.int64),
        "steady_kw": np.array([row[3] for row in rows], dtype=np.float64),
    }


def _drawn(net: Any) -> Iterable[Row]:
    """Yield motors and the constant power of wards."""
    for table in ("motor", "ward", "xward"):
        frame = net[table][net[table].in_service.astype(bool)]
        if len(frame):
            drawn = motor_power(frame)[0] if table == "motor" else frame.ps_mw.to_numpy(float)
            yield from _rows(table, frame, -drawn)


def _voltage_holding(net: Any) -> Iterable[Row]:
    """Yield generators that do not balance, and both ends of DC lines."""
    ends = 2 * len(net.dcline)
    own, held = net.gen.iloc[: len(net.gen) - ends], net.gen.iloc[len(net.gen) - ends :]
    slack = own.get("slack", own.in_service & False).to_numpy(bool)
    own = own[own.in_service.to_numpy(bool) & ~slack]
    yield from _rows("gen", own, own.p_mw.to_numpy(float) * own.scaling.to_numpy(float))
    for k, (index, line) in enumerate(net.dcline.iterrows()):
        for which, end in (("to", held.iloc[2 * k]), ("from", held.iloc[2 * k + 1])):
            if line.in_service:
                element = f"dcline {index} {which}"
                name = element if is_missing(line.get("name")) else f"{line['name']} {which}"
                yield name, element, int(end.bus), 1e3 * float(end.p_mw)


def _without_capacity(net: Any) -> Iterable[Row]:
    """Yield storages of which the table says no capacity."""
    frame = net.storage[net.storage.in_service.astype(bool)]
    frame = frame[~has_capacity(frame)]
    yield from _rows("storage", frame, -frame.p_mw.to_numpy(float) * frame.scaling.to_numpy(float))


def _negative(net: Any) -> Iterable[Row]:
    """Yield loads that inject and static generators that draw."""
    for table, sign in (("load", -1.0), ("sgen", 1.0)):
        columns = load_table(net) if table == "load" else generator_table(net, scaled=True)
        name, bus, kw = (columns[f"{table}_{column}"] for column in ("name", "bus", "kw"))
        for k in np.flatnonzero(kw < 0.0):
            yield str(name[k]), f"{table} {name[k]}", int(bus[k]), sign * float(kw[k])


def _rows(table: str, frame: Any, injected_mw: Any) -> Iterable[Row]:
    names = frame["name"] if "name" in frame.columns else [None] * len(frame)
    for index, name, bus, mw in zip(frame.index, names, frame.bus, injected_mw, strict=True):
        element = f"{table} {index}"
        yield element if is_missing(name) else str(name), element, int(bus), 1e3 * float(np.nan_to_num(mw))
