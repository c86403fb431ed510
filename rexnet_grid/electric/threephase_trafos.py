"""Transformers of a pandapower net as power-grid-model takes them, with their magnetising branches beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.threephase_checks import (
    STEP_DEGREE,
    WINDINGS,
    magnetising_zero,
    neutral_ohm,
    windings,
    zero_sequence_percent,
)
from rexnet_grid.electric.transformer_turns import turns

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray
    from rexnet_grid.electric.threephase_nodes import PhaseNodes

ZIGZAG = 0.1
GROUNDED_BELOW = {("D", "YN"), ("YN", "YN"), ("Y", "ZN"), ("YN", "ZN"), ("D", "ZN")}


def transformers(pgm: Any, frame: pd.DataFrame, nodes: PhaseNodes, *, star: bool) -> NDArray[Any]:
    """Return the input table of transformers without magnetising branches; ``star`` where the net has them as a T."""
    table: NDArray[Any] = pgm.initialize_array("input", "transformer", len(frame))
    if not len(frame):
        return table
    va = 1e6 * frame.sn_mva.to_numpy(float) * frame.parallel.to_numpy(float)
    pairs = [windings(group) or ("", "") for group in frame.vector_group]
    for k, (end, side) in enumerate((("from", "hv"), ("to", "lv"))):
        table[f"{end}_node"], table[f"{end}_status"] = nodes.ends("t", frame, f"{side}_bus")
        table[f"winding_{end}"] = [WINDINGS[pair[k]] for pair in pairs]
    hv_kv, lv_kv, degree = np.array([turns(trafo) for _, trafo in frame.iterrows()]).T
    table["u1"], table["u2"] = 1e3 * hv_kv, 1e3 * lv_kv
    table["sn"] = va
    series, _ = _pi(frame, star=star)
    table["uk"], table["pk"] = np.abs(series), series.real * va
    table["i0"] = table["p0"] = 0.0
    table["clock"] = np.round(degree / STEP_DEGREE).astype(int) % 12
    for key in ("tap_side", "tap_pos", "tap_min", "tap_max", "tap_nom", "tap_size"):
        table[key] = 0
    zero = np.array([_zero_sequence(row, pair)[0] for (_, row), pair in zip(frame.iterrows(), pairs, strict=True)])
    _ground(table, pairs, zero - np.where(np.isin([pair[1] for pair in pairs], "ZN"), ZIGZAG, 1.0) * series)
    return table


def _pi(frame: pd.DataFrame, *, star: bool) -> tuple[ComplexArray, ComplexArray]:
    """Return leakage and magnetising admittance of the positive sequence [p.u.] in a pi circuit.

    The T of two halves of the leakage z with the branch y between is a pi of z (1 + z y / 4), and at either side half
    of y / (1 + z y / 4).
    """
    leakage = _percent(frame.vk_percent.to_numpy(float), frame.vkr_percent.to_numpy(float))
    iron = 1e-3 * frame.pfe_kw.to_numpy(float) / frame.sn_mva.to_numpy(float)
    idle = np.maximum(frame.i0_percent.to_numpy(float) / 100.0, iron)
    branch = iron - 1j * np.sqrt(idle**2 - iron**2)
    more = 1.0 + leakage * branch / 4.0 if star else 1.0
    return leakage * more, branch / more


def _percent(impedance: Any, resistance: Any) -> Any:
    return (resistance + 1j * np.sqrt(impedance**2 - resistance**2)) / 100.0


def _zero_sequence(trafo: pd.Series, pair: tuple[str, str]) -> tuple[complex, complex, complex]:
    """Return what the zero sequence meets between the sides, and to ground at the high- and the low-voltage one [p.u.].

    The T of both leakages z1, z2 and the magnetising branch zm, of which a winding in delta shortens its side, one
    without a neutral leaves it open, and two with neutrals make a pi. A zigzag winding lets the zero sequence through
    its own leakage alone, ``vk0_percent`` or, where that is blank, a tenth of that of the positive sequence.
    """
    whole = complex(_percent(*zero_sequence_percent(trafo)))
    above, below = _neutral(trafo, pair)
    if pair[1] == "ZN" and not float(trafo.get("vk0_percent", np.nan)) > 0.0:
        return ZIGZAG * complex(_percent(float(trafo.vk_percent), float(trafo.vkr_percent))) + below, 0.0, 0.0
    core = magnetising_zero(trafo)
    if core is None or "ZN" in pair:
        return whole + above + below, 0.0, 0.0
    zm, z1, z2 = abs(whole) * core[0], core[1] * whole + above, (1.0 - core[1]) * whole + below
    all_three = z1 * z2 + z2 * zm + z1 * zm
    return {
        ("D", "YN"): (z2 + z1 * zm / (z1 + zm), 0.0, 0.0),
        ("YN", "D"): (z1 + z2 * zm / (z2 + zm), 0.0, 0.0),
        ("YN", "YN"): (all_three / zm, z2 / all_three, z1 / all_three),
        ("Y", "YN"): (whole, 0.0, 1.0 / (z2 + zm)),
        ("YN", "Y"): (whole, 1.0 / (z1 + zm), 0.0),
    }.get(pair, (whole, 0.0, 0.0))


def _neutral(trafo: pd.Series, pair: tuple[str, str]) -> tuple[complex, complex]:
    """Return three times what stands between neutral and ground [p.u.], on the high- and on the low-voltage side.

    Of two neutrals it is that of the high-voltage side.
    """
    hv_kv, lv_kv, _ = turns(trafo)
    ohm = 3.0 * float(trafo.sn_mva) * neutral_ohm(trafo)
    above = pair[0] == "YN" and pair[1] != "ZN"
    below = pair[1] == "ZN" or (pair[1] == "YN" and not above)
    return above * ohm / hv_kv**2, below * ohm / lv_kv**2


def core_siemens(frame: pd.DataFrame, trafos: NDArray[Any], *, star: bool) -> ComplexArray:
    """Return what stands to ground (n, 2, 2) at either side for the positive, as the negative, and the zero sequence.

    With one end open the other meets through the leakage what stands there.
    """
    series, idle = _pi(frame, star=star)
    siemens = np.zeros((len(frame), 2, 2), dtype=complex)
    for k, ((_, trafo), row) in enumerate(zip(frame.iterrows(), trafos, strict=True)):
        pair = windings(trafo.vector_group) or ("", "")
        between, *sides = _zero_sequence(trafo, pair)
        here = np.array([[idle[k] / 2.0] * 2, sides]).T
        closed = np.array([bool(row["from_status"]), bool(row["to_status"])])
        if closed[0] != closed[1]:
            there = here[~closed][0]
            here += there / (1.0 + np.array([series[k], between]) * there) * [1.0, pair == ("YN", "YN")]
        per_volt = row["sn"] / np.array([row["u1"], row["u2"]]) ** 2
        siemens[k] = np.where(closed[:, None], here * per_volt[:, None], 0.0)
    return siemens


def cores(pgm: Any, trafos: NDArray[Any], siemens: ComplexArray) -> NDArray[Any]:
    """Return the shunts that stand for the magnetising branches of transformers, at either side."""
    row, side = np.nonzero(siemens.any(axis=2))
    table: NDArray[Any] = pgm.initialize_array("input", "shunt", len(row))
    if len(row):
        table["node"] = np.column_stack((trafos["from_node"], trafos["to_node"]))[row, side]
        table["status"] = 1
        for k, way in enumerate("10"):
            table[f"g{way}"], table[f"b{way}"] = siemens[row, side, k].real, siemens[row, side, k].imag
    return table


def _ground(table: NDArray[Any], pairs: list[tuple[str, str]], more: ComplexArray) -> None:
    """Give the zero sequence its own impedance: a third of what it has ``more`` [p.u.] stands at a grounded neutral.

    power-grid-model takes none for transformers, but a current of the zero sequence meets an impedance at the neutral
    three times, so there it adds to the leakage exactly as it should; it may be negative.
    """
    for end, volt in (("from", "u1"), ("to", "u2")):
        here = [pair == ("YN", "D") if end == "from" else pair in GROUNDED_BELOW for pair in pairs]
        ohm = np.where(here, more, 0.0) / 3.0 * table[volt] ** 2 / table["sn"]
        table[f"r_grounding_{end}"], table[f"x_grounding_{end}"] = ohm.real, ohm.imag
