"""Who says what still fits: the networks themselves, or what their meters have shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from rexnet_grid.cosim.oracles import LearnedBuildingOracle, LearnedOracle, NetworkOracle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rexnet_grid.cosim.carrier import CarrierMarket
    from rexnet_grid.cosim.oracles import Oracle
    from rexnet_grid.electric import ElectricDelivery
    from rexnet_grid.prosumers.base import FloatArray
    from rexnet_grid.scenario.grids import ElectricSection
    from rexnet_grid.scenario.housing import Housing
    from rexnet_grid.scenario.models import Scenario


def oracle_for(scenario: Scenario, market: CarrierMarket, housing: Housing | None) -> Oracle:
    """Return the network itself or, where the scenario says that its map is lost, what its meters tell."""
    if scenario.feedback.model == "spacemeternet":
        if market.carrier == "electricity" and scenario.electric is not None:
            return _feeder(scenario, scenario.electric, market)
        if market.carrier == "heat" and housing is not None:
            return _building(scenario, housing, market)
    return NetworkOracle(market.network)


def _feeder(scenario: Scenario, section: ElectricSection, market: CarrierMarket) -> LearnedOracle:
    from rexnet_grid.spacemeternet.loop import LearnedVoltageHeadroom

    metered = np.flatnonzero(~market.seats.balances)
    learner = LearnedVoltageHeadroom(
        [market.network.nodes[market.seats.nodes[account]] for account in metered],
        band_pu=(section.voltage_min_pu, section.voltage_max_pu),
        warm_up_units=scenario.feedback.warm_up_units,
        refit_every=scenario.feedback.refit_every,
        confidence=scenario.feedback.confidence,
        cautious=scenario.feedback.before_estimate == "cautious",
        head_kw=scenario.feedback.head_kw,
        head_margin=scenario.feedback.margin,
    )
    grid = cast("ElectricDelivery", market.network)
    return LearnedOracle(grid.nodes, metered, learner, lambda kw: _true_sensitivities(grid, learner.nodes, kw))


def _true_sensitivities(grid: ElectricDelivery, nodes: Sequence[str], injection_kw: FloatArray) -> FloatArray:
    """Return what withdrawals at ``nodes`` do to their voltages [p.u./kW], with the reactive power that goes along."""
    place = {f"bus {bus}": at for at, bus in enumerate(grid.network.buses)}
    kw = np.zeros(len(place))
    kw[[place[node] for node in grid.nodes]] = injection_kw
    at = [place[node] for node in nodes]
    flow = grid.network.power_flow(kw, np.minimum(kw, 0.0) * grid.limits.tan_phi)
    found = grid.network.sensitivities(flow)
    whole = found.vm_pu_per_kw + grid.limits.tan_phi * found.vm_pu_per_kvar
    return np.asarray(whole[np.ix_(at, at)])


def _building(scenario: Scenario, housing: Housing, market: CarrierMarket) -> LearnedBuildingOracle:
    from rexnet_grid.spacemeternet.comfortloop import LearnedComfortHeadroom, LearningRules

    rules = LearningRules(
        warm_up_units=scenario.feedback.warm_up_units,
        refit_every=scenario.feedback.refit_every,
        confidence=scenario.feedback.confidence,
        candidate_edges=housing.dwelling.walls.named_pairs if housing.section.floor_plan else None,
    )
    learner = LearnedComfortHeadroom(
        housing.pipework, housing.band, housing.station(), scenario.time_grid.hours, rules, housing.history()
    )
    place = {node: at for at, node in enumerate(market.network.nodes)}
    flats = np.array([place[flat] for flat in housing.pipework.flats])
    walls = housing.dwelling.walls
    truth = {
        frozenset(pair): 1000.0 * float(g) for pair, g in zip(walls.named_pairs, walls.conductance_kw_k, strict=True)
    }
    return LearnedBuildingOracle(market.network.nodes, flats, market.seats.nodes, learner, truth)
