"""The likelihood of an RC network on metered data, its gradient, innovations and predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.discretise import Discrete, FloatArray, discretise, discretise_adjoint
from rexnet_grid.spacemeternet.information import Tangent, information
from rexnet_grid.spacemeternet.kalman import HELD, MISSING, OBSERVED, Trail, empty_trail, filter_forward
from rexnet_grid.spacemeternet.kalman_adjoint import filter_backward

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.spacemeternet.kalman import IntArray
    from rexnet_grid.spacemeternet.rcnetwork import Matrices, RCNetwork

TOLERANCE = 1e-11
_TANGENT_STEP = 1e-5
_LARGE = 1e12


@dataclass(frozen=True, slots=True)
class Observations:
    """Metered data on one regular grid.

    Attributes
    ----------
    y
        (N, m) readings, anything where ``mask`` is not OBSERVED [degC].
    mask
        (N, m) OBSERVED, MISSING or HELD.
    u
        (N, k) inputs in the order of the network's inputs [degC, kW, kW/m²].
    step
        Length of a step [h].
    """

    y: FloatArray
    mask: NDArray[np.int8]
    u: FloatArray
    step: float

    @classmethod
    def from_readings(cls, y: FloatArray, u: FloatArray, step: float, hold_up_to: int = 0) -> Observations:
        """Mark NaN in ``y`` as missing, or as held where no more than ``hold_up_to`` readings in a row are lost."""
        missing = np.isnan(y)
        mask = np.where(missing, np.int8(MISSING), np.int8(OBSERVED)).astype(np.int8)
        for column in range(y.shape[1]):
            edges = np.flatnonzero(np.diff(np.r_[False, missing[:, column], False].astype(np.int8)))
            for first, last in edges.reshape(-1, 2):
                if last - first <= hold_up_to:
                    mask[first:last, column] = HELD
        return cls(
            np.ascontiguousarray(np.where(missing, 0.0, y)),
            np.ascontiguousarray(mask),
            np.ascontiguousarray(u, dtype=np.float64),
            step,
        )


class Likelihood:
    """Negative log-posterior of an :class:`RCNetwork` on :class:`Observations`.

    The vector ``theta`` that is optimised holds logarithms of the ``"log"`` parameters and the ``"linear"`` ones
    divided by their scale, so that a unit step is comparable everywhere.
    """

    def __init__(self, network: RCNetwork, data: Observations, tolerance: float = TOLERANCE) -> None:
        self.network = network
        self.data = data
        self.tolerance = tolerance
        parameters = network.parameters
        self.is_log = np.array([p.scale == "log" for p in parameters])
        start = np.array([p.start for p in parameters])
        span = np.array([p.prior_sd if p.prior_sd > 0 else abs(p.start) for p in parameters])
        self.unit = np.where(self.is_log, 1.0, np.where(span > 0, span, 1.0))
        self.start = self.theta(start)
        self.lower = self.theta(np.array([p.lower for p in parameters]))
        self.upper = self.theta(np.array([p.upper for p in parameters]))
        prior = np.array([p.prior_sd for p in parameters])
        self.prior_precision = np.where(
            prior > 0, (np.where(self.is_log, 1.0, self.unit) / np.where(prior > 0, prior, 1.0)) ** 2, 0.0
        )
        missing = data.mask == MISSING
        self._changed = np.r_[True, (missing[1:] != missing[:-1]).any(axis=1)]
        self._sloped = np.flatnonzero(network.first_order)
        self._rising = np.ascontiguousarray(np.diff(data.u[:, self._sloped], axis=0, append=data.u[-1:, self._sloped]))
        self._observed = np.array(network.observed, dtype=np.int64)
        self._p0 = np.diag(np.array(network.initial_variance, dtype=np.float64))
        self._whole = np.ones(len(data.y))

    @property
    def n_observed(self) -> int:
        """Number of readings in the likelihood."""
        return int((self.data.mask == OBSERVED).sum())

    def theta(self, values: FloatArray) -> FloatArray:
        """Return the optimiser's vector for parameter ``values`` in their units."""
        return np.where(self.is_log, np.log(np.maximum(values, 1e-300)), values / self.unit)

    def values(self, theta: FloatArray) -> FloatArray:
        """Return the parameters in their units."""
        return np.where(self.is_log, np.exp(np.where(self.is_log, theta, 0.0)), theta * self.unit)

    def slope(self, theta: FloatArray) -> FloatArray:
        """Return d values / d theta."""
        return np.where(self.is_log, self.values(theta), self.unit)

    def discrete(self, theta: FloatArray) -> tuple[Matrices, Discrete, FloatArray]:
        """Return the network's matrices, its discretisation and the inputs' contribution to each step (N, n)."""
        m = self.network.matrices(self.values(theta))
        model = discretise(m.capacity, m.conductance, m.power, m.diffusion, self.data.step)
        return m, model, self.data.u @ model.gamma0.T + self._rising @ model.gamma1[:, self._sloped].T

    def value(self, theta: FloatArray) -> float:
        """Return the negative log-posterior; large and finite where the model cannot be evaluated."""
        nll, *_ = self._forward(theta, self._whole, keep=False)
        total = nll + self._prior(theta)
        return float(total) if np.isfinite(total) else _LARGE

    def value_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log-posterior and its gradient by ``theta``."""
        nll, gradient = self._sweep(theta, self._whole)
        total = nll + self._prior(theta)
        if not (np.isfinite(total) and np.isfinite(gradient).all()):
            return _LARGE, np.zeros_like(theta)
        return float(total), gradient + self.prior_precision * (theta - self.start)

    def loglik(self, theta: FloatArray) -> float:
        """Return the log-likelihood without priors."""
        return -(self.value(theta) - self._prior(theta))

    def scores(self, theta: FloatArray, blocks: int) -> FloatArray:
        """Return the gradient of the negative log-likelihood of each of ``blocks`` stretches of time (blocks, p)."""
        edges = np.linspace(0, len(self._whole), blocks + 1).astype(int)
        out = np.empty((blocks, len(theta)))
        for b in range(blocks):
            weight = np.zeros_like(self._whole)
            weight[edges[b] : edges[b + 1]] = 1.0
            out[b] = self._sweep(theta, weight)[1]
        return out

    def information(self, theta: FloatArray, chosen: IntArray | None = None) -> FloatArray:
        """Return Fisher's information and the priors' precision (p, p): the Hessian of the objective on average.

        ``chosen`` are the parameters it is wanted of; all if None.
        """
        at = np.arange(len(theta)) if chosen is None else chosen
        _, trail, m, model, g = self._forward(theta, self._whole)
        innovations = np.nan_to_num(self._innovations(trail, m, model, g))
        drive = (self.data.u, self._rising, innovations)
        tangent = self._tangent(theta, at, m, model)
        fisher = information(model, tangent, m.measurement, self._observed, self.data.mask, trail, drive)
        return np.asarray(fisher + np.diag(self.prior_precision[at]))

    def _tangent(self, theta: FloatArray, chosen: IntArray, m: Matrices, model: Discrete) -> Tangent:
        """Return the derivatives of the discretised network by the chosen parameters, from differences."""
        parts: list[tuple[FloatArray, ...]] = []
        for k in chosen:
            near = theta.copy()
            near[k] += _TANGENT_STEP
            other = self.network.matrices(self.values(near))
            d = discretise(other.capacity, other.conductance, other.power, other.diffusion, self.data.step)
            pairs = ((d.phi, model.phi), (d.gamma0, model.gamma0), (d.gamma1, model.gamma1), (d.q, model.q),
                     (other.measurement, m.measurement), (other.initial, m.initial))  # fmt: skip
            parts.append(tuple((after - before) / _TANGENT_STEP for after, before in pairs))
        phi, gamma0, gamma1, q, r, initial = (np.stack(part) for part in zip(*parts, strict=True))
        return Tangent(phi, gamma0, gamma1[:, :, self._sloped], q, r, initial)

    def states(self, theta: FloatArray) -> FloatArray:
        """Return the one-step predictions of all states (N, n) [degC]."""
        _, trail, m, model, g = self._forward(theta, self._whole)
        return np.vstack([m.initial, trail.filtered[:-1] @ model.phi.T + g[:-1]])

    def innovations(self, theta: FloatArray) -> FloatArray:
        """Return reading minus one-step prediction (N, m) [K], NaN where there is no reading."""
        return self._innovations(*self._forward(theta, self._whole)[1:])

    def _innovations(self, trail: Trail, m: Matrices, model: Discrete, g: FloatArray) -> FloatArray:
        predicted = np.vstack([m.initial, trail.filtered[:-1] @ model.phi.T + g[:-1]])[:, self._observed]
        return np.where(self.data.mask == OBSERVED, self.data.y - predicted, np.nan)

    def _prior(self, theta: FloatArray) -> float:
        return 0.5 * float(self.prior_precision @ (theta - self.start) ** 2)

    def _forward(
        self, theta: FloatArray, weight: FloatArray, *, keep: bool = True
    ) -> tuple[float, Trail, Matrices, Discrete, FloatArray]:
        m, model, g = self.discrete(theta)
        trail = empty_trail(len(g), g.shape[1], self.data.y.shape[1], keep=keep)
        nll, _ = filter_forward(
            model.phi, model.q, m.measurement, self._observed, m.initial, self._p0, g, self.data.y, self.data.mask,
            self._changed, weight, self.tolerance, trail,
        )  # fmt: skip
        return float(nll), trail, m, model, g

    def _sweep(self, theta: FloatArray, weight: FloatArray) -> tuple[float, FloatArray]:
        """Return the weighted negative log-likelihood and its gradient, without priors."""
        nll, trail, m, model, _ = self._forward(theta, weight)
        if not np.isfinite(nll):
            return nll, np.zeros_like(theta)
        phi_bar, q_bar, r_bar, x0_bar, g_bar = filter_backward(
            model.phi, m.measurement, self._observed, self.data.mask, weight, trail
        )
        gamma1_bar = np.zeros_like(model.gamma1)
        gamma1_bar[:, self._sloped] = g_bar.T @ self._rising
        network = discretise_adjoint(model, phi_bar, g_bar.T @ self.data.u, gamma1_bar, q_bar)
        values = self.values(theta)
        return nll, self.network.pull_back(values, network, r_bar, x0_bar) * self.slope(theta)
