"""A heat network as the unit cycle sees it: scheduled heat in, heat delivered, what the water in the pipes allows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.delivery import EnergyBalance, LocationalSignal, NetworkState
from rexnet_grid.errors import ConvergenceError, Issue
from rexnet_grid.rexdynnet.curves import SupplyCurve
from rexnet_grid.rexdynnet.forcing import MAX_STEP_S
from rexnet_grid.rexdynnet.kernel import advance
from rexnet_grid.rexdynnet.layout import Inputs, Outputs, State, copy_state, new_outputs, overwrite_state
from rexnet_grid.rexdynnet.limits import HeatLimits, violations
from rexnet_grid.rexdynnet.linepack import LinepackBand, Outlook, band, rows
from rexnet_grid.rexdynnet.sensitivity import flow_factors, supply_losses
from rexnet_grid.rexdynnet.simulation import HeatSimulation
from rexnet_grid.rexdynnet.storage import side_heat_kwh, side_temperatures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rexnet_grid.delivery import Headroom
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.network import HeatNetwork

WATT_PER_KILOWATT = 1000.0
SCHEDULE_TOLERANCE = 2e-4
MAX_TRIALS = 25
SIGNAL_LEVELS = 4


class HeatDelivery:
    """A heat network that carries what was reserved and stores the difference in its pipes.

    Nodes are the plants (the main one first, it is the supply node) and the substations. A substation draws the flow
    that yields its heat at the temperature that arrives; the main plant heats that flow, so its supply temperature
    follows from the scheduled heat, inside its limits: T_supply = T_return + P / (m c). What the limits cut off was
    not put in and is missing from the state's ``injection_kw``. An operator's account at the supply node is
    no physical injection: hand in plants and substations only; losses and linepack are the difference of the sums.

    Parameters
    ----------
    network
        The network.
    unit_minutes
        Length of a unit [min].
    outdoor_c
        Outdoor temperature, a number or one value a unit [degC]; for the supply curve.
    ground_c
        Around the pipes, a number or one value a unit [degC].
    supply_temperature
        Number or curve: the temperature at the start, the target of signals, what plants beside the main one supply.
    return_temperature_c
        Number or (n_substations,) [degC]; the substations' usual one when left out.
    limits
        Velocity, pressure and tolerance at which a violation is counted.
    """

    def __init__(
        self,
        network: HeatNetwork,
        unit_minutes: int = 15,
        outdoor_c: float | Sequence[float] | FloatArray = 0.0,
        ground_c: float | Sequence[float] | FloatArray = 10.0,
        supply_temperature: float | SupplyCurve | None = None,
        return_temperature_c: float | Sequence[float] | FloatArray | None = None,
        limits: HeatLimits | None = None,
    ) -> None:
        self.network = network
        self.limits = limits or HeatLimits()
        self.unit_minutes = unit_minutes
        self._outdoor = np.atleast_1d(np.asarray(outdoor_c, dtype=np.float64))
        self._ground = np.atleast_1d(np.asarray(ground_c, dtype=np.float64))
        if supply_temperature is None:
            supply_temperature = network.plants[0].supply_c
        self.curve = (
            supply_temperature
            if isinstance(supply_temperature, SupplyCurve)
            else SupplyCurve.constant(supply_temperature)
        )
        usual = np.array([s.return_c for s in network.substations])
        self.return_c = (
            usual if return_temperature_c is None else np.broadcast_to(return_temperature_c, usual.shape) * 1.0
        )
        self._sim = HeatSimulation(network, (self._target_c(0), float(self.return_c.mean())))
        parts = max(1, math.ceil(unit_minutes * 60.0 / MAX_STEP_S - 1e-9))
        self._parts = parts
        self._dt = np.array([unit_minutes * 60.0 / parts])
        self._outputs = new_outputs(self._sim.layout, parts)
        self._factors = flow_factors(self._sim.layout)
        self._plant_c = self._target_c(0)

    @property
    def carrier(self) -> Literal["heat"]:
        """Always heat."""
        return "heat"

    @property
    def nodes(self) -> tuple[str, ...]:
        """Plants, then substations."""
        return self.network.plant_names + self.network.substation_names

    @property
    def supply_node(self) -> str:
        """The main plant."""
        return self.network.plants[0].node

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Return the names that the recorded arrays are aligned to."""
        pipes, nodes = self.network.pipes, self.network.nodes
        whole = (self.network.name,)
        return {
            "supply_c": nodes,
            "return_c": nodes,
            "mass_flow_kg_s": pipes,
            "pressure_drop_pa": pipes,
            "plant_kw": self.network.plant_names,
            "plant_supply_c": self.network.plant_names,
            "unserved_kw": self.network.substation_names,
            "loss_kw": whole,
            "stored_kwh": whole,
            "pump_head_pa": whole,
        }

    def check(self) -> list[Issue]:
        """Return what makes the network unfit for a run."""
        issues = []
        for plant in self.network.plants:
            for s, back in zip(self.network.substations, self.return_c, strict=True):
                if back + 1.0 >= plant.max_supply_c:
                    issues.append(
                        Issue(self.network.name, f"substation {s.node}, return_c", f"{back:g}",
                              f"below the highest supply temperature {plant.max_supply_c:g} of {plant.node}")
                    )  # fmt: skip
        return issues

    def predict(self, unit: int, injection_kw: FloatArray) -> NetworkState:
        """Return what would happen in ``unit`` for these rates [kW]; nothing changes."""
        saved = self.save()
        state = self.deliver(unit, injection_kw)
        self.restore(saved)
        return state

    def deliver(self, unit: int, injection_kw: FloatArray) -> NetworkState:
        """Carry these rates [kW] through ``unit`` and move the pipes' state on.

        The main plant's supply temperature is found by bracketing so that its heat meets the schedule to 2e-4; where
        a limit of temperature or power stands in the way, it stays at the limit.
        """
        injection = np.asarray(injection_kw, dtype=np.float64)
        plants = len(self.network.plants)
        if injection.shape != (len(self.nodes),) or not np.isfinite(injection).all():
            raise ValueError(f"{len(self.nodes)} finite rates are needed, one a node, got {injection!r}")
        demand = np.clip(-injection[plants:], 0.0, None)
        wanted = np.clip(injection[:plants], 0.0, None)
        inputs = self._inputs(unit, demand, wanted)
        self._meet(inputs, float(min(wanted[0], self.network.plants[0].max_heat_kw)))
        return self._state(injection, demand)

    def headroom(self, units: Sequence[int], position_kw: FloatArray) -> tuple[Headroom, ...]:
        """Return what still fits in each unit: valves, plants, velocities, and the linepack band on the sum of all."""
        return rows(self.outlook(units, position_kw))

    def linepack(self, units: Sequence[int], position_kw: FloatArray) -> LinepackBand:
        """Return by how much the plants may lead or lag the demand in each unit; see :class:`LinepackBand`."""
        return band(self.outlook(units, position_kw))

    def expected_loss_kw(self, units: Sequence[int]) -> FloatArray:
        """Return the heat expected to be lost to the ground in each unit, (n_units,) [kW]."""
        layout = self._sim.layout
        means = [side_temperatures(layout, self._sim.state, side) for side in (0, 1)]
        return np.array(
            [
                sum(float(layout.loss_w_k @ (mean - self._ground_c(unit))) for mean in means) / WATT_PER_KILOWATT
                for unit in units
            ]
        )

    def outlook(self, units: Sequence[int], position_kw: FloatArray) -> Outlook:
        """Return what the coming units look like for headroom and linepack."""
        return Outlook(
            delivery_nodes=self.nodes,
            network=self.network,
            layout=self._sim.layout,
            limits=self.limits,
            factors=self._factors,
            units=tuple(int(u) for u in units),
            position_kw=np.asarray(position_kw, dtype=np.float64),
            arrive_c=self._sim.state.arrive_c.copy(),
            return_c=self.return_c,
            plant_return_c=float(self._sim.state.node_c[1, self._sim.layout.plant_node[0]]),
            plant_supply_c=self._plant_c,
            target_c=np.array([self._target_c(u) for u in units]),
            loss_kw=self.expected_loss_kw(units),
            supply_heat_kwh=side_heat_kwh(self._sim.layout, self._sim.state, 0),
            hours=self.unit_minutes / 60.0,
        )

    def signal(self, units: Sequence[int], position_kw: FloatArray) -> LocationalSignal:
        """Return the additional steady loss per additional injection at each node for each unit [kW/kW].

        Found at four levels of total demand, shared out as over all units, and interpolated between them.
        """
        plants, subs = len(self.network.plants), len(self.network.substations)
        design = np.array([max(s.design_heat_kw, 1.0) for s in self.network.substations]) * WATT_PER_KILOWATT
        base = np.maximum(-np.asarray(position_kw)[:, plants:] * WATT_PER_KILOWATT, 0.02 * design)
        totals = base.sum(axis=1)
        levels = np.linspace(totals.min(), totals.max(), SIGNAL_LEVELS if np.ptp(totals) > 0.01 * totals.max() else 1)
        bump = 0.01 * design
        cases = np.repeat((levels[:, None] * base.sum(axis=0) / totals.sum())[:, None, :], subs + 1, axis=1)
        cases[:, 1:, :] += np.diag(bump)
        layout, state = self._sim.layout, self._sim.state
        ground = self._ground_c(units[0]) if len(units) else 0.0
        loss = supply_losses(
            layout, self._factors, state.order, cases.reshape(-1, subs), self._plant_c, self.return_c, ground
        ).reshape(len(levels), subs + 1)
        by_level = -(loss[:, 1:] - loss[:, :1]) / bump
        marginal = np.zeros((len(base), plants + subs))
        for s in range(subs):
            marginal[:, plants + s] = np.interp(totals, levels, by_level[:, s])
        return LocationalSignal(tuple(int(u) for u in units), self.nodes, marginal)

    def save(self) -> tuple[State, float]:
        """Return a copy of the state."""
        return self._sim.save(), self._plant_c

    def restore(self, state: tuple[State, float]) -> None:
        """Go back to a saved state, exactly."""
        self._sim.restore(state[0])
        self._plant_c = state[1]

    def _target_c(self, unit: int) -> float:
        plant = self.network.plants[0]
        outdoor = float(self._outdoor[min(max(unit, 0), len(self._outdoor) - 1)])
        return float(np.clip(self.curve(outdoor), plant.min_supply_c, plant.max_supply_c))

    def _ground_c(self, unit: int) -> float:
        return float(self._ground[min(max(unit, 0), len(self._ground) - 1)])

    def _inputs(self, unit: int, demand_kw: FloatArray, wanted_kw: FloatArray) -> Inputs:
        layout, state = self._sim.layout, self._sim.state
        flow = np.full(len(wanted_kw), np.nan)
        supply = np.full(len(wanted_kw), self._plant_c)
        for g in range(1, len(wanted_kw)):
            plant = self.network.plants[g]
            supply[g] = np.clip(self._target_c(unit), plant.min_supply_c, plant.max_supply_c)
            spread = max(supply[g] - state.node_c[1, layout.plant_node[g]], 1.0)
            flow[g] = min(wanted_kw[g], plant.max_heat_kw) * WATT_PER_KILOWATT / (layout.fluid[1] * spread)

        def repeat(row: FloatArray) -> FloatArray:
            return np.tile(row, (self._parts, 1))

        return Inputs(
            dt_s=self._dt,
            heat_w=repeat(demand_kw * WATT_PER_KILOWATT),
            flow_kg_s=repeat(np.full(len(demand_kw), np.nan)),
            return_c=repeat(self.return_c),
            supply_c=repeat(supply),
            plant_kg_s=repeat(flow),
            ground_c=repeat(np.array([self._ground_c(unit)])),
        )

    def _try(self, inputs: Inputs, saved: State, supply_c: float) -> float:
        """Step from ``saved`` with a supply temperature; return the main plant's mean heat [kW]."""
        overwrite_state(self._sim.state, saved)
        inputs.supply_c[:, 0] = supply_c
        self._plant_c = supply_c
        sim = self._sim
        if advance(sim.layout, sim.state, sim._backup, sim._scratch, inputs, self._outputs):  # noqa: SLF001
            raise ConvergenceError(f"{self.network.name}: the flows in the loops were not found")
        return float(self._outputs.plant_w[:, 0].mean()) / WATT_PER_KILOWATT

    def _meet(self, inputs: Inputs, wanted_kw: float) -> None:
        """Find the supply temperature that puts in the wanted heat, by secants kept inside a bracket."""
        plant = self.network.plants[0]
        saved = copy_state(self._sim.state)
        low, high = plant.min_supply_c, plant.max_supply_c
        tolerance = SCHEDULE_TOLERANCE * max(wanted_kw, 1.0)
        guess = min(max(self._plant_c, low), high)
        points: list[tuple[float, float]] = []
        for _ in range(MAX_TRIALS):
            gap = self._try(inputs, saved, guess) - wanted_kw
            if abs(gap) <= tolerance or (gap > 0.0 and guess <= low) or (gap < 0.0 and guess >= high):
                return
            if gap > 0.0:
                high = guess
            else:
                low = guess
            points.append((guess, gap))
            if high - low < 1e-9:
                return
            flow = float(self._outputs.plant_kg_s[:, 0].mean())
            slope = flow * self._sim.layout.fluid[1] / WATT_PER_KILOWATT
            if len(points) > 1 and points[-1][0] != points[-2][0]:
                slope = (points[-1][1] - points[-2][1]) / (points[-1][0] - points[-2][0])
            new = guess - gap / slope if slope > 1e-9 else (high if gap < 0.0 else low)
            if not low <= new <= high:
                new = high if gap < 0.0 else low
                if any(point[0] == new for point in points):
                    new = 0.5 * (low + high)
            guess = new

    def _state(self, injection: FloatArray, demand_kw: FloatArray) -> NetworkState:
        o = Outputs(*(array.mean(axis=0) for array in self._outputs))
        ledger = o.ledger / WATT_PER_KILOWATT
        unserved = np.zeros(len(self.nodes))
        plants = len(self.network.plants)
        unserved[plants:] = o.unserved_w / WATT_PER_KILOWATT
        carried = np.concatenate((o.plant_w, -o.delivered_w)) / WATT_PER_KILOWATT
        sums = np.concatenate((np.clip(carried, 0.0, None), np.clip(-carried, 0.0, None))).reshape(2, -1).sum(axis=1)
        return NetworkState(
            injection_kw=carried,
            unserved_kw=unserved,
            balance=EnergyBalance(float(sums[0]), float(sums[1]), float(ledger[2]), float(ledger[3])),
            violations=violations(self.network, self._sim.layout, self.limits, o, injection, demand_kw),
            arrays={
                "supply_c": o.supply_c,
                "return_c": o.return_c,
                "mass_flow_kg_s": o.pipe_kg_s,
                "pressure_drop_pa": o.dp_pa,
                "plant_kw": o.plant_w / WATT_PER_KILOWATT,
                "plant_supply_c": o.plant_c,
                "unserved_kw": o.unserved_w / WATT_PER_KILOWATT,
                "loss_kw": np.array([ledger[2]]),
                "stored_kwh": np.array([side_heat_kwh(self._sim.layout, self._sim.state, 0)]),
                "pump_head_pa": o.head_pa,
            },
        )
