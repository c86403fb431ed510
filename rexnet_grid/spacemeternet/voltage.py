"""VoltageSpaceNet: what an injection does to voltages, from smart meters, with the feeder's map or without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.spacemeternet.constraints import band_rows, margin_factor
from rexnet_grid.spacemeternet.feedertree import FeederTree
from rexnet_grid.spacemeternet.manners import Estimator
from rexnet_grid.spacemeternet.treesearch import Forest, grow
from rexnet_grid.spacemeternet.voltagefit import Moments, TreeFit, fit_tree

if TYPE_CHECKING:
    from collections.abc import Hashable

    import networkx as nx

    from rexnet_grid.delivery.headroom import Headroom
    from rexnet_grid.spacemeternet.discretise import FloatArray

_LOWEST_PU, _HIGHEST_PU = 0.5, 1.5
_MOST_FOR_CURVATURE = 40
_LINEARISATION = 0.02


class VoltageSpaceNet(Estimator):
    """Voltage sensitivities of a radial feeder from P, Q and V of its customers.

    Parameters
    ----------
    tree
        The feeder's map as a networkx graph whose nodes include the customers; None if the map is lost.
    root
        The busbar's node in ``tree``.
    n_trees
        How many resampled trees stand for the unknown map.
    seed
        Of the resampling.
    """

    def __init__(
        self, tree: nx.Graph | None = None, root: Hashable = "busbar", n_trees: int = 16, seed: int = 0
    ) -> None:
        self.tree = tree
        self.root = root
        self.n_trees = n_trees
        self.seed = seed

    def fit(self, p_kw: Any, q_kvar: Any, vm_pu: Any) -> Self:
        """Estimate the sensitivities.

        Parameters
        ----------
        p_kw, q_kvar
            (N, customers) DataFrames of injections, positive into the network [kW, kvar]; ``q_kvar`` may be None.
        vm_pu
            (N, customers) voltages at the same customers [p.u.].

        Returns
        -------
        VoltageSpaceNet
            Itself, with ``vm_pu_per_kw_``, ``vm_pu_per_kvar_`` (row: voltage, column: injection), ``std_error_`` of
            the former, ``trees_`` with ``weights_`` and ``diagnostics_``.

        Raises
        ------
        MeterDataError
            If columns differ, voltages are not per unit, or there are too few rows.
        """
        self.customers_, p, q, v = _voltage_arrays(p_kw, q_kvar, vm_pu)
        self.mean_pu_ = v.mean(axis=0)
        self.mean_kw_, self.mean_kvar_ = p.mean(axis=0), q.mean(axis=0)
        v2 = v**2
        self._mean_square = v2.mean(axis=0)
        p, q, v2 = p - self.mean_kw_, q - self.mean_kvar_, v2 - self._mean_square
        if self.tree is not None:
            fits: list[TreeFit] = [
                fit_tree(FeederTree.from_graph(self.tree, self.root, self.customers_), Moments.of(p, q, v2))
            ]
            forest = Forest(tuple(fits), np.ones(1), np.empty((0, *fits[0].tree.matrix(fits[0].r).shape)), np.empty(0))
        else:
            forest = grow(p, q, v2, self.n_trees, np.random.default_rng(self.seed))
        self.trees_, self.weights_, self._forest = list(forest.fits), forest.weights, forest
        self._set_sensitivities()
        return self

    def predict(self, p_kw: Any, q_kvar: Any) -> pd.DataFrame:
        """Return the voltages [p.u.] at injections, the busbar at its mean."""
        self._require_fit("trees_")
        p = pd.DataFrame(p_kw)
        q = pd.DataFrame(q_kvar).to_numpy(dtype=float) if q_kvar is not None else np.zeros(p.shape)
        dp, dq = p.to_numpy(dtype=float) - self.mean_kw_, q - self.mean_kvar_
        parts = [w * t.predict(dp, dq) for w, t in zip(self.weights_, self.trees_, strict=True)]
        square = self._mean_square + np.sum(parts, axis=0)
        return pd.DataFrame(np.sqrt(np.maximum(square, 0.0)), p.index, list(self.customers_))

    def operating_point(self, p_kw: FloatArray, q_kvar: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation (customers,) of the voltages [p.u.] at injections (customers,) [kW, kvar].

        The standard deviation holds the sensitivities' uncertainty, the spread between trees and the scatter of the
        voltages about the model (busbar and what was not metered); without ``q_kvar`` the mean reactive power is taken.
        """
        self._require_fit("trees_")
        dp = p_kw - self.mean_kw_
        dq = np.zeros_like(dp) if q_kvar is None else q_kvar - self.mean_kvar_
        mean = self._mean_square + np.sum(
            [w * t.predict(dp[None], dq[None])[0] for w, t in zip(self.weights_, self.trees_, strict=True)], axis=0
        )
        voltage = np.sqrt(np.maximum(mean, 1e-6))
        own = (self.std_error_.to_numpy() ** 2) @ dp**2
        noise = self.trees_[0].noise
        scatter = noise.busbar / (4.0 * voltage**2)
        return voltage, np.sqrt(own + scatter)

    def to_constraints(
        self,
        kind: Literal["voltage"] = "voltage",
        confidence: float = 0.95,
        *,
        p_kw: FloatArray | None = None,
        band_pu: tuple[float, float] = (0.9, 1.1),
        unit: int = 0,
    ) -> Headroom:
        """Return how much injection the estimated voltages still allow.

        Parameters
        ----------
        kind
            ``"voltage"``.
        confidence
            One-sided confidence of each row; margins come from the covariance of the sensitivities, the spread between
            trees and the busbar's scatter.
        p_kw
            (customers,) injections about which the rows hold [kW]; the mean of the readings if None.
        band_pu
            Lowest and highest voltage allowed [p.u.].
        unit
            The open unit the rows are for.

        Raises
        ------
        ValueError
            If ``kind`` is unknown.
        """
        self._require_fit("trees_")
        if kind != "voltage":
            raise ValueError(f"kind is {kind!r}; a feeder gives rows of kind 'voltage'")
        expected, std = self.operating_point(self.mean_kw_ if p_kw is None else p_kw)
        slopes, margin = self.vm_pu_per_kw_.to_numpy(), margin_factor(confidence) * std
        return band_rows(unit, self.customers_, self.customers_, slopes, expected, margin, band_pu, "voltage")

    def edge_table(self) -> pd.DataFrame:
        """Return the edges of the likeliest tree: customers below, r [p.u./kW] and x [p.u./kvar] at nominal voltage."""
        self._require_fit("trees_")
        best = self.trees_[int(np.argmax(self.weights_))]
        names = np.array(self.customers_)
        return pd.DataFrame(
            {
                "customers_below": [" ".join(names[row]) for row in best.tree.below],
                "r_pu_per_kw": 0.5 * best.r,
                "x_pu_per_kvar": 0.5 * best.x,
            }
        )

    def _set_sensitivities(self) -> None:
        names = list(self.customers_)
        half = 0.5 / self.mean_pu_[:, None]
        pairs = list(zip(self.weights_.tolist(), self.trees_, strict=True))
        mean_r = np.sum([w * f.tree.matrix(f.r) for w, f in pairs], axis=0)
        mean_x = np.sum([w * f.tree.matrix(f.x) for w, f in pairs], axis=0)
        drawn = self._forest.c
        spread = drawn.var(axis=0, ddof=1) if len(drawn) > 1 else np.zeros_like(mean_r)
        if len(self.customers_) <= _MOST_FOR_CURVATURE:
            spread = np.maximum(spread, self.trees_[0].variance())
        spread = spread + (_LINEARISATION * mean_r) ** 2
        self.vm_pu_per_kw_ = pd.DataFrame(half * mean_r, names, names)
        self.vm_pu_per_kvar_ = pd.DataFrame(half * mean_x, names, names)
        self.std_error_ = pd.DataFrame(half * np.sqrt(spread), names, names)
        noise = self.trees_[0].noise
        self.diagnostics_ = {
            "meter_noise_pu": float(np.sqrt(np.mean(noise.meter)) / (2.0 * self.mean_pu_.mean())),
            "busbar_noise_pu": float(np.sqrt(noise.busbar) / (2.0 * self.mean_pu_.mean())),
            "trees": len(self.trees_),
            "largest_weight": float(max(self.weights_)),
        }


