"""VoltageSpaceNet: what an injection does to voltages, from smart meters, with the feeder's map or without it."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet.feederreadings import Readings
from rexnet_grid.spacemeternet.feedertree import FeederTree
from rexnet_grid.spacemeternet.manners import Estimator
from rexnet_grid.spacemeternet.mending import MOST_CUSTOMERS
from rexnet_grid.spacemeternet.possiblefaults import possible_faults
from rexnet_grid.spacemeternet.treesearch import FeederSeries, fit_known, grow
from rexnet_grid.spacemeternet.voltagedata import in_order, some, voltage_arrays
from rexnet_grid.spacemeternet.voltagemodel import LinearVoltage, OperatingModel, meter_gains
from rexnet_grid.spacemeternet.voltagerows import voltage_rows
from rexnet_grid.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Hashable

    import networkx as nx

    from rexnet_grid.delivery.headroom import Headroom
    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.voltagefit import TreeFit

_LINEARISATION = 0.02
_MOST_GAIN = 0.2
_SURE_BRANCH = 0.9
_ERRORS_OF_BRANCH = 3.0
_FREE_WARNING = (
    "free regression knows neither signs nor symmetry: where customers' P and Q move together its sensitivities can be "
    "far off and of the wrong sign; use a tree (method='tree') for anything that acts on a network"
)
_ABSURD_PER_KW = 0.05
_DOUBTED_SCALE = 0.4
_WITHOUT_Q = 0.25
_NO_Q = (
    "without q_kvar the slopes hold what reactive power does that goes along with the active one; the standard errors "
    "are of the slopes without it"
)
_ENERGIES = (
    "powers are as small as kWh of a step would be: if they are, multiply them by the steps an hour has; voltages do "
    "not tell, so the standard errors allow for either (sure_of_units=True if they are kW)"
)
_ABSURD = (
    "one kW of {} would move voltages by more than a cable lets it: powers in MW, or nearly none; nothing is claimed"
)
_TURNED_Q = (
    "q_kvar of {}: injected where power is withdrawn, and the voltages do not tell whether its sign is turned; the "
    "standard errors allow for either"
)
_UNCHECKED = (
    "with more than {} customers nobody looks for columns exchanged, one power turned or meters "
    "that are late; give parts of the feeder to have them checked"
)


class FreeRegressionWarning(UserWarning):
    """Sensitivities come from a regression that knows nothing of networks."""


class VoltageSpaceNet(Estimator):
    """Voltage sensitivities of a radial feeder from P, Q and V of its customers.

    The customers are all on one phase, or each is on three alike; of others each phase is a feeder of its own.

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
    gain_std
        Standard deviation of the constant gain error of a voltage meter [-], such as 0.003; 0 takes gains as one.
    sure_of_units
        Whether powers are known to be kilowatts. Otherwise readings as small as kilowatt-hours of a step would be get
        standard errors that allow for either.
    method
        ``"tree"``, or ``"free"`` for a regression without signs and symmetry, with a :class:`FreeRegressionWarning`.
    """

    def __init__(
        self,
        tree: nx.Graph | None = None,
        root: Hashable = "busbar",
        n_trees: int = 16,
        seed: int = 0,
        gain_std: float = 0.0,
        method: Literal["tree", "free"] = "tree",
        sure_of_units: bool = False,
    ) -> None:
        self.tree = tree
        self.root = root
        self.n_trees = n_trees
        self.seed = seed
        self.gain_std = gain_std
        self.method = method
        self.sure_of_units = sure_of_units

    @one_thread()
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
            the former, ``gain_`` of each voltage meter, ``trees_`` with ``weights_`` and
            ``diagnostics_``, whose ``"warning"`` says what was not looked at.

        Raises
        ------
        MeterDataError
            If columns differ, voltages are not per unit, there are too few rows, or customers are on different phases.
        ValueError
            If ``method`` or ``gain_std`` is out of range.
        """
        if self.method not in {"tree", "free"} or not 0.0 <= self.gain_std < _MOST_GAIN:
            raise ValueError(
                f"method is {self.method!r}, gain_std {self.gain_std}; 'tree' or 'free', 0 to {_MOST_GAIN}"
            )
        found = voltage_arrays(p_kw, q_kvar, vm_pu)
        self.customers_, p, q, v, gaps = found.names, found.p, found.q, found.v, found.gaps
        self._remarks, self._without_q = found.remarks, not q.any()
        if self._without_q:
            self._remarks += (_NO_Q,)
        self._phases, self._fair, self._follows = found.phases, found.fair, found.follows
        self._energies = found.energies and not self.sure_of_units
        self.mean_kw_, self.mean_kvar_ = p.mean(axis=0), q.mean(axis=0)
        dp, dq, v2 = p - self.mean_kw_, q - self.mean_kvar_, v**2
        self._mean_square = v2.mean(axis=0)
        v2 = v2 - self._mean_square
        gain, error = np.ones(len(v2.T)), np.zeros(len(v2.T))
        closed = bool(found.follows.any())
        capacitive = (np.where(p < 0.0, q, 0.0).sum(axis=0) > 0.0) & ~found.follows
        self._estimate(FeederSeries(dp, dq, v2, capacitive, gaps, closed))
        if self.gain_std > 0.0:
            means = self._mean_square, self.mean_kw_, self.mean_kvar_
            gain, error = meter_gains(self._model, *means, self.gain_std, len(v2))
            gaps = gaps.scaled(1.0 / gain**2) if gaps is not None else None
            self._estimate(FeederSeries(dp, dq, v2 / gain**2, capacitive, gaps, closed))
        self.gain_ = pd.DataFrame({"gain": gain, "std_error": error}, list(self.customers_))
        self.mean_pu_ = v.mean(axis=0) / gain
        self._set_sensitivities()
        return self

    def predict(self, p_kw: Any, q_kvar: Any, vm_pu: Any = None) -> pd.DataFrame:
        """Return the voltages [p.u.] that the meters would show at injections.

        Parameters
        ----------
        p_kw, q_kvar
            (N, customers) injections [kW, kvar]; ``q_kvar`` may be None. Columns of DataFrames are told by name as in
            :meth:`fit`, those of arrays by the order of ``customers_``.
        vm_pu
            (N, customers) readings of the same instants, NaN where missing, from which the busbar's level is taken:
            for each customer from all others. None takes the busbar at its mean.

        Raises
        ------
        MeterDataError
            If a DataFrame's columns are not the customers of the fit.
        """
        self._require_fit("trees_")
        p = in_order("p_kw", p_kw, self.customers_)
        q = in_order("q_kvar", q_kvar, self.customers_).to_numpy(dtype=float) if q_kvar is not None else 0.0 * p
        square = self.operating_model_.squares(p.to_numpy(dtype=float), np.asarray(q))
        if vm_pu is not None:
            away = (in_order("vm_pu", vm_pu, self.customers_).to_numpy(dtype=float) / self._gain) ** 2 - square
            weight = np.where(np.isfinite(away), 1.0 / self._model.noise.meter, 0.0)
            away = np.nan_to_num(away)
            others = weight.sum(axis=1, keepdims=True) - weight
            level = (weight * away).sum(axis=1, keepdims=True) - weight * away
            square = square + np.divide(level, others, out=np.zeros_like(level), where=others > 0)
        return pd.DataFrame(self._gain * np.sqrt(np.maximum(square, 0.0)), p.index, list(self.customers_))

    def operating_point(self, p_kw: FloatArray, q_kvar: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation (customers,) of the voltages [p.u.] at injections (customers,) [kW, kvar].

        The standard deviation holds the sensitivities' uncertainty, the spread between trees, that of the meters'
        gains, and the scatter of the voltages about the model (busbar and what was not metered); without ``q_kvar`` the
        mean reactive power is taken.
        """
        self._require_fit("trees_")
        return self.operating_model_.at(p_kw, q_kvar)

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
            One-sided confidence of each row, at the base point and at all that it admits; margins come from the
            covariance of the sensitivities, the spread between trees and the busbar's scatter
            (:mod:`rexnet_grid.spacemeternet.voltagerows`). Reactive power is taken at its mean.
        p_kw
            (customers,) injections about which the rows hold [kW]; the mean of the readings if None.
        band_pu
            Lowest and highest voltage allowed [p.u.].
        unit
            The open unit the rows are for.

        Raises
        ------
        ValueError
            If ``kind`` is unknown, or ``p_kw`` is not one finite number for each customer.
        """
        self._require_fit("trees_")
        if kind != "voltage":
            raise ValueError(f"kind is {kind!r}; a feeder gives rows of kind 'voltage'")
        at = self.mean_kw_ if p_kw is None else np.asarray(p_kw, dtype=np.float64)
        if at.shape != (len(self.customers_),) or not np.isfinite(at).all():
            raise ValueError(f"p_kw has shape {at.shape}; it must be {len(self.customers_)} finite numbers [kW]")
        return voltage_rows(unit, self.customers_, self.operating_model_, at, band_pu, confidence)

    def edge_table(self) -> pd.DataFrame:
        """Return the edges of the likeliest tree and how sure they are.

        Columns are the customers below, r [p.u./kW] with its standard error and x [p.u./kvar] at nominal voltage, the
        ``probability`` that such a branch is there (the share of resampled trees that have it; 1 where the map is
        given) and ``state``: ``"present"`` from a probability of 0.9 and an r of three standard errors on, otherwise
        ``"undetermined"``. Empty after a free regression.
        """
        self._require_fit("trees_")
        names, rows = np.array(self.customers_), []
        if self.trees_:
            best = self.trees_[int(np.argmax(self.weights_))]
            error = np.sqrt(np.maximum(np.diag(np.linalg.pinv(best.information))[: len(best.r)], 0.0))
            sets = [{row.tobytes() for row in fit.tree.below[fit.r > 0.0]} for fit in self.trees_]
            for below, r, s, x in zip(best.tree.below, best.r, error, best.x, strict=True):
                held = [w for w, known in zip(self.weights_, sets, strict=True) if below.tobytes() in known]
                share = float(np.sum(held)) if self.tree is None else 1.0
                sure = share >= _SURE_BRANCH and r > _ERRORS_OF_BRANCH * s and self._fair and not self._phases.doubted
                state = "present" if sure else "undetermined"
                rows.append((" ".join(names[below]), 0.5 * r, 0.5 * s, 0.5 * x, share, state))
        columns = ["customers_below", "r_pu_per_kw", "std_error", "x_pu_per_kvar", "probability", "state"]
        return pd.DataFrame(rows, columns=columns)

    def _estimate(self, series: FeederSeries) -> None:
        self.trees_: list[TreeFit] = []
        self.weights_: FloatArray = np.empty(0)
        if self.method == "free":
            warnings.warn(_FREE_WARNING, FreeRegressionWarning, stacklevel=3)
            self._model = LinearVoltage.free(series.p, series.q, series.v2)
            return
        draw = self.n_trees, np.random.default_rng(self.seed)
        if self.tree is not None:
            forest = fit_known(FeederTree.from_graph(self.tree, self.root, self.customers_), series, *draw)
        else:
            forest = grow(series, *draw)
        self.trees_, self.weights_ = list(forest.fits), forest.weights
        self._model = LinearVoltage.of_trees(forest)
        told = [forest.hidden.remark(self.trees_[0], forest.sample, self.customers_)]
        if self._fair and not self._phases.doubted:
            known = forest.fits[0].tree if self.tree is not None else None
            readings = Readings.centred(series, known)
            faults = possible_faults(readings, forest.fits[0], forest.hidden, known, self._follows)
            if issues := faults.issues(self.customers_):
                raise MeterDataError(issues)
            told.append(faults.remark(self.customers_, self._model.spread))
            self._model = replace(self._model, spread=self._model.spread + faults.spread)
        self._remarks += tuple(filter(None, told))
        if forest.doubtful:
            self._remarks += (_TURNED_Q.format(some([self.customers_[k] for k in forest.doubtful])),)

    def _warnings(self) -> list[str]:
        unchecked = [_UNCHECKED.format(MOST_CUSTOMERS)] if len(self.customers_) > MOST_CUSTOMERS else []
        told = list(dict.fromkeys([*unchecked, *self._remarks]))
        return [_FREE_WARNING, *told] if self.method == "free" else told

    @property
    def _gain(self) -> FloatArray:
        return np.asarray(self.gain_["gain"], dtype=np.float64)

    def _set_sensitivities(self) -> None:
        names, model = list(self.customers_), self._model
        half = 0.5 / self.mean_pu_[:, None]
        spread = model.spread + (_LINEARISATION * model.c) ** 2
        if self.trees_:
            spread += self._phases.off(model.c)
        if self._energies:
            spread += (_DOUBTED_SCALE * model.c) ** 2
            self._remarks += (_ENERGIES,)
        absurd = half * np.abs(model.c) > _ABSURD_PER_KW
        if absurd.any():
            who = [self.customers_[k] for k in np.flatnonzero(absurd.any(axis=0))]
            self._remarks += (_ABSURD.format(some(who)),)
            spread = np.where(absurd, np.maximum(spread, model.c**2), spread)
        self.vm_pu_per_kw_ = pd.DataFrame(half * model.c, names, names)
        self.vm_pu_per_kvar_ = pd.DataFrame(half * model.d, names, names)
        without_q = (_WITHOUT_Q * model.c) ** 2 if self._without_q else 0.0
        self.std_error_ = pd.DataFrame(half * np.sqrt(spread + without_q), names, names)
        self.operating_model_ = OperatingModel(
            model,
            half * model.c,
            half * np.sqrt(spread),
            self._mean_square / self._gain**2,
            self.mean_kw_,
            self.mean_kvar_,
            np.asarray(self.gain_["std_error"], dtype=np.float64),
        )
        self.diagnostics_ = {
            "meter_noise_pu": float(np.sqrt(np.mean(model.noise.meter)) / (2.0 * self.mean_pu_.mean())),
            "busbar_noise_pu": float(np.sqrt(model.noise.busbar) / (2.0 * self.mean_pu_.mean())),
            "trees": len(self.trees_),
            "largest_weight": float(max(self.weights_, default=0.0)),
            "warning": "; ".join(self._warnings()),
        }
