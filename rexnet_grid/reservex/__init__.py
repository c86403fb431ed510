"""The reservation exchange: forward units traded under delivery constraints, exact and replayable."""

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
