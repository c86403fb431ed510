"""Exact discretisation of an RC network, and the adjoint of it.

An RC network ``C dx/dt = -L x + P u`` with symmetric L is similar to a symmetric system: with D = C^(-1/2),
``A = -C^(-1) L = D S D^(-1)``, S = -D L D. Everything follows from the eigenvalues λ <= 0 of S, so that nothing can
overflow, however stiff the network is::

    Φ  = D e^{Sh} D^(-1)
    Γ0 = D h φ1(Sh) D P,   Γ1 = D h φ2(Sh) D P      φ1(z) = (e^z - 1)/z,  φ2(z) = (e^z - 1 - z)/z²
    Q  = D X D,            S X + X S = e^{Sh} Σ e^{Sh} - Σ,  Σ = C^(1/2) diffusion C^(1/2)

x_{k+1} = Φ x_k + Γ0 u_k + Γ1 (u_{k+1} - u_k): the last term is the first-order hold, left out for zero-order inputs.

Sources: Van Loan (1978), Computing integrals involving the matrix exponential, DOI 10.1109/TAC.1978.1101743, for the
integrals; Daleckii-Krein divided differences for the derivative of a matrix function (Higham, Functions of Matrices,
2008, theorem 3.11, DOI 10.1137/1.9780898717778).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_SMALL = 1e-3
_SLOWEST_PER_STEP = 1e-10


@dataclass(frozen=True, slots=True)
class Discrete:
    """A discretised network of n states and k inputs, with what its adjoint needs.

    Attributes
    ----------
    phi, gamma0, gamma1, q
        (n, n), (n, k), (n, k), (n, n) as in the module's equations.
    """

    phi: FloatArray
    gamma0: FloatArray
    gamma1: FloatArray
    q: FloatArray
    step: float
    capacity: FloatArray
    conductance: FloatArray
    power: FloatArray
    diffusion: FloatArray
    eigenvalues: FloatArray
    vectors: FloatArray
    noise: FloatArray


@dataclass(frozen=True, slots=True)
class NetworkAdjoint:
    """Derivatives of a scalar by capacity (n,), conductance (n, n), power (n, k) and diffusion (n, n)."""

    capacity: FloatArray
    conductance: FloatArray
    power: FloatArray
    diffusion: FloatArray


def discretise(
    capacity: FloatArray, conductance: FloatArray, power: FloatArray, diffusion: FloatArray, step: float
) -> Discrete:
    """Discretise a network exactly.

    Parameters
    ----------
    capacity
        (n,) heat capacities [kWh/K].
    conductance
        (n, n) symmetric L: off-diagonal minus the conductance between two states, diagonal the sum of all conductances
        of a state, those to known temperatures included [kW/K].
    power
        (n, k) power that a unit of each input brings to each state.
    diffusion
        (n, n) covariance of the process noise [K²/h].
    step
        h [h].
    """
    d = capacity**-0.5
    eigenvalues, vectors = np.linalg.eigh(-conductance * np.outer(d, d))
    eigenvalues = np.minimum(eigenvalues, -_SLOWEST_PER_STEP / step)
    z = eigenvalues * step
    exp, phi1, phi2 = _functions(z)
    left = d[:, None] * vectors
    source = vectors.T @ (d[:, None] * power)
    pair = z[:, None] + z[None, :]
    noise = vectors.T @ (diffusion / np.outer(d, d)) @ vectors
    x = noise * (np.expm1(pair) / pair) * step
    q = left @ x @ left.T
    return Discrete(
        phi=(left * exp) @ (vectors.T / d),
        gamma0=step * (left * phi1) @ source,
        gamma1=step * (left * phi2) @ source,
        q=0.5 * (q + q.T),
        step=step,
        capacity=capacity,
        conductance=conductance,
        power=power,
        diffusion=diffusion,
        eigenvalues=eigenvalues,
        vectors=vectors,
        noise=x,
    )


def discretise_adjoint(
    model: Discrete, phi_bar: FloatArray, gamma0_bar: FloatArray, gamma1_bar: FloatArray, q_bar: FloatArray
) -> NetworkAdjoint:
    """Carry the derivatives of a scalar by Φ, Γ0, Γ1 and Q back to the network; arguments aligned to ``model``."""
    h, c, u = model.step, model.capacity, model.vectors
    d = c**-0.5
    z = model.eigenvalues * h
    exp, phi1, phi2 = _functions(z)
    dp = d[:, None] * model.power
    up = u.T @ dp
    # all matrix adjoints below live in the eigenbasis of S
    f_bar = u.T @ (d[:, None] * phi_bar / d) @ u
    g0, g1 = u.T @ (d[:, None] * gamma0_bar), u.T @ (d[:, None] * gamma1_bar)
    w = (u.T @ ((d[:, None] * q_bar * d) @ u)) / (model.eigenvalues[:, None] + model.eigenvalues[None, :])
    w = 0.5 * (w + w.T)
    sigma = u.T @ (model.diffusion / np.outer(d, d)) @ u
    f_bar = f_bar + 2.0 * (w * exp) @ sigma
    s_bar = h * (
        _divided(z, exp, exp) * f_bar
        + h * _divided(z, phi1, _phi1_slope(z)) * (g0 @ up.T)
        + h * _divided(z, phi2, _phi2_slope(z)) * (g1 @ up.T)
    )
    s_bar -= w @ model.noise + model.noise @ w
    s_bar = u @ (0.5 * (s_bar + s_bar.T)) @ u.T
    power_bar = d[:, None] * (u @ (h * (phi1[:, None] * g0 + phi2[:, None] * g1)))
    diffusion_bar = (u @ (exp[:, None] * w * exp - w) @ u.T) / np.outer(d, d)
    d_bar = (
        (phi_bar * model.phi).sum(1)
        - (phi_bar * model.phi).sum(0)
        + (gamma0_bar * model.gamma0).sum(1)
        + (gamma1_bar * model.gamma1).sum(1)
        + (power_bar * model.power).sum(1)
        + 2.0 * (q_bar * model.q).sum(1)
    ) / d - 2.0 * (s_bar * model.conductance) @ d
    return NetworkAdjoint(
        capacity=-0.5 * d_bar * c**-1.5 + (diffusion_bar * model.diffusion).sum(axis=1) / c,
        conductance=-(d[:, None] * s_bar * d),
        power=power_bar,
        diffusion=diffusion_bar,
    )


def _functions(z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return e^z, φ1(z), φ2(z) for z < 0."""
    small = np.abs(z) < _SMALL
    safe = np.where(small, -1.0, z)
    phi1 = np.expm1(z) / z
    series = 0.5 + z / 6.0 + z**2 / 24.0 + z**3 / 120.0
    return np.exp(z), phi1, np.where(small, series, (np.expm1(safe) - safe) / safe**2)