def _voltage_arrays(p_kw: Any, q_kvar: Any, vm_pu: Any) -> tuple[tuple[str, ...], FloatArray, FloatArray, FloatArray]:
    """Check the tables and return the customers' names and the complete rows of P, Q and V."""
    p, v = pd.DataFrame(p_kw), pd.DataFrame(vm_pu)
    q = pd.DataFrame(q_kvar) if q_kvar is not None else p * 0.0
    issues: list[Issue] = []
    names = [str(c) for c in v.columns]
    for where, table in (("p_kw", p), ("q_kvar", q)):
        if [str(c) for c in table.columns] != names:
            issues.append(Issue(where, "columns", ", ".join(map(str, table.columns)), "the columns of vm_pu"))
        if len(table) != len(v):
            issues.append(Issue(where, "rows", str(len(table)), f"{len(v)} as in vm_pu"))
    if issues:
        raise MeterDataError(issues)
    arrays = [t.to_numpy(dtype=float) for t in (p, q, v)]
    complete = np.isfinite(np.hstack(arrays)).all(axis=1)
    for column, name in enumerate(names):
        middle = float(np.nanmedian(arrays[2][:, column])) if np.isfinite(arrays[2][:, column]).any() else np.nan
        if not _LOWEST_PU < middle < _HIGHEST_PU:
            issues.append(Issue("vm_pu", name, f"a median of {middle:.4g}", "per unit of the nominal voltage"))
    if complete.sum() < 4 * len(names):
        issues.append(Issue("vm_pu", "rows", str(int(complete.sum())), f"at least {4 * len(names)} complete rows"))
    if issues:
        raise MeterDataError(issues)
    return tuple(names), arrays[0][complete], arrays[1][complete], arrays[2][complete]
