"""The reservation exchange: forward units traded under delivery constraints, exact and replayable.

The names below are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rexnet_grid.lazy import on_first_use

if TYPE_CHECKING:
    from rexnet_grid.reservex.batch import BatchReceipt, OrderBatch
    from rexnet_grid.reservex.clearing import SettlementReceipt, UnitFigures
    from rexnet_grid.reservex.exchange import Exchange
    from rexnet_grid.reservex.layout import NO_PRICE
    from rexnet_grid.reservex.log import EventLog
    from rexnet_grid.reservex.maker import ContractMaker
    from rexnet_grid.reservex.messages import AccountView, AuctionResult, Depth, DepthRow, Fill, Receipt, Reservations
    from rexnet_grid.reservex.options import OptionBook
    from rexnet_grid.reservex.pricing import MakerTerms
    from rexnet_grid.reservex.rules import MarketRules

__all__ = [
    "NO_PRICE", "AccountView", "AuctionResult", "BatchReceipt", "ContractMaker", "Depth", "DepthRow", "EventLog",
    "Exchange", "Fill", "MakerTerms", "MarketRules", "OptionBook", "OrderBatch", "Receipt", "Reservations",
    "SettlementReceipt", "UnitFigures",
]  # fmt: skip

__getattr__, __dir__ = on_first_use(
    __name__,
    {
        "AccountView": "rexnet_grid.reservex.messages",
        "AuctionResult": "rexnet_grid.reservex.messages",
        "BatchReceipt": "rexnet_grid.reservex.batch",
        "ContractMaker": "rexnet_grid.reservex.maker",
        "Depth": "rexnet_grid.reservex.messages",
        "DepthRow": "rexnet_grid.reservex.messages",
        "EventLog": "rexnet_grid.reservex.log",
        "Exchange": "rexnet_grid.reservex.exchange",
        "Fill": "rexnet_grid.reservex.messages",
        "MakerTerms": "rexnet_grid.reservex.pricing",
        "MarketRules": "rexnet_grid.reservex.rules",
        "NO_PRICE": "rexnet_grid.reservex.layout",
        "OptionBook": "rexnet_grid.reservex.options",
        "OrderBatch": "rexnet_grid.reservex.batch",
        "Receipt": "rexnet_grid.reservex.messages",
        "Reservations": "rexnet_grid.reservex.messages",
        "SettlementReceipt": "rexnet_grid.reservex.clearing",
        "UnitFigures": "rexnet_grid.reservex.clearing",
    },
)
