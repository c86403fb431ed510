"""A feeder's readings, and what they become after a change to them.

Second moments are all that a fit needs (:mod:`rexnet_grid.spacemeternet.moments`), but to move a series in time takes
the series themselves, plain and with the supply's wandering filtered out of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.spacemeternet.moments import Moments, Sample
from rexnet_grid.spacemeternet.scales import exchanged, multiplied
from rexnet_grid.spacemeternet.timing import kept, shifted
from rexnet_grid.spacemeternet.treesearch import filtered, grown, improve, rebuilt
from rexnet_grid.spacemeternet.voltagefit import REACTANCE_RATIO, NoiseModel, fit_tree

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.feedertree import FeederTree
    from rexnet_grid.spacemeternet.treesearch import FeederSeries
    from rexnet_grid.spacemeternet.voltagefit import TreeFit

Kind = Literal[
    "exchange", "turn", "scale", "turn reactive", "all reactive", "all active", "all powers",
    "late voltage", "late power", "late meter", "late voltages", "late powers", "late reactive",
]  # fmt: skip

SWEEPS_UP_TO = 25
SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Mending:
    """A change that makes the readings likelier.

    Attributes
    ----------
    kind
        ``"exchange"`` of the voltages of a and b, ``"turn"`` of the power of a, which has to be multiplied by
        ``factor`` for ``"scale"``, ``"turn reactive"`` of its reactive power alone, ``"all reactive"``,
        ``"all active"`` or ``"all powers"`` of all customers; the voltage of a, its powers, all three, all voltages,
        or all active powers (but not the reactive ones) or all reactive ones ``steps`` late.
    a, b
        Customers; equal where one is meant.
    steps
        How late.
    gain
        In log-likelihood.
    factor
        Of the powers.
    """

    kind: Kind
    a: int
    b: int
    steps: int = 0
    gain: float = 0.0
    factor: float = 1.0

    @property
    def moves_powers(self) -> bool:
        """Whether powers are moved in time, not voltages."""
        return self.kind in {"late power", "late powers", "late reactive"}

    def factors(self, n: int) -> FloatArray:
        """Return what the powers (2n,) are multiplied by."""
        out, of = np.ones(2 * n), {"turn": [self.a, n + self.a], "scale": [self.a, n + self.a]}
        of |= {"turn reactive": [n + self.a], "all reactive": list(range(n, 2 * n))}
        of |= {"all active": list(range(n)), "all powers": list(range(2 * n))}
        out[of[self.kind]] = self.factor if self.kind == "scale" else -1.0
        return out


@dataclass(frozen=True, slots=True)
class Readings:
    """Centred injections (N, 2n) and squared voltages (N, n), plain and with the supply's wandering filtered out.

    ``unknown`` is what is not known of filled ones; delays leave it as it is. Where inverters follow the voltage the
    loop is ``closed``: the busbar moves their reactive powers, and only what tells customers apart counts.
    """

    x: FloatArray
    y: FloatArray
    calm_x: FloatArray
    calm_y: FloatArray
    unknown: tuple[Sample, ...]
    closed: bool = False

    @classmethod
    def of(cls, p_kw: FloatArray, q_kvar: FloatArray, vm_pu: FloatArray, unknown: Moments | None = None) -> Readings:
        """Return readings (N, n) of P, Q and V [kW, kvar, p.u.]; ``unknown`` is what is not known of filled ones."""
        x, y = np.hstack([p_kw, q_kvar]), vm_pu**2
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        more = (Sample(unknown, unknown),) if unknown is not None else ()
        calm_x, calm_y = filtered(x, y, unknown=more)
        return cls(x, y, calm_x, calm_y, more)

    @classmethod
    def centred(cls, series: FeederSeries, tree: FeederTree | None = None) -> Readings:
        """Return centred series as they are, filtered with the tree if the map is given."""
        x, y, gaps = np.hstack([series.p, series.q]), series.v2, series.gaps
        unknown = gaps.unknown([np.arange(len(y))])[0] if gaps is not None else None
        more = (Sample(unknown, unknown),) if unknown is not None else ()
        calm_x, calm_y = filtered(x, y, tree, more)
        return cls(x, y, calm_x, calm_y, more)

    @property
    def drive(self) -> FloatArray:
        """Powers (N, n) with the reactive power that does as much as a kilowatt on a cable."""
        n = self.y.shape[1]
        return self.x[:, :n] + REACTANCE_RATIO * self.x[:, n:]

    def mended(self, change: Mending) -> Readings:
        """Return the readings after a change."""
        n = self.y.shape[1]
        if change.kind == "exchange":
            order = np.arange(n)
            order[[change.a, change.b]] = order[[change.b, change.a]]
            more = tuple(exchanged(part, order) for part in self.unknown)
            return replace(self, y=self.y[:, order], calm_y=self.calm_y[:, order], unknown=more)
        if change.steps == 0:
            factor = change.factors(n)
            more = tuple(multiplied(part, factor) for part in self.unknown)
            return replace(self, x=self.x * factor, calm_x=self.calm_x * factor, unknown=more)
        voltages = np.full(n, change.kind == "late voltages")
        voltages[change.a] |= change.kind != "late power"
        powers = np.zeros(2 * n, dtype=bool)
        powers[[change.a, n + change.a]] = change.kind in {"late meter", "late power"}
        if change.kind in {"late powers", "late reactive"}:
            voltages[:] = False
            powers[:] = np.repeat([change.kind == "late powers", change.kind == "late reactive"], n)
        x, y, calm_x, calm_y = (
            np.where(moved, kept(series, change.steps), shifted(series, change.steps))
            for series, moved in (
                (self.x, powers), (self.y, voltages), (self.calm_x, powers), (self.calm_y, voltages)
            )
        )  # fmt: skip
        return replace(self, x=x, y=y, calm_x=calm_x, calm_y=calm_y)

    def cut(self, steps: int) -> Readings:
        """Return the instants that are left when something is delayed by ``steps``, as those moved keep theirs."""
        if steps == 0:
            return self
        x, y, calm_x, calm_y = (kept(values, steps) for values in (self.x, self.y, self.calm_x, self.calm_y))
        return replace(self, x=x, y=y, calm_x=calm_x, calm_y=calm_y)

    @property
    def sample(self) -> Sample:
        """The moments of the readings."""
        both = Sample.total([Sample.both((self.x, self.y), (self.calm_x, self.calm_y)), *self.unknown])
        return both.apart if self.closed else both

    def fit(self, start: FeederTree | None = None, sweeps: int = SWEEPS) -> TreeFit:
        """Return the likeliest tree found from a start, or from the shared resistances."""
        sample = self.sample
        fit = fit_tree(start if start is not None else rebuilt(sample), sample)
        return improve(fit, sample, sweeps if self.y.shape[1] <= SWEEPS_UP_TO else 0)

    def loglik_with_hidden(self) -> float:
        """Return the log-likelihood of the likeliest tree, with customers without a meter if there seem to be any."""
        return grown(self.sample, SWEEPS if self.y.shape[1] <= SWEEPS_UP_TO else 0)[0].loglik

    def told(self, fit: TreeFit) -> float:
        """Return by how much a fit is likelier than no effect at all."""
        sample = self.sample
        own, common = sample.own.yy / len(self.y), sample.common.yy / len(self.y)
        return fit.loglik - NoiseModel.of(own, common).loglik(own, common, len(self.y))
