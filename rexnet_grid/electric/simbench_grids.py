"""SimBench grids by code, cut once into the cache.

Meinecke et al., "SimBench", Energies 13 (2020) 3290, doi:10.3390/en13123290.
"""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from rexnet_grid.electric.cache import cache_folder, load_case, store_case
from rexnet_grid.errors import Issue, MissingExtraError, NetworkDataError

if TYPE_CHECKING:
    from rexnet_grid.electric.case import GridCase

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
    try:
        origin = f"simbench {version('simbench')}, pandapower {version('pandapower')}"
    except PackageNotFoundError as error:
        raise MissingExtraError("simbench", "simbench") from error
    key = f"simbench {code} supply_vm_pu={supply_vm_pu} tap_pos={tap_pos}"
    case = load_case(key, origin)
    if case is not None:
        return case
    import simbench

    from rexnet_grid.electric.pandapower_nets import build_case, with_options

    try:
        net = simbench.get_simbench_net(code)
    except (ValueError, KeyError, AssertionError, IndexError, TypeError) as error:
        raise NetworkDataError([Issue("SimBench", "code", code, 'a code such as "1-LV-rural1--0-sw"')]) from error
    case = build_case(with_options(net, supply_vm_pu, tap_pos))
    store_case(key, origin, case)
    with suppress(OSError):
        (cache_folder() / "SIMBENCH-LICENCE.txt").write_text(LICENCE + "\n", encoding="utf-8")
    return case
