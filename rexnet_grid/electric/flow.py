"""What a power flow says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase


@dataclass(frozen=True, slots=True, eq=False)
class PowerFlow:
    """One power flow, or many: every attribute has a leading axis of cases when many were asked for.

    Attributes
    ----------
    loading_percent
        (…, n_branch) larger of both ends, of the rated current [%]; NaN where it has no rating or no supply.
    loss_kw
        Losses in lines and transformers, iron losses included, summed from the branches [kW].
    shunt_kw
        Active power of shunts and wards' impedances [kW].
    grid_import_kw
        What the external grids give, all together [kW].
    converged
        Whether a solution was found; everything else is NaN where not.
    node_voltage
        (…, n_node) complex voltages of the calculation's nodes [p.u.].
    node_power
        (…, n_node) complex injections at nominal voltage that were asked for [p.u.].
    """

    case: GridCase = field(repr=False)
    loading_percent: FloatArray
    loss_kw: FloatArray | float
    shunt_kw: FloatArray | float
    grid_import_kw: FloatArray | float
    converged: NDArray[np.bool_] | bool
    node_voltage: ComplexArray = field(repr=False)
    node_power: ComplexArray = field(repr=False)

    @property
    def vm_pu(self) -> FloatArray:
        """Voltage magnitude at every bus [p.u.]; NaN where it is not supplied."""
        return self._at_buses(np.abs(self.node_voltage))

    @property
    def va_degree(self) -> FloatArray:
        """Voltage angle at every bus [deg]; NaN where it is not supplied."""
        return self._at_buses(np.degrees(np.angle(self.node_voltage)))

    def _at_buses(self, values: FloatArray) -> FloatArray:
        node = self.case.bus_node
        out = values[..., node]
        out[..., node < 0] = np.nan
        return out
