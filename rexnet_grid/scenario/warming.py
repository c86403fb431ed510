"""The first run after an installation: compile the two halves of the kernels side by side.

The kernels are compiled once and kept beside their modules. Those of the heat network take as long as all others
together, so they are compiled by a second process while this one compiles the exchange's.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAT = "from rexnet_grid.scenario.warming import warm_heat; warm_heat()"


@contextmanager
def compiled_side_by_side() -> Iterator[None]:
    """Compile the heat kernels in a process of their own meanwhile; does nothing where they have been compiled.

    Whatever becomes of that process, nothing is lost: what it did not leave is compiled when it is needed.
    """
    if _heat_is_compiled():
        yield
        return
    quiet = subprocess.DEVNULL
    helper = subprocess.Popen([sys.executable, "-P", "-c", _HEAT], stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603
    try:
        yield
        warm_exchange()
        helper.wait()
    finally:
        helper.kill()
        helper.wait()


def warm_heat() -> None:
    """Carry heat through a small network for one unit, as a run does."""
    from rexnet_grid.resources import builtin_dir
    from rexnet_grid.rexdynnet import HeatDelivery, HeatNetwork

    delivery = HeatDelivery(HeatNetwork.from_csv(builtin_dir("networks") / "heat" / "destest"))
    rates = np.full(len(delivery.nodes), -10.0)
    rates[0] = -1.05 * rates[1:].sum()
    delivery.predict(0, rates)
    units, positions = [0, 1], np.zeros((2, len(rates)))
    delivery.headroom(units, positions)
    delivery.linepack(units, positions)
    delivery.signal(units, positions)


def warm_exchange() -> None:
    """Take one unit of a small exchange through its life, as a run does."""
    from rexnet_grid.delivery import Headroom
    from rexnet_grid.delivery.admission import LinearAdmission
    from rexnet_grid.reservex import Exchange, MarketRules, OrderBatch

    admission = LinearAdmission(("a", "b"), 0.1)
    exchange = Exchange(MarketRules(), admission=admission)
    accounts = [exchange.register(name, node=name) for name in ("a", "b")]
    admission.publish(Headroom(0, ("a", "b"), np.ones((1, 2)), np.ones(1), ("limit",)))
    exchange.open_unit(0)
    unit, lots = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
    for account in accounts:
        exchange.submit_many(OrderBatch.new(account, unit, np.array([account % 2]), 100 * lots, lots))
        exchange.view(account)
    exchange.uncross(0)
    exchange.rematch(0)
    exchange.orders()
    exchange.close_gate(0)


def _heat_is_compiled() -> bool:
    """Tell whether the compiled heat kernel lies where numba keeps it."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(chosen) if chosen else Path(__file__).resolve().parents[1] / "rexdynnet" / "__pycache__"
    return any(folder.rglob("kernel.advance-*.nbi"))
