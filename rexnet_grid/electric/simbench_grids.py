"""SimBench grids by code and their year of profiles, cut once into the cache.

Meinecke et al., "SimBench", Energies 13 (2020) 3290, doi:10.3390/en13123290.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from rexnet_grid.electric.cache import cache_folder
from rexnet_grid.electric.cutting import cut, cut_apart
from rexnet_grid.errors import Issue, MissingExtraError, NetworkDataError

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.electric.case import FloatArray, GridCase

LICENCE = "SimBench data: Open Database License (ODbL) 1.0, contents DbCL 1.0, www.simbench.de"


def simbench_case(code: str, supply_vm_pu: float | None = None, tap_pos: float | None = None) -> GridCase:
    """Return a SimBench grid as arrays.

    Raises
    ------
    MissingExtraError
        The extra ``simbench`` is not installed.
    NetworkDataError
        There is no grid of that code.
    """
    case = cut(f"simbench {code}", _origin(), partial(simbench_net, code), supply_vm_pu, tap_pos)
    _keep_licence()
    return case


def simbench_apart(code: str, supply_vm_pu: float | None = None, tap_pos: float | None = None) -> GridCase | None:
    """Return the same with every bus a node of its own; None where that cannot be had."""
    return cut_apart(f"simbench {code}", _origin(), partial(simbench_net, code), supply_vm_pu, tap_pos)


@dataclass(frozen=True, slots=True, eq=False)
class SimbenchYear:
    """The year of profiles of one grid, quarter hours of 2016 in Central European Time without summer time.

    Attributes
    ----------
    name, kind, bus
        (n_elements,) such as ``"load 3"``; ``"load"``, ``"generator"`` or ``"storage"``; the user's bus id.
    injection_kw
        (35136, n_elements) injection [kW], positive into the network.
    """

    name: tuple[str, ...]
    kind: tuple[str, ...]
    bus: tuple[int, ...]
    injection_kw: FloatArray


KINDS = {"load": ("load", -1e3), "sgen": ("generator", 1e3), "storage": ("storage", -1e3)}


def simbench_year(code: str) -> SimbenchYear:
    """Return the profiles of a SimBench grid, from the Parquet file in the cache where there is one.

    Raises
    ------
    MissingExtraError, NetworkDataError
        As :func:`simbench_case`.
    """
    import pandas as pd

    origin = _origin()
    file = cache_folder() / f"simbench-{sha256(f'{code} {origin}'.encode()).hexdigest()[:20]}.parquet"
    frame: pd.DataFrame | None = None
    with suppress(OSError, ValueError):
        frame = pd.read_parquet(file)
    if frame is None:
        frame = _year(code)
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_name(f"{file.name}.{os.getpid()}")
            frame.to_parquet(draft)
            draft.replace(file)
        _keep_licence()
    places = [str(column).split("|") for column in frame.columns]
    return SimbenchYear(
        tuple(place[0] for place in places),
        tuple(KINDS[place[0].partition(" ")[0]][0] for place in places),
        tuple(int(place[1]) for place in places),
        frame.to_numpy(dtype="float64"),
    )


def _year(code: str) -> pd.DataFrame:
    """Return (35136, n_elements) injections [kW], columns such as ``"load 3|12"`` with the bus behind the bar."""
    import pandas as pd
    import simbench

    net = simbench_net(code)
    found = simbench.get_absolute_values(net, profiles_instead_of_study_cases=True)
    columns = {}
    for (table, quantity), values in found.items():
        if quantity != "p_mw" or table not in KINDS:
            continue
        active = net[table].index[net[table].in_service.astype(bool)]
        for element in [e for e in active if e in values.columns]:
            scale = KINDS[table][1] * float(net[table].scaling.at[element])
            columns[f"{table} {element}|{net[table].bus.at[element]}"] = scale * values[element].to_numpy(float)
    return pd.DataFrame(columns).astype("float32")


def _origin() -> str:
    try:
        return f"simbench {version('simbench')}, pandapower {version('pandapower')}"
    except PackageNotFoundError as error:
        raise MissingExtraError("simbench", "simbench") from error


def simbench_net(code: str) -> Any:
    """Return a SimBench grid as pandapower holds it; raises as :func:`simbench_case`."""
    import simbench

    try:
        return simbench.get_simbench_net(code)
    except (ValueError, KeyError, AssertionError, IndexError, TypeError) as error:
        raise NetworkDataError([Issue("SimBench", "code", code, 'a code such as "1-LV-rural1--0-sw"')]) from error


def _keep_licence() -> None:
    note = cache_folder() / "SIMBENCH-LICENCE.txt"
    if note.is_file():
        return
    with suppress(OSError):
        note.write_text(LICENCE + "\n", encoding="utf-8")
