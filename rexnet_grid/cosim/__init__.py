"""The unit cycle: eight steps at every boundary, trading at random times in between."""

from rexnet_grid.cosim.simulation import Simulation

__all__ = ["Simulation"]
