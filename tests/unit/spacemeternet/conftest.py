"""Life on a street that several tests look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest


@dataclass(frozen=True)
class Cable:
    """One cable with a service line to each customer.

    Attributes
    ----------
    n
        How many customers.
    c
        (n, n) resistance that two customers share [p.u. of voltage squared per 2 kW].
    """

    n: int
    c: np.ndarray

    def lived(self, seed, solar=(2, 5, 7, 9), days=14):
        """Return p, q, v and dv/dp: photovoltaics under one sky, behind a supply that wanders."""
        rng = np.random.default_rng(seed)
        steps = 96 * days
        hour = np.arange(steps) % 96 / 4
        sky = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None) * rng.beta(1.5, 1.2, days).repeat(96)
        sky *= np.clip(1 + 0.3 * rng.normal(size=steps), 0.1, 1.5)
        appliance = rng.gamma(1.2, 0.25, (steps, self.n)) + 2.0 * (rng.random((steps, self.n)) < 0.05)
        load = 0.6 * appliance + 0.4 * np.roll(appliance, 1, axis=0)
        p = -load
        p[:, list(solar)] += sky[:, None] * rng.uniform(2, 4, len(solar))
        q = -load * rng.uniform(0.1, 0.4, self.n) * rng.uniform(0.9, 1.1, load.shape)
        supply = np.cumsum(rng.normal(0, 8e-4, steps))
        supply -= pd.Series(supply).rolling(192, min_periods=1).mean().to_numpy()
        v = np.sqrt(1.02 + 2 * supply[:, None] + 2 * (p @ self.c + 0.3 * q @ self.c))
        return p, q, v, self.c / v.mean(axis=0)[:, None]

    def metered(self, lived, without, seed, noise=1e-3):
        """Return the readings of those who have a meter, and dv/dp among them."""
        kept = [k for k in range(self.n) if k not in without]
        rng = np.random.default_rng(seed + 100)
        names = [f"m{k}" for k in kept]
        tables = [
            pd.DataFrame(t[:, kept] * (1 + noise * rng.normal(size=(len(t), len(kept)))), columns=names)
            for t in lived[:3]
        ]
        return tables, lived[3][np.ix_(kept, kept)]

    @staticmethod
    def inside(net, truth):
        """Return the share of dv/dp inside the 95 % intervals."""
        return (np.abs(net.vm_pu_per_kw_.to_numpy() - truth) < 1.96 * net.std_error_.to_numpy()).mean()


@pytest.fixture(scope="session")
def cable() -> Cable:
    main = np.minimum.outer(np.arange(1, 11), np.arange(1, 11))
    return Cable(10, 4e-4 * (main + np.diag(np.linspace(0.5, 1.5, 10))))
