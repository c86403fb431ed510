"""The first run after an installation: compile the kernels of networks and exchange side by side.

Kernels are compiled once and kept beside their modules. Those of a package come from a small run of it in a process of
their own, while this process compiles the exchange's.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rexnet_grid.delivery.network import DeliveryNetwork

    Part = Literal["electric", "heat"]

_log = logging.getLogger(__name__)
_KERNELS = {"electric": ("electric", "kernels.power_flows"), "heat": ("rexdynnet", "kernel.advance")}
_WARM = "from rexnet_grid.scenario import warming; warming.warm_{part}()"


def compile_side_by_side(parts: Iterable[Part]) -> None:
    """Compile the kernels of networks, each in a process of its own, and those of the exchange; only what is missing.

    Who waits is told why, by a line of the log. Whatever becomes of such a process, nothing is lost: what it did not
    leave is compiled when it is needed.
    """
    missing = [part for part in parts if not _is_compiled(part)]
    if not missing:
        return
    _log.warning("compiling the inner loops, once after an installation: one to two minutes")
    quiet = subprocess.DEVNULL
    helpers = [
        subprocess.Popen([sys.executable, "-P", "-c", _WARM.format(part=part)], stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603
        for part in missing
    ]
    try:
        warm_exchange()
        for helper in helpers:
            helper.wait()
    finally:
        for helper in helpers:
            helper.kill()
            helper.wait()


def warm_electric() -> None:
    """Solve a small electric network for one unit, as a run does."""
    from rexnet_grid.electric import ElectricDelivery, ElectricNetwork

    _warm(ElectricDelivery(ElectricNetwork.from_builtin("lv_schutterwald:5")), -10.0)


def warm_heat() -> None:
    """Carry heat through a small network for one unit, as a run does."""
    from rexnet_grid.resources import builtin_dir
    from rexnet_grid.rexdynnet import HeatDelivery, HeatNetwork

    delivery = HeatDelivery(HeatNetwork.from_csv(builtin_dir("networks") / "heat" / "destest"))
    _warm(delivery, -10.0)
    delivery.linepack([0, 1], np.zeros((2, len(delivery.nodes))))


def _warm(network: DeliveryNetwork, kw: float) -> None:
    """Predict, headroom and signal of a network whose first node supplies [kW] to each of the others."""
    rates = np.full(len(network.nodes), kw)
    rates[0] = -1.05 * rates[1:].sum()
    network.predict(0, rates)
    units, positions = [0, 1], np.zeros((2, len(rates)))
    network.headroom(units, positions)
    network.signal(units, positions)


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
    exchange.depth(0)
    exchange.close_gate(0)
    Exchange.replay(exchange.log)


def _is_compiled(part: Part) -> bool:
    """Tell whether the last kernel of a package lies where numba keeps it."""
    package, kernel = _KERNELS[part]
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(chosen) if chosen else Path(__file__).resolve().parents[1] / package / "__pycache__"
    return any(folder.rglob(f"{kernel}-*.nbi"))
