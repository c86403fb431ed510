"""The likelihood against textbook formulas, and its gradient against differences."""

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov

from rexnet_grid.spacemeternet.discretise import discretise
from rexnet_grid.spacemeternet.fitting import hessian_at
from rexnet_grid.spacemeternet.likelihood import Likelihood, Observations
from rexnet_grid.spacemeternet.rcnetwork import Parameter, RCNetwork
from rexnet_grid.spacemeternet.zonemodel import Circuit, ZoneData, build_zone_model


def small_network():
    net = RCNetwork(inputs=("outdoor", "heat"), first_order=(True, False))
    p = [
        net.parameter(Parameter(*row))
        for row in (
            ("noise", "K/√h", 0.1, 1e-3, 5.0),
            ("meter", "K", 0.1, 1e-3, 1.0),
            ("air capacity", "kWh/K", 0.4, 1e-3, 50.0),
            ("mass capacity", "kWh/K", 4.0, 1e-3, 500.0),
            ("film", "kW/K", 0.5, 1e-3, 50.0),
            ("loss", "kW/K", 0.08, 0.0, 5.0, "linear"),
            ("split", "1", 0.7, 0.0, 1.0, "linear"),
            ("start", "degC", 20.0, -50.0, 80.0, "linear"),
            ("common air", "K/√h", 0.05, 0.0, 5.0, "linear"),
            ("common mass", "K/√h", 0.02, 0.0, 5.0, "linear"),
        )
    ]
    air = net.state("air", p[2], p[0], initial=p[7])
    mass = net.state("mass", p[3], -1, initial_value=19.0, initial_variance=2.0)
    net.disturb(air, p[8])
    net.disturb(mass, p[9])
    net.link(air, mass, p[4])
    net.boundary(air, "outdoor", p[5])
    net.source(air, "heat", p[6])
    net.source(mass, "heat", p[6], constant=1.0, slope=-1.0)
    net.observe(air, p[1])
    return net


def readings(steps=200, seed=0):
    rng = np.random.default_rng(seed)
    u = np.column_stack([5 + np.cumsum(rng.normal(0, 0.2, steps)), rng.integers(0, 2, steps) * 2.0])
    y = 20 + np.cumsum(rng.normal(0, 0.1, (steps, 1)), axis=0)
    return y, u


