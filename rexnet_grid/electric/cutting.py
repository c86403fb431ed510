"""Networks cut from their tables once and then read from the cache: as they are, and with every bus for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rexnet_grid.electric.cache import load_case, store_case

if TYPE_CHECKING:
    from collections.abc import Callable

    from rexnet_grid.electric.case import GridCase

APART = " apart"


def cut(name: str, origin: str, read: Callable[[], Any], supply_vm_pu: float | None, tap_pos: float | None) -> GridCase:
    """Return a network as arrays, from the cache when it holds it.

    Parameters
    ----------
    name
        What the network is called in the cache.
    origin
        The versions of what makes it; the cache holds what these made.
    read
        Gives the pandapower net.
    supply_vm_pu, tap_pos
        As for :meth:`~rexnet_grid.electric.network.ElectricNetwork.from_pandapower`.
    """
    case = load_case(_key(name, supply_vm_pu, tap_pos), origin)
    return _cut(name, origin, read, supply_vm_pu, tap_pos)[0] if case is None else case


def cut_apart(
    name: str, origin: str, read: Callable[[], Any], supply_vm_pu: float | None, tap_pos: float | None
) -> GridCase | None:
    """Return the same with every bus a node of its own; None where that cannot be had."""
    case = load_case(_key(name, supply_vm_pu, tap_pos) + APART, origin)
    return _cut(name, origin, read, supply_vm_pu, tap_pos)[1] if case is None else case


def _cut(
    name: str, origin: str, read: Callable[[], Any], supply_vm_pu: float | None, tap_pos: float | None
) -> tuple[GridCase, GridCase | None]:
    from rexnet_grid.electric.pandapower_nets import build_case, separate_case, with_options

    net = with_options(read(), supply_vm_pu, tap_pos)
    case, apart = build_case(net), separate_case(net)
    key = _key(name, supply_vm_pu, tap_pos)
    store_case(key, origin, case)
    if apart is not None:
        store_case(key + APART, origin, apart)
    return case, apart


def _key(name: str, supply_vm_pu: float | None, tap_pos: float | None) -> str:
    return f"{name} supply_vm_pu={supply_vm_pu} tap_pos={tap_pos}"