def _phi1_slope(z: FloatArray) -> FloatArray:
    """Return dφ1/dz = (e^z - φ1)/z."""
    small = np.abs(z) < _SMALL
    safe = np.where(small, -1.0, z)
    exp, phi1, _ = _functions(safe)
    return np.where(small, 0.5 + z / 3.0 + z**2 / 8.0 + z**3 / 30.0, (exp - phi1) / safe)


def _phi2_slope(z: FloatArray) -> FloatArray:
    """Return dφ2/dz = (φ1 - 2 φ2)/z."""
    small = np.abs(z) < 0.02
    safe = np.where(small, -1.0, z)
    _, phi1, phi2 = _functions(safe)
    series = 1.0 / 6.0 + z / 12.0 + z**2 / 40.0 + z**3 / 180.0 + z**4 / 1008.0
    return np.where(small, series, (phi1 - 2.0 * phi2) / safe)


def _divided(z: FloatArray, value: FloatArray, slope: FloatArray) -> FloatArray:
    """Return the divided differences of a function from its values and slopes at z (trapezium where z nearly meet)."""
    gap = z[:, None] - z[None, :]
    near = np.abs(gap) < 1e-5
    safe = np.where(near, 1.0, gap)
    mean = 0.5 * (slope[:, None] + slope[None, :])
    return np.where(near, mean, (value[:, None] - value[None, :]) / safe)
