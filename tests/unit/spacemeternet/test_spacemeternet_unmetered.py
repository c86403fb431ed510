"""Customers without a meter are told, and intervals hold in spite of them."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from rexnet_grid.spacemeternet import VoltageSpaceNet

N = 10
MAIN = np.minimum.outer(np.arange(1, N + 1), np.arange(1, N + 1))
C = 4e-4 * (MAIN + np.diag(np.linspace(0.5, 1.5, N)))
SOLAR = (2, 5, 7, 9)


def lived(seed, solar=SOLAR, days=14):
    """Live along one cable with a service line each, photovoltaics under one sky, behind a supply that wanders."""
    rng = np.random.default_rng(seed)
    steps = 96 * days
    hour = np.arange(steps) % 96 / 4
    sky = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * rng.beta(1.5, 1.2, days).repeat(96)
    sky *= np.clip(1 + 0.3 * rng.normal(size=steps), 0.1, 1.5)
    appliance = rng.gamma(1.2, 0.25, (steps, N)) + 2.0 * (rng.random((steps, N)) < 0.05)
    load = 0.6 * appliance + 0.4 * np.roll(appliance, 1, axis=0)
    p = -load
    p[:, list(solar)] += sky[:, None] * rng.uniform(2, 4, len(solar))
    q = -load * rng.uniform(0.1, 0.4, N) * rng.uniform(0.9, 1.1, load.shape)
    supply = np.cumsum(rng.normal(0, 8e-4, steps))
    supply -= pd.Series(supply).rolling(192, min_periods=1).mean().to_numpy()
    v = np.sqrt(1.02 + 2 * supply[:, None] + 2 * (p @ C + 0.3 * q @ C))
    return p, q, v, C / v.mean(axis=0)[:, None]


def metered(lived, without, seed, noise=1e-3):
    kept = [k for k in range(N) if k not in without]
    rng = np.random.default_rng(seed + 100)
    names = [f"m{k}" for k in kept]
    tables = [
        pd.DataFrame(t[:, kept] * (1 + noise * rng.normal(size=(len(t), len(kept)))), columns=names) for t in lived[:3]
    ]
    return tables, lived[3][np.ix_(kept, kept)]


def inside(net, truth):
    return (np.abs(net.vm_pu_per_kw_.to_numpy() - truth) < 1.96 * net.std_error_.to_numpy()).mean()


@pytest.mark.parametrize("without", [(7,), (4, 7)])
@pytest.mark.parametrize("seed", range(3))
def test_photovoltaics_without_a_meter_are_told_and_intervals_hold(seed, without):
    """Left alone, sensitivities are taken for too high by what the sky makes them share."""
    readings, truth = metered(lived(seed), without, seed)
    net = VoltageSpaceNet().fit(*readings)
    assert "without a meter near" in net.diagnostics_["warning"]
    assert inside(net, truth) >= 0.9
    found = net.vm_pu_per_kw_.to_numpy()
    assert np.linalg.norm(found - truth) <= 0.2 * np.linalg.norm(truth)


@pytest.mark.parametrize("seed", range(3))
def test_where_all_have_a_meter_nobody_is_suspected(seed):
    readings, truth = metered(lived(seed), (), seed)
    net = VoltageSpaceNet().fit(*readings)
    assert net.diagnostics_["warning"] == ""
    assert inside(net, truth) >= 0.9


def test_small_systems_under_the_same_sky_that_nobody_is_sure_of_are_in_the_intervals():
    """Customer 2's photovoltaics, a third as large as its neighbours'; of whole sizes alone 0.76 would be inside."""
    held = []
    for seed in (2, 5, 6):
        p, q, v, truth = lived(seed)
        sun = 0.7 * np.clip(p[:, 2] - np.quantile(p[:, 2], 0.3), 0, None)
        p[:, 2] -= sun
        v = np.sqrt(v**2 - 2 * np.outer(sun, C[2]))
        readings, truth = metered((p, q, v, truth), (2,), seed, noise=2e-3)
        held.append(inside(VoltageSpaceNet(n_trees=8).fit(*readings), truth))
    assert np.mean(held) >= 0.85


def test_the_disturbance_is_near_who_has_no_meter_and_widens_what_rows_keep_free():
    readings, _ = metered(lived(1), (7,), 1)
    net = VoltageSpaceNet().fit(*readings)
    near = net.diagnostics_["warning"].split("near ")[1]
    assert any(name in near for name in ("m6", "m8", "m9"))
    disturbance = net.operating_model_.model.disturbance
    assert disturbance.max() > net.operating_model_.model.noise.meter.max() / 20
    assert disturbance[-1] > disturbance[0]


def test_a_known_map_does_not_hide_who_is_without_a_meter():
    street = nx.Graph([("busbar", "n0"), *((f"n{k}", f"n{k + 1}") for k in range(N - 1))])
    street.add_edges_from((f"n{k}", f"m{k}") for k in range(N))
    readings, truth = metered(lived(2), (7,), 2)
    net = VoltageSpaceNet(tree=street).fit(*readings)
    assert "without a meter near" in net.diagnostics_["warning"]
    assert inside(net, truth) >= 0.9
