"""One house, one measured temperature: the grey-box models of the literature, and how they compare.

Names follow Bacher and Madsen (2011), Identifying suitable models for the heat dynamics of buildings,
DOI 10.1016/j.enbuild.2011.02.005: ``"TiTeTh"`` has an interior, an envelope and a heater state. Ti is the interior, Te
the envelope between interior and outdoors, Tm an interior medium, Th the heater between the heat input and the
interior, Ts the sensor that is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import chi2

from rexnet_grid.spacemeternet.fitting import Curvature, curvature, maximise
from rexnet_grid.spacemeternet.likelihood import Likelihood, Observations
from rexnet_grid.spacemeternet.rcnetwork import Parameter, RCNetwork

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rexnet_grid.spacemeternet.descent import Fit
    from rexnet_grid.spacemeternet.discretise import FloatArray

INPUTS = ("outdoor", "heat", "sun")


@dataclass(frozen=True, slots=True)
class HouseOptions:
    """Conventions of a grey-box model.

    Attributes
    ----------
    first_order
        Whether outdoor temperature, heat and sun run straight between their samples.
    initial_variance
        Of every state about the first reading [K²].
    loss
        Typical heat loss from which the search starts [kW/K].
    sun_to_medium
        Whether a part of the sun reaches the medium or envelope as well.
    """

    first_order: tuple[bool, bool, bool] = (True, False, False)
    initial_variance: float = 1.0
    loss: float = 0.1
    sun_to_medium: bool = False


@dataclass(frozen=True, slots=True)
class HouseFit:
    """A fitted house."""

    name: str
    network: RCNetwork
    likelihood: Likelihood
    fit: Fit
    curve: Curvature
    loglik: float = field(default=0.0)

    @property
    def parameters(self) -> pd.DataFrame:
        """Value, standard error and unit of each parameter."""
        slope = self.likelihood.slope(self.fit.theta)
        error = np.sqrt(np.maximum(np.diag(self.curve.covariance), 0.0)) * slope
        parameters = self.network.parameters
        return pd.DataFrame(
            {
                "value": self.likelihood.values(self.fit.theta),
                "std_error": np.where(self.curve.free, error, np.nan),
                "unit": [p.unit for p in parameters],
            },
            index=[p.name for p in parameters],
        )

    def state_space(self) -> tuple[FloatArray, FloatArray]:
        """Return A and B of dx/dt = A x + B u in 1/h, the inputs in the order of :data:`INPUTS`."""
        m = self.network.matrices(self.likelihood.values(self.fit.theta))
        return -m.conductance / m.capacity[:, None], m.power / m.capacity[:, None]


def house_network(name: str, first_reading: float, options: HouseOptions | None = None) -> RCNetwork:
    """Return the network called ``name``, such as ``"TiTeThTs"``.

    Raises
    ------
    ValueError
        If the name is not made of Ti, Te, Tm, Th and Ts, Ti among them.
    """
    options = options or HouseOptions()
    parts = re.findall("T[a-z]", name)
    if "".join(parts) != name or "Ti" not in parts or set(parts) - {"Ti", "Te", "Tm", "Th", "Ts"}:
        raise ValueError(f"{name!r} is no model; a name is made of Ti, Te, Tm, Th and Ts, such as 'TiTeTh'")
    net = RCNetwork(inputs=INPUTS, first_order=options.first_order)
    g = options.loss
    hours = {"Ti": 5.0, "Te": 20.0, "Tm": 20.0, "Th": 2.0, "Ts": 0.5}
    at: dict[str, int] = {}
    for part in ["Ti", *[p for p in parts if p != "Ti"]]:
        c = net.parameter(Parameter(f"C{part[1]}", "kWh/K", hours[part] * g, 1e-6, 1e4))
        noise = net.parameter(Parameter(f"σ{part[1]}", "K/√h", 0.1, 1e-8, 1e5))
        start = net.parameter(Parameter(f"{part}0", "degC", first_reading, -500.0, 500.0, "linear"))
        at[part] = net.state(part, c, noise, initial=start, initial_variance=options.initial_variance)

    def conductance(a: str, b: str, value: float) -> int:
        return net.parameter(Parameter(f"G{a[1]}{b[1]}", "kW/K", value, 1e-8, 1e4))

    for other in ("Te", "Tm", "Th", "Ts"):
        if other in at:
            net.link(at["Ti"], at[other], conductance("Ti", other, 5.0 * g))
    outside = "Te" if "Te" in at else "Ti"
    net.boundary(at[outside], "outdoor", conductance(outside, "Ta", g))
    net.source(at["Th" if "Th" in at else "Ti"], "heat", constant=1.0)
    net.source(at["Ti"], "sun", net.parameter(Parameter("Ai", "m²", 5.0, 0.0, 1e3, "linear")))
    inner = next((p for p in ("Tm", "Te") if p in at), None)
    if options.sun_to_medium and inner is not None:
        net.source(at[inner], "sun", net.parameter(Parameter(f"A{inner[1]}", "m²", 1.0, 0.0, 1e3, "linear")))
    meter = net.parameter(Parameter("σy", "K", 0.05, 1e-8, 2.0))
    net.observe(at["Ts" if "Ts" in at else "Ti"], meter)
    return net


def fit_house(
    name: str, data: Observations, options: HouseOptions | None = None, starts: int = 10, seed: int = 0
) -> HouseFit:
    """Fit a house.

    Parameters
    ----------
    name
        As in :func:`house_network`.
    data
        One reading [degC]; inputs outdoor [degC], heat [kW], sun [kW/m²].
    options
        Conventions.
    starts, seed
        Most scattered starts, and the seed of the scatter.
    """
    network = house_network(name, float(data.y[0, 0]), options)
    likelihood = Likelihood(network, data)
    fit = maximise(likelihood, starts=starts, rng=np.random.default_rng(seed), spread=1.0, agree=4)
    return HouseFit(name, network, likelihood, fit, curvature(likelihood, fit.theta), likelihood.loglik(fit.theta))


def compare(fits: Sequence[HouseFit], nested: Mapping[str, str]) -> pd.DataFrame:
    """Return a table of models: log-likelihood, parameters, AIC, BIC, likelihood-ratio test against a smaller one.

    Parameters
    ----------
    fits
        The models.
    nested
        For a model the name of the smaller one it extends.
    """
    by_name = {f.name: f for f in fits}
    rows = []
    for f in fits:
        k, n = len(f.fit.theta), f.likelihood.n_observed
        smaller = by_name.get(nested.get(f.name, ""))
        p_value = np.nan
        if smaller is not None:
            p_value = float(chi2.sf(2.0 * (f.loglik - smaller.loglik), k - len(smaller.fit.theta)))
        rows.append((f.name, k, f.loglik, 2.0 * k - 2.0 * f.loglik, float(np.log(n)) * k - 2.0 * f.loglik, p_value))
    return pd.DataFrame(rows, columns=["model", "parameters", "loglik", "aic", "bic", "p_value"]).set_index("model")
