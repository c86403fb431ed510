"""Participants: devices, forecasts, the way they trade, and populations of them."""

from rexnet_grid.prosumers.base import Delivered, MarketView, Population, Prosumer, Quotes, Realised
from rexnet_grid.prosumers.config import PopulationConfig

__all__ = ["Delivered", "MarketView", "Population", "PopulationConfig", "Prosumer", "Quotes", "Realised"]
