r"""How far voltage angles may turn, where generators hold voltages and nothing else would tell where solutions end.

The power through a reactance x is :math:`V_1 V_2 \sin(δ) / x` and has its most at a right angle. Where every bus near a
load holds its voltage neither the band nor, in networks without ratings, a thermal limit comes before that point. So no
voltage may turn by more than ``MOST_DEGREE`` from where it stands without injections, which leaves about 30 % of what
the reactance can carry (Kundur, Power System Stability and Control, 1994, 2.1 and 12.1; St. Clair's curves).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.limit_rows import node_voltages

if TYPE_CHECKING:
    from rexnet_grid.electric.case import ComplexArray, FloatArray, IntArray
    from rexnet_grid.electric.chord_rows import Chords
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits

MOST_DEGREE = 45.0


@dataclass(frozen=True, eq=False)
class AngleRows:
    """Rows in the sine of the angle between a voltage and its idle one [-], lagging and leading."""

    names: tuple[str, ...]
    falling: FloatArray
    rising: FloatArray
    node: IntArray
    idle: ComplexArray
    most: float

    @classmethod
    def of(cls, chords: Chords, limits: ElectricLimits, nodes: IntArray, names: tuple[str, ...]) -> AngleRows:
        """Return the rows of ``nodes``."""
        idle = chords.idle[nodes]

        def sine(sign: float, voltage: ComplexArray) -> FloatArray:
            turned = voltage[nodes] * np.conj(idle)[:, None]
            return np.asarray(sign * turned.imag / np.abs(turned))

        ways = [chords.rows(partial(sine, sign)) for sign in (-1.0, 1.0)]
        rows = [np.vstack((lagging, leading)) for lagging, leading in zip(*ways, strict=True)]
        most = float(np.sin(np.radians(MOST_DEGREE))) * (1.0 - limits.margin)
        return cls(tuple(f"{n} angle" for n in names) * 2, rows[0], rows[1], nodes, idle, most)

    def slack(self, position: FloatArray, flow: PowerFlow) -> FloatArray:  # noqa: ARG002 - what AC says is enough
        """Return what AC leaves."""
        unit = node_voltages(flow)[:, self.node] * np.conj(self.idle)
        sine = unit.imag / np.abs(unit)
        return np.asarray(self.most - np.concatenate((-sine, sine), axis=1).T)

    @property
    def kept_back(self) -> None:
        """None: what is left is what AC leaves."""
        return None

    def at_rest(self) -> FloatArray:
        """Return what is left without any injection."""
        return np.full(len(self.names), self.most)

    def beyond(self, flow: PowerFlow) -> FloatArray:
        """Return minus infinity: an angle breaks no limit while there is a solution."""
        return np.full((len(self.names), len(node_voltages(flow))), -np.inf)