def test_discretisation_equals_the_matrix_exponential():
    net = small_network()
    m = net.matrices(np.array([p.start for p in net.parameters]))
    d = discretise(m.capacity, m.conductance, m.power, m.diffusion, 0.5)
    a, b = -m.conductance / m.capacity[:, None], m.power / m.capacity[:, None]
    block = np.zeros((6, 6))
    block[:2, :2], block[:2, 2:4], block[2:4, 4:] = a, b, np.eye(2) / 0.5
    e = expm(block * 0.5)
    np.testing.assert_allclose(d.phi, e[:2, :2], rtol=1e-12)
    np.testing.assert_allclose(d.gamma0, e[:2, 2:4], rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(d.gamma1, e[:2, 4:], rtol=1e-10, atol=1e-14)
    noise = m.diffusion
    q = solve_continuous_lyapunov(a, d.phi @ noise @ d.phi.T - noise)
    np.testing.assert_allclose(d.q, q, rtol=1e-9, atol=1e-16)


def test_a_stiff_network_does_not_overflow():
    capacity = np.array([1e-9, 5.0, 1e3])
    conductance = np.array([[10.0, -10.0, 0.0], [-10.0, 10.2, -0.1], [0.0, -0.1, 0.1]])
    d = discretise(capacity, conductance, np.eye(3), np.full((3, 3), 0.1), 24.0)
    for matrix in (d.phi, d.gamma0, d.gamma1, d.q):
        assert np.isfinite(matrix).all()
    assert np.linalg.eigvalsh(d.q).min() > -1e-12 * np.linalg.eigvalsh(d.q).max()


def test_likelihood_equals_the_joint_normal_density():
    net = small_network()
    y, u = readings(25)
    y[4] = y[11] = np.nan
    lik = Likelihood(net, Observations.from_readings(y, u, 0.5))
    m, d, g = lik.discrete(lik.start)
    n, steps = 2, len(y)
    mean, cov = np.zeros((steps, n)), np.zeros((steps, steps, n, n))
    mean[0], cov[0, 0] = m.initial, np.diag([1.0, 2.0])
    for k in range(1, steps):
        mean[k] = d.phi @ mean[k - 1] + g[k - 1]
        for j in range(k):
            cov[k, j] = d.phi @ cov[k - 1, j]
            cov[j, k] = cov[k, j].T
        cov[k, k] = d.phi @ cov[k - 1, k - 1] @ d.phi.T + d.q
    s = cov[:, :, 0, 0] + np.eye(steps) * m.measurement[0]
    seen = np.isfinite(y[:, 0])
    e, s = (y[:, 0] - mean[:, 0])[seen], s[np.ix_(seen, seen)]
    expected = -0.5 * (e @ np.linalg.solve(s, e) + np.linalg.slogdet(2 * np.pi * s)[1])
    assert lik.loglik(lik.start) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("gap", ["none", "single", "long"])
def test_gradient_equals_differences(gap):
    net = small_network()
    y, u = readings(300)
    if gap != "none":
        y[100 : 101 if gap == "single" else 160] = np.nan
    lik = Likelihood(net, Observations.from_readings(y, u, 0.5, hold_up_to=2))
    theta = lik.start * 1.02 + 0.01
    value, gradient = lik.value_and_gradient(theta)
    assert value == pytest.approx(lik.value(theta), rel=1e-12)
    step = 1e-5 * np.eye(len(theta))
    numeric = [(lik.value(theta + e) - lik.value(theta - e)) / 2e-5 for e in step]
    np.testing.assert_allclose(gradient, numeric, rtol=2e-5, atol=1e-4)


def row_of_zones(zones, lost, seed=0):
    """Return the likelihood of zones in a row with two states each, so large that matrix products go to BLAS."""
    rng = np.random.default_rng(seed)
    steps, names = 160, tuple(f"z{k}" for k in range(zones))
    y = 20 + 0.1 * rng.normal(size=(steps, zones)).cumsum(axis=0)
    lost(y)
    circuits = tuple(Circuit(name, (k,)) for k, name in enumerate(names))
    outdoor, heat, sun = 5 + rng.normal(size=(steps, 1)), rng.random((steps, zones)), rng.random(steps)
    data = ZoneData(names, circuits, ("outdoor",), y, outdoor, heat, sun, 0.25)
    model = build_zone_model(data, tuple((k, k + 1) for k in range(zones - 1)), 2)
    return Likelihood(model.network, Observations.from_readings(y, data.inputs(), 0.25, hold_up_to=2), tolerance=1e-13)


def lose_single_and_long(y):
    y[20, 3] = y[21, 4] = y[90, 0] = np.nan
    y[40:60, 5] = np.nan
    y[100:108] = np.nan


@pytest.mark.parametrize("lost", [lambda _: None, lose_single_and_long], ids=["whole", "with gaps"])
def test_gradient_of_many_zones_equals_differences(lost):
    lik = row_of_zones(13, lost)
    theta = np.clip(lik.start + 0.1 * np.random.default_rng(3).normal(size=len(lik.start)), lik.lower, lik.upper)
    gradient = lik.value_and_gradient(theta)[1]
    for direction in np.random.default_rng(4).normal(size=(4, len(theta))):
        step = 1e-5 * direction
        slope = (lik.value(theta + step) - lik.value(theta - step)) / 2e-5
        assert gradient @ direction == pytest.approx(slope, rel=1e-5, abs=1e-3)


def test_scores_of_stretches_add_up():
    net = small_network()
    y, u = readings(300)
    lik = Likelihood(net, Observations.from_readings(y, u, 0.5))
    gradient = lik.value_and_gradient(lik.start)[1]
    np.testing.assert_allclose(lik.scores(lik.start, 7).sum(axis=0), gradient, rtol=1e-8, atol=1e-8)


def simulated(net, theta_of, steps, seed):
    """Return the likelihood of readings that the network itself has made, and the optimiser's vector of the truth."""
    rng = np.random.default_rng(seed)
    _, u = readings(steps, seed)
    lik = Likelihood(net, Observations.from_readings(np.zeros((steps, 1)), u, 0.5))
    m, d, g = lik.discrete(theta_of(lik))
    x, y, root = m.initial.copy(), np.empty((steps, 1)), np.linalg.cholesky(d.q + 1e-15 * np.eye(2))
    for k in range(steps):
        y[k] = x[0] + np.sqrt(m.measurement[0]) * rng.normal()
        x = d.phi @ x + g[k] + root @ rng.normal(size=2)
    y[steps // 3 : steps // 3 + 20] = y[::17] = np.nan
    return Likelihood(net, Observations.from_readings(y, u, 0.5, hold_up_to=2))


def test_information_is_the_hessian_of_what_enters_linearly():
    lik = simulated(small_network(), lambda lik: lik.start, 400, 1)
    both = [6, 7]  # the split of the heat and the first mean
    hessian = hessian_at(lik, lik.start)[np.ix_(both, both)]
    np.testing.assert_allclose(lik.information(lik.start)[np.ix_(both, both)], hessian, rtol=1e-6)
    np.testing.assert_allclose(lik.information(lik.start, np.array(both)), hessian, rtol=1e-6)


def test_information_is_the_hessian_on_average():
    hessians, fisher = [], []
    for seed in range(8):
        lik = simulated(small_network(), lambda lik: lik.start, 3000, seed)
        hessians.append(hessian_at(lik, lik.start))
        fisher.append(lik.information(lik.start))
    mean, expected = np.mean(hessians, axis=0), np.mean(fisher, axis=0)
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs((mean - expected) / scale).max() < 0.05


def test_information_of_many_zones_is_definite_and_the_same_in_part():
    lik = row_of_zones(13, lose_single_and_long)
    fisher = lik.information(lik.start)
    assert np.linalg.eigvalsh(fisher).min() > 0.0
    some = np.array([0, 5, 40, 90])
    np.testing.assert_allclose(lik.information(lik.start, some), fisher[np.ix_(some, some)], rtol=1e-9)
