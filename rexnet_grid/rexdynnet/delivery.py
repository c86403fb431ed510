"""A heat network as the unit cycle sees it: scheduled heat in, heat delivered, what the water in the pipes allows."""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.delivery import EnergyBalance, LocationalSignal, NetworkState
from rexnet_grid.errors import Issue
from rexnet_grid.rexdynnet.beside import largest_kw, plants_supply_c, side_kg_s_kw
from rexnet_grid.rexdynnet.controller import ControlSettings
from rexnet_grid.rexdynnet.curves import SupplyCurve
from rexnet_grid.rexdynnet.dispatch import meet
from rexnet_grid.rexdynnet.forcing import MAX_STEP_S, check_liquid
from rexnet_grid.rexdynnet.foresight import Foreseer
from rexnet_grid.rexdynnet.houses import Houses
from rexnet_grid.rexdynnet.layout import Inputs, Outputs, State, new_outputs
from rexnet_grid.rexdynnet.limits import HeatLimits, violations
from rexnet_grid.rexdynnet.linepack import LinepackBand, band_of
from rexnet_grid.rexdynnet.marginal import marginal_losses
from rexnet_grid.rexdynnet.needs import needs_of
from rexnet_grid.rexdynnet.outlook import Outlook, checked_rates
from rexnet_grid.rexdynnet.planning import FlowPlan, FlowPlanner
from rexnet_grid.rexdynnet.pressure import KeptPressure, with_pressures
from rexnet_grid.rexdynnet.pump import UNLIMITED_PA
from rexnet_grid.rexdynnet.pumping import needed_head_pa, pump_kw
from rexnet_grid.rexdynnet.recorded import arrays, columns
from rexnet_grid.rexdynnet.results import over_steps
from rexnet_grid.rexdynnet.ringboost import patterns
from rexnet_grid.rexdynnet.rows import HeadroomRows
from rexnet_grid.rexdynnet.sensitivity import flow_factors
from rexnet_grid.rexdynnet.simulation import HeatSimulation
from rexnet_grid.rexdynnet.storage import heat_loss_kw, side_heat_kwh
from rexnet_grid.rexdynnet.surroundings import check_temperatures, check_unit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from rexnet_grid.delivery import Headroom
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.network import HeatNetwork

WATT_PER_KILOWATT = 1000.0
LINEPACK = "linepack"


