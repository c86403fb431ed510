"""Orders that trade completely or not at all, on an exchange whose headroom fills much memory."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import numpy as np
from rexnet_grid.delivery.admission import LinearAdmission
from rexnet_grid.delivery.headroom import Headroom
from rexnet_grid.reservex import Exchange, MarketRules

nodes = tuple(f"node {k}" for k in range(330))
admission = LinearAdmission(nodes, 0.1)
exchange = Exchange(MarketRules(lot_kw=0.1, opening_auction=False), admission=admission)
for k, node in enumerate(nodes):
    exchange.register(f"account {k}", node)
rng = np.random.default_rng(1)
limits = tuple(f"row {k}" for k in range(2000))
for unit in range(2):
    rows = rng.random((len(limits), len(nodes)))
    admission.publish(Headroom(unit, nodes, rows, np.full(len(limits), 50.0), limits))
    exchange.open_unit(unit, 100)
    exchange.submit(0, unit, "sell", 100, 50)
said = []
for k in range(20):
    said.append(exchange.submit(1 + k, 0, "buy", 110, 1, time_in_force="fok").status)
    said.append(exchange.submit_block(30 + k, [0, 1], "buy", 110, 1).status)
    said.append(exchange.submit(1 + k, 0, "buy", 110, 5000, time_in_force="fok").status)
print(*said)
"""


def test_what_an_order_would_trade_is_tried_on_memory_that_is_still_there():
    """Large blocks go back to the system as they are freed, so reading one ends the process."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout.split()
    assert said[0::3] == said[1::3] == ["filled"] * 20
    assert "filled" not in said[2::3]
