"""ThermalSpaceNet: the heat conductances between the zones of a building, from its meters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import networkx as nx
import numpy as np
import pandas as pd

from rexnet_grid.errors import MeterDataError
from rexnet_grid.spacemeternet.constraints import band_rows, margin_factor
from rexnet_grid.spacemeternet.excitation import excitation
from rexnet_grid.spacemeternet.frame import Table, stuck_weather, zone_data
from rexnet_grid.spacemeternet.heatloss import heat_loss
from rexnet_grid.spacemeternet.manners import Estimator
from rexnet_grid.spacemeternet.outlook import comfort_outlook
from rexnet_grid.spacemeternet.repeats import repeated
from rexnet_grid.spacemeternet.search import SearchRules, candidate_pairs, search
from rexnet_grid.spacemeternet.support import nested_models
from rexnet_grid.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rexnet_grid.delivery.headroom import Headroom
    from rexnet_grid.spacemeternet.buildingfit import BuildingFit

_OF_HOURS = "the mean of heat and sun, the first of temperatures; MeterFrame does so"


class ThermalSpaceNet(Estimator):
    """Zones of a building as a stochastic RC network, estimated by maximum likelihood.

    Parameters
    ----------
    candidate_edges
        Pairs of zones that may touch (a floor plan); None means that any two may.
    states
        1 (air) or 2 (air and mass) states in each zone, or ``"auto"``: whichever has the lower BIC.
    material_w_k
        Conductance below which an edge does not matter [W/K]; None takes 20 % of the median conductance found.
    false_discovery_rate
        Share of wrong edges tolerated among those called present.
    confidence
        One-sided confidence with which an absence is stated.
    daily_gains
        Whether gains that nobody meters (people, cooking) may follow the time of day, as two harmonics of it with a
        weak prior; ``"auto"`` for data of three days and more in steps of three hours and less.
    lived_in
        Whether to try walls with masses, gains that come and go and outer walls together (:mod:`.livedin`); ``"auto"``
        in houses of up to eight zones with steps of half an hour and less. A few steps tell whether it is worth it,
        which adds a third to the time; where it is, it takes several times as long as all the rest.
    """

    def __init__(
        self,
        candidate_edges: Iterable[tuple[str, str]] | None = None,
        states: Literal["auto", 1, 2] = "auto",
        material_w_k: float | None = None,
        false_discovery_rate: float = 0.05,
        confidence: float = 0.95,
        daily_gains: bool | Literal["auto"] = "auto",
        lived_in: bool | Literal["auto"] = "auto",
    ) -> None:
        self.candidate_edges = candidate_edges
        self.states = states
        self.material_w_k = material_w_k
        self.false_discovery_rate = false_discovery_rate
        self.confidence = confidence
        self.daily_gains = daily_gains
        self.lived_in = lived_in

    @one_thread()
    def fit(
        self,
        temperatures_c: Table,
        heat_kw: Table = None,
        outdoor_c: Table = None,
        solar_w_m2: Table = None,
        boundary_c: Table = None,
        circuits: Mapping[str, Sequence[str]] | None = None,
    ) -> Self:
        """Estimate the building from its meters; tables as in :func:`rexnet_grid.spacemeternet.frame.zone_data`.

        Returns
        -------
        ThermalSpaceNet
            Itself, with ``graph_``, ``edges_``, ``params_``, ``cov_``, ``loglik_``, ``aic_``, ``bic_``,
            ``state_space_``, ``heat_loss_``, ``diagnostics_`` and ``excitation_``.

        Raises
        ------
        MeterDataError
            If the tables cannot be used, or heat stands still for several steps at a time while temperatures move.
        """
        self.data_ = zone_data(
            temperatures_c, heat_kw, outdoor_c, solar_w_m2, boundary_c, circuits, daily=self.daily_gains
        )
        self.index_ = pd.DataFrame(temperatures_c).index
        names = [circuit.name for circuit in self.data_.circuits]
        issues = stuck_weather(self.data_)
        issues += repeated("heat_kw", names, self.data_.heat, self.data_.temperature, self.index_, _OF_HOURS)
        if issues:
            raise MeterDataError(issues)
        rules = SearchRules(self.states, self.material_w_k, self.false_discovery_rate, self.confidence, self.lived_in)
        pairs = candidate_pairs(self.data_.zones, self.candidate_edges)
        self.excitation_ = excitation(self.data_, pairs, 2 if self.states == "auto" else self.states)
        self._accept(search(self.data_, self.candidate_edges, rules))
        return self

    def _accept(self, found: BuildingFit) -> None:
        self.fit_ = found
        self.params_ = found.parameter_table()
        names = list(self.params_.index)
        self.cov_ = pd.DataFrame(found.covariance, names, names)
        self.loglik_ = found.loglik
        self.aic_, self.bic_ = found.aic, found.bic
        self.edges_ = found.edge_table()
        self.heat_loss_ = heat_loss(found)
        self.graph_: nx.Graph = nx.Graph()
        self.graph_.add_nodes_from(self.data_.zones)
        for verdict in found.verdicts:
            if verdict.state != "absent":
                self.graph_.add_edge(
                    verdict.a,
                    verdict.b,
                    state=verdict.state,
                    conductance_w_k=verdict.conductance_w_k,
                    std_error=verdict.std_error,
                    z=verdict.z,
                    probability=verdict.probability,
                    stability=verdict.stability,
                    also_as=verdict.also_as,
                    room_probability=verdict.room_probability,
                )
        self.state_space_ = found.state_space()
        self.diagnostics_: dict[str, Any] = found.diagnostics()

    def compare(self) -> pd.DataFrame:
        """Return nested models side by side: no edges, the present ones, all candidates.

        Columns: parameters, loglik, aic, bic and the p-value of the likelihood ratio against the row above.
        """
        self._require_fit("fit_")
        return nested_models(self.fit_)

    def to_constraints(
        self,
        kind: Literal["comfort"] = "comfort",
        confidence: float = 0.95,
        *,
        band_c: tuple[float, float] = (19.0, 24.0),
        unit: int = 0,
        hours: float = 1.0,
        heat_kw: Mapping[str, float] | None = None,
    ) -> Headroom:
        """Return how much heat may be added to or taken from the zones before one leaves its comfort band.

        The rows hold for a step of ``hours`` from the last reading, all inputs but the heat as they were last; heat
        given to one zone warms its neighbours by the estimated conductances.

        Parameters
        ----------
        kind
            ``"comfort"``: air temperatures inside ``band_c``.
        confidence
            One-sided confidence of each row; the margin comes from the parameters' covariance, the filter's and the
            process noise.
        band_c
            Lowest and highest air temperature [degC].
        unit
            The open unit the rows are for.
        hours
            Length of the unit [h].
        heat_kw
            Heat reserved so far by column of the fitted ``heat_kw`` [kW]; the last reading's where left out.

        Returns
        -------
        Headroom
            Columns are the zones; a change of the *injection* into the heat network is minus the heat to the zone, so
            coefficients are negative for overheating [K/kW].

        Raises
        ------
        ValueError
            If ``kind`` is unknown, or the band, the hours or the heat cannot be.
        """
        self._require_fit("fit_")
        if kind != "comfort":
            raise ValueError(f"kind is {kind!r}; a building gives rows of kind 'comfort'")
        if np.shape(band_c) != (2,) or not band_c[0] < band_c[1]:
            raise ValueError(f"band_c is {band_c}; it must be two temperatures, the lower first [degC]")
        if not 0.0 < hours < np.inf:
            raise ValueError(f"hours is {hours}; it must be positive")
        heat = self._reserved({} if heat_kw is None else heat_kw)
        expected, per_kw, std = comfort_outlook(self.fit_, hours, heat)
        margin = margin_factor(confidence) * std
        return band_rows(unit, self.data_.zones, self.data_.zones, -per_kw, expected, margin, band_c, "heating")

    def _reserved(self, heat_kw: Mapping[str, float]) -> dict[str, float]:
        """Return heat reserved by circuit [kW], checked."""
        known = [circuit.name for circuit in self.data_.circuits]
        if not hasattr(heat_kw, "items"):
            raise ValueError(f"heat_kw is a {type(heat_kw).__name__}; it must map columns to kW, of {', '.join(known)}")
        heat = {str(name): float(value) for name, value in heat_kw.items()}
        for name, value in heat.items():
            if name not in known:
                raise ValueError(f"heat_kw has {name!r}; metered are {', '.join(known) or 'none'}")
            if not np.isfinite(value):
                raise ValueError(f"heat_kw of {name!r} is {value}; it must be a number of kW")
        return heat

    def predict(self, horizon: int = 1, return_std: bool = False) -> Any:
        """Return the prediction of each reading made ``horizon`` steps before [degC], with its standard deviation.

        Inputs of the steps in between are taken as known.
        """
        self._require_fit("fit_")
        mean, std = self.fit_.predict(horizon)
        table = pd.DataFrame(mean, self.index_, list(self.data_.zones))
        return (table, pd.DataFrame(std, self.index_, list(self.data_.zones))) if return_std else table

    def simulate(
        self,
        outdoor_c: Table,
        heat_kw: Table = None,
        solar_w_m2: Table = None,
        boundary_c: Table = None,
        circuits: Mapping[str, Sequence[str]] | None = None,
        initial_c: Table = None,
    ) -> pd.DataFrame:
        """Return the temperatures [degC] that the inputs alone bring about, all nodes of a zone starting at one value.

        Parameters
        ----------
        outdoor_c, heat_kw, solar_w_m2, boundary_c, circuits
            As in :meth:`fit`.
        initial_c
            Temperature of each zone at the start; None takes the first of the fitted readings.
        """
        self._require_fit("fit_")
        index = pd.Series(outdoor_c).index
        first = np.array([np.nan_to_num(self.data_.temperature[0])]) if initial_c is None else np.atleast_2d(initial_c)
        start = np.broadcast_to(np.asarray(first, dtype=float), (len(index), len(self.data_.zones))).copy()
        start += 1e-6 * np.arange(len(index))[:, None]
        table = pd.DataFrame(start, index, list(self.data_.zones))
        daily = self.data_.clock is not None
        data = zone_data(table, heat_kw, outdoor_c, solar_w_m2, boundary_c, circuits, daily=daily)
        return pd.DataFrame(self.fit_.simulate(data, start[0]), index, list(self.data_.zones))

    def score(
        self,
        temperatures_c: Table,
        heat_kw: Table = None,
        outdoor_c: Table = None,
        solar_w_m2: Table = None,
        boundary_c: Table = None,
        circuits: Mapping[str, Sequence[str]] | None = None,
    ) -> float:
        """Return the mean log predictive density of one-step predictions on other readings; higher is better."""
        self._require_fit("fit_")
        daily = self.data_.clock is not None
        data = zone_data(temperatures_c, heat_kw, outdoor_c, solar_w_m2, boundary_c, circuits, daily=daily)
        return self.fit_.score(data)