class HeatDelivery:
    """A heat network that carries what was reserved and stores the difference in its pipes.

    Nodes are the plants (the main one first, it is the supply node), the substations, and the *linepack*, at which the
    network's operator trades: what the plants give beyond the demand goes into the pipes and is lost or stored there. A
    substation draws the flow that yields its heat at the temperature that arrives; the main plant heats that flow, so
    its supply temperature follows from the scheduled heat, inside its limits: T_supply = T_return + P / (m c). What the
    limits cut off was not put in and is missing from the state's ``injection_kw``. What is handed in for the linepack
    is not looked at: losses and linepack are the difference of the others' sums.

    Parameters
    ----------
    network
        The network.
    unit_minutes
        Length of a unit [min].
    outdoor_c
        Outdoor temperature, a number or one value a unit [degC]; for the supply curve. No unit beyond the last value is
        carried, only looked ahead at as if it went on.
    ground_c
        Around the pipes, likewise [degC].
    supply_temperature
        Number or curve: the temperature at the start, the target of signals, what plants beside the main one supply.
    return_temperature_c
        Number, (n_substations,), or a curve on outdoor temperature [degC]; when left out the substations' usual one,
        behind an emitter the one of its load. With an exchanger it is the house's own return.
    limits
        Velocity, pressure and tolerance at which a violation is counted.
    heating_curve
        Supply temperature of the heating behind exchangers by outdoor temperature; their usual one when left out.
    hot_water_share
        Part of the demand that is hot water [-].
    control
        How supply temperature and pump head are planned; by the curve when left out.
    pressure
        How the pressure is kept: a delivered unit then tells its absolute pressures, and where water came near boiling.
    """

    def __init__(
        self,
        network: HeatNetwork,
        unit_minutes: int = 15,
        outdoor_c: float | Sequence[float] | FloatArray = 0.0,
        ground_c: float | Sequence[float] | FloatArray = 10.0,
        supply_temperature: float | SupplyCurve | None = None,
        return_temperature_c: float | Sequence[float] | FloatArray | SupplyCurve | None = None,
        limits: HeatLimits | None = None,
        heating_curve: SupplyCurve | None = None,
        hot_water_share: float = 0.0,
        control: ControlSettings | None = None,
        pressure: KeptPressure | None = None,
    ) -> None:
        self.network = network
        self.limits, self.pressure = limits or HeatLimits(), pressure
        self.unit_minutes = unit_minutes
        if supply_temperature is None:
            supply_temperature = network.plants[0].supply_c
        if not (return_temperature_c is None or isinstance(return_temperature_c, SupplyCurve)):
            return_temperature_c = np.asarray(return_temperature_c, dtype=np.float64)
        water = {"supply_temperature": supply_temperature, "return_temperature_c": return_temperature_c}
        check_temperatures(network.name, {**water, "heating_curve": heating_curve}, outdoor_c, ground_c)
        self._outdoor = np.atleast_1d(np.asarray(outdoor_c, dtype=np.float64))
        self._ground = np.atleast_1d(np.asarray(ground_c, dtype=np.float64))
        if not isinstance(supply_temperature, SupplyCurve):
            supply_temperature = SupplyCurve.constant(supply_temperature)
        self.curve = supply_temperature
        self.houses = Houses(network.substations, return_temperature_c, heating_curve, hot_water_share)
        self.return_c = self.houses.given_c(float(self._outdoor[0]))
        self._sim = HeatSimulation(network, (self._target_c(0), float(self.return_c.mean())), refuses_cold=False)
        self._parts = max(1, math.ceil(unit_minutes * 60.0 / MAX_STEP_S - 1e-9))
        self._dt = np.array([unit_minutes * 60.0 / self._parts])
        self._outputs = new_outputs(self._sim.layout, self._parts)
        self._plant_c, self._told = self._target_c(0), 0
        self._outlook: Outlook | None = None
        self.control = control or ControlSettings()
        self._plans: dict[int, FlowPlan] = {}
        self._prepare()

    def _prepare(self) -> None:
        """Derive what depends on which pipes are open and which plants pump."""
        layout = self._sim.layout
        layout.sub_needs_pa[:] = np.maximum(layout.sub_needs_pa, self.limits.consumer_pa)
        usual_c = self.houses.given_c(float(self._outdoor[0]))
        self._foreseer = Foreseer(self._sim, self._outputs, flow_factors(layout), self._inputs, usual_c)
        self._planner = FlowPlanner(self._foreseer, self.limits, self.control)
        ways = patterns(self.network, layout, *self.out_of_service, self._foreseer.usual_kg_s)
        self._rows = HeadroomRows(self.network, layout, self.limits, self._foreseer.usual_kg_s, self.nodes, ways)
        self._expect(0, np.zeros((1, len(self.nodes))))

    def change(self, closed: Collection[str] = (), stopped: Collection[str] = ()) -> None:
        """Shut pipes and stop plants from now on, see :meth:`HeatSimulation.change`; all others are in service."""
        self._sim.change(closed, stopped)
        self._prepare()
        self._plans, self._told = {}, self._told + 1

    @property
    def out_of_service(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Pipes that are shut and plants that do not pump."""
        return self._sim.closed, self._sim.stopped

    @property
    def carrier(self) -> Literal["heat"]:
        """Always heat."""
        return "heat"

    @property
    def nodes(self) -> tuple[str, ...]:
        """Plants, substations, and the linepack: where the operator trades what the pipes hold."""
        return (*self.network.plant_names, *self.network.substation_names, LINEPACK)

    @property
    def supply_node(self) -> str:
        """The main plant."""
        return self.network.plants[0].node

    @property
    def operator_node(self) -> str:
        """The linepack."""
        return LINEPACK

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Return the names that the recorded arrays are aligned to."""
        return columns(self.network, pressure=self.pressure is not None)

    def check(self) -> list[Issue]:
        """Return what makes the network unfit for a run."""
        issues = []
        for plant in self.network.plants:
            for s, back in zip(self.network.substations, self.return_c, strict=True):
                if back + 1.0 >= plant.hottest_c:
                    issues.append(
                        Issue(self.network.name, f"substation {s.node}, return_c", f"{back:g}",
                              f"below the highest supply temperature {plant.hottest_c:g} of {plant.node}")
                    )  # fmt: skip
        return issues

    def predict(self, unit: int, injection_kw: FloatArray) -> NetworkState:
        """Return what would happen in ``unit`` for these rates [kW]; nothing changes.

        The pump lifts what is needed, and where that is more than what was chosen for it a limit is broken.
        """
        saved = self.save()
        try:
            return self._carry(unit, injection_kw)
        finally:
            self.restore(saved)

    def deliver(self, unit: int, injection_kw: FloatArray) -> NetworkState:
        """Carry these rates [kW] through ``unit`` and move the pipes' state on.

        The main plant's supply temperature is found by bracketing so that its heat meets the schedule to 2e-4; where
        a limit of temperature or power stands in the way, it stays at the limit. The pump lifts no more than what was
        chosen for it: what does not flow then is unserved. A NetworkDataError tells where water came to freeze.
        """
        lift_pa = self._sim.layout.lift_pa
        lift_pa[0] = self._chosen_pa(unit)
        try:
            state = self._carry(unit, injection_kw)
        finally:
            lift_pa[0] = UNLIMITED_PA
        if self.pressure is None:
            return state
        layout, chosen_pa = self._sim.layout, self._chosen_pa(unit)
        return with_pressures(state, self.network, layout, self.pressure, chosen_pa, self._outputs, self.out_of_service)

    def _chosen_pa(self, unit: int) -> float:
        """Return the head that was chosen for a unit [Pa]."""
        plan = self._plans.get(unit)
        return self._planner.constant_pa if plan is None else float(plan.head_pa[0])

    def _carry(self, unit: int, injection_kw: FloatArray) -> NetworkState:
        """Carry these rates [kW] through ``unit`` with whatever head the pump may give now."""
        injection = self._checked(injection_kw, (len(self.nodes),))
        check_unit(self.network.name, unit, {"outdoor_c": self._outdoor, "ground_c": self._ground})
        plants, subs = len(self.network.plants), len(self.network.substations)
        demand = np.clip(-injection[plants : plants + subs], 0.0, None)
        wanted = np.clip(injection[:plants], 0.0, None)
        able_kw = largest_kw(self._sim, side_kg_s_kw(self._sim, self._side_supply_c(unit)))
        most = float(min(wanted[0], able_kw[0]))
        inputs = self._inputs(unit, demand, wanted)
        self._plant_c = meet(self._sim, inputs, self._outputs, most, self._plant_c)
        self._told += 1
        o = self._outputs
        check_liquid(self.network.name, o.supply_c, o.return_c, self.network.nodes, [f"unit {unit}"] * self._parts)
        return self._state(unit, injection, demand, able_kw, inputs.plant_kg_s[0])

    def _checked(self, rates_kw: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        return checked_rates(self.network.name, self.nodes, rates_kw, shape)

    def headroom(self, units: Sequence[int], position_kw: FloatArray) -> tuple[Headroom, ...]:
        """Return what still fits in each unit about the positions; see :mod:`rexnet_grid.rexdynnet.rows`."""
        if not len(units):
            return ()
        outlook = self.outlook(units, position_kw)
        return self._rows.make(outlook.seen, outlook.band, self._planner.reachable_pa(outlook.plan))

    def linepack(self, units: Sequence[int], position_kw: FloatArray) -> LinepackBand:
        """Return by how much the plants may lead or lag the demand in each unit; see :class:`LinepackBand`."""
        return self.outlook(units, position_kw).band

    def outlook(self, units: Sequence[int], position_kw: FloatArray) -> Outlook:
        """Return the coming units as one sees them now; asked again for the same, the answer is the same object."""
        position = self._checked(position_kw, (len(units), len(self.nodes)))
        key = (self._told, tuple(int(u) for u in units), position.tobytes())
        if self._outlook is None or self._outlook.key != key:
            curve = np.array([self._target_c(unit) for unit in key[1]])
            ground = np.array([self._ground_c(unit) for unit in key[1]])
            hours = self.unit_minutes / 60.0
            self._expect(key[1][0], position)
            plan = self._plans.get(key[1][0]) if len(key[1]) == 1 else None
            if plan is None:
                before = self._planned_c(key[1])
                plan = self._planner.plan(key[1], position, curve, self._plant_c, ground, hours, before)
                seen = self._foreseer.look(key[1], position, plan.able_c, self._plant_c, ground, hours)
                plan = self._planner.settle(plan, seen)
                self._plans = {unit: plan.of(k) for k, unit in enumerate(key[1])}
            else:
                seen = self._foreseer.look(key[1], position, plan.able_c, self._plant_c, ground, hours)
            needs, layout = self._foreseer.needs, self._sim.layout
            band = band_of(seen, plan.supply_c, self.network, layout, self.limits, needs, self.control.band_k)
            self._outlook = Outlook(key, plan, seen, band)
        return self._outlook

    def _planned_c(self, units: Sequence[int]) -> FloatArray:
        """Return what the controller has planned for the first of these units, as far as it has [degC]."""
        known = itertools.takewhile(self._plans.__contains__, units)
        return np.array([float(self._plans[unit].supply_c[0]) for unit in known])

    def expected_loss_kw(self, units: Sequence[int]) -> FloatArray:
        """Return the heat lost to the ground in each unit if the pipes stay as warm as they are, (n_units,) [kW]."""
        layout, state = self._sim.layout, self._sim.state
        return np.array([heat_loss_kw(layout, state, self._ground_c(unit)) for unit in units])

    def signal(self, units: Sequence[int], position_kw: FloatArray) -> LocationalSignal:
        """Return the additional steady loss per additional injection at each node for each unit [kW/kW].

        At the supply temperature of the unit that begins; see :mod:`rexnet_grid.rexdynnet.marginal`.
        """
        plants, subs = len(self.network.plants), len(self.network.substations)
        watts = self._checked(position_kw, (len(units), len(self.nodes))) * WATT_PER_KILOWATT
        drawn, given = -watts[:, plants : plants + subs], np.clip(watts[:, :plants], 0.0, None)
        design = np.array([max(s.design_heat_kw, 1.0) for s in self.network.substations]) * WATT_PER_KILOWATT
        unit = int(units[0]) if len(units) else 0
        marginal = np.zeros((len(watts), len(self.nodes)))
        if len(watts):
            marginal[:, : plants + subs] = marginal_losses(
                self._sim.layout, self._sim._scratch, drawn, given, design, self._side_supply_c(unit),  # noqa: SLF001
                partial(self.houses.rows, self._outdoor_c(unit)), self._ground_c(unit),
            )  # fmt: skip
        marginal[:, 0] = 0.0
        return LocationalSignal(tuple(int(u) for u in units), self.nodes, marginal)

    def save(self) -> tuple[State, float, dict[int, FlowPlan]]:
        """Return a copy of the state and of the plan."""
        return self._sim.save(), self._plant_c, dict(self._plans)

    def restore(self, state: tuple[State, float, dict[int, FlowPlan]]) -> None:
        """Go back to a saved state, exactly."""
        drawn = self._sim.layout
        self._sim.restore(state[0])
        self._plant_c, self._plans, self._told = state[1], dict(state[2]), self._told + 1
        if self._sim.layout is not drawn:
            self._prepare()

    def _target_c(self, unit: int) -> float:
        plant = self.network.plants[0]
        return float(np.clip(self.curve(self._outdoor_c(unit)), plant.coldest_c, plant.hottest_c))

    def _outdoor_c(self, unit: int) -> float:
        return float(self._outdoor[min(max(unit, 0), len(self._outdoor) - 1)])

    def _expect(self, unit: int, position_kw: FloatArray) -> None:
        """Tell whoever looks ahead of the houses from ``unit`` on, with these positions (n_units, n_nodes) [kW]."""
        plants, subs = len(self.network.plants), len(self.network.substations)
        drawn, outdoor = np.clip(-position_kw[:, plants : plants + subs], 0.0, None), self._outdoor_c(unit)
        layout, usual = self._sim.layout, self._foreseer.usual_kg_s
        house = self.houses.at(outdoor, drawn[0] * WATT_PER_KILOWATT, layout, self._sim.state)
        self.return_c = house.expected_c
        needs = needs_of(self.network, layout, self.houses, outdoor, house.expected_c, usual, drawn)
        self._foreseer.needs = self._rows.needs = needs
        self._rows.side_kg_s_kw = per_kw = side_kg_s_kw(self._sim, self._side_supply_c(unit))
        self._rows.plants_kw = largest_kw(self._sim, per_kw, self._rows.flow_kept)

    def _ground_c(self, unit: int) -> float:
        return float(self._ground[min(max(unit, 0), len(self._ground) - 1)])

    def _side_supply_c(self, unit: int) -> FloatArray:
        """Return what each plant supplies in ``unit`` (n_plants,) [degC]: the main one's last, the others' by curve."""
        return plants_supply_c(self.network, self._plant_c, self._target_c(unit))

    def _inputs(self, unit: int, demand_kw: FloatArray, wanted_kw: FloatArray) -> Inputs:
        layout, state = self._sim.layout, self._sim.state
        house = self.houses.at(self._outdoor_c(unit), demand_kw * WATT_PER_KILOWATT, layout, state)
        flow = np.full(len(wanted_kw), np.nan)
        supply, largest = self._side_supply_c(unit), np.array([p.max_heat_kw for p in self.network.plants])
        flow[1:] = (np.minimum(wanted_kw, largest) * side_kg_s_kw(self._sim, supply))[1:]

        def repeat(row: FloatArray) -> FloatArray:
            return np.tile(row, (self._parts, 1))

        return Inputs(
            dt_s=self._dt,
            heat_w=repeat(demand_kw * WATT_PER_KILOWATT),
            flow_kg_s=repeat(np.full(len(demand_kw), np.nan)),
            return_c=repeat(house.return_c),
            supply_c=repeat(supply),
            plant_kg_s=repeat(flow),
            ground_c=repeat(np.array([self._ground_c(unit)])),
            secondary_c=repeat(house.secondary_c),
            hot_w=repeat(house.hot_w),
        )

    def _state(
        self, unit: int, injection: FloatArray, demand_kw: FloatArray, able_kw: FloatArray, asked_kg_s: FloatArray
    ) -> NetworkState:
        o = Outputs(*(array[0] for array in over_steps(self._outputs)))
        ledger = o.ledger / WATT_PER_KILOWATT
        unserved = np.zeros(len(self.nodes))
        plants = len(self.network.plants)
        unserved[plants:-1] = o.unserved_w / WATT_PER_KILOWATT
        carried = np.concatenate((o.plant_w, -o.delivered_w, [0.0])) / WATT_PER_KILOWATT
        unserved[:plants] = np.clip(-injection[:plants], 0.0, None)
        sums = np.clip([carried, -carried], 0.0, None).sum(axis=1)
        plan, set_pa = self._plans.get(unit), self._chosen_pa(unit)
        rows = zip(self._outputs.dp_pa, self._outputs.sub_kg_s, strict=True)
        heads_pa = np.maximum([needed_head_pa(self._sim.layout, drop_pa, flow) for drop_pa, flow in rows], set_pa)
        flows = self._outputs.plant_kg_s.sum(axis=1)
        pumped = pump_kw(flows, heads_pa, self.network.fluid.density, self.control.pump_efficiency).mean()
        broken = violations(
            self.network, self._sim.layout, self.limits, o, self._outputs, injection, demand_kw, set_pa, able_kw,
            asked_kg_s,
        )  # fmt: skip
        return NetworkState(
            injection_kw=carried,
            unserved_kw=unserved,
            balance=EnergyBalance(float(sums[0]), float(sums[1]), float(ledger[2]), float(ledger[3])),
            violations=broken,
            arrays=arrays(
                o,
                np.clip(injection[:plants], 0.0, None),
                stored_kwh=side_heat_kwh(self._sim.layout, self._sim.state, 0),
                set_supply_c=self._target_c(unit) if plan is None else float(plan.supply_c[0]),
                set_head_pa=set_pa,
                pump_kw=np.array([pumped + o.boost_w.sum() / WATT_PER_KILOWATT]),
            ),
        )
