"""A heat network in time: its state and one step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import ConvergenceError, Issue, NetworkDataError, did_you_mean
from rexnet_grid.rexdynnet.arrays import reals
from rexnet_grid.rexdynnet.ends import house_return_c
from rexnet_grid.rexdynnet.fluid import Fluid
from rexnet_grid.rexdynnet.forcing import MAX_STEP_S, check_liquid, check_water, raise_if
from rexnet_grid.rexdynnet.kernel import advance
from rexnet_grid.rexdynnet.layout import (
    NOT_GIVEN,
    Inputs,
    Outputs,
    State,
    copy_state,
    initial_state,
    new_outputs,
    new_scratch,
    overwrite_state,
)
from rexnet_grid.rexdynnet.parcels import COUNT
from rexnet_grid.rexdynnet.results import over_steps
from rexnet_grid.rexdynnet.stepcheck import check_state, check_step, length_s

if TYPE_CHECKING:
    from collections.abc import Collection

    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.layout import Layout
    from rexnet_grid.rexdynnet.network import HeatNetwork

WATT_PER_KILOWATT = 1000.0
NEVER_SEEN = 2


@dataclass(frozen=True, slots=True)
class HeatStep:
    """Means over one step; arrays in the order of the network's nodes, substations, pipes or plants.

    Attributes
    ----------
    supply_c, return_c
        (n_nodes,) [degC].
    mass_flow_kg_s, heat_kw, unserved_kw
        (n_substations,) [kg/s, kW, kW].
    bypass_kg_s
        (n_substations,) part of the flow that bypasses let through [kg/s].
    pipe_flow_kg_s, pressure_drop_pa
        (n_pipes,) [kg/s, Pa]; the drop less the head of a booster, the mean of both sides where it lifts one.
    plants_kw, plants_kg_s, plants_c
        (n_plants,) [kW, kg/s, degC].
    plant_kw, delivered_kw, loss_kw, stored_kw, residual_kw
        Totals [kW].
    pump_head_pa
        Drop to the worst substation and back [Pa].
    plants_head_pa, pumps_kw
        (n_plants,) head and electric power of the circulation pumps [Pa, kW].
    differential_pa
        (n_substations,) pressure between supply and return [Pa].
    boosters_kw
        (n_boosters,) electric power of the boosters, in the order of their pipes [kW].
    unsettled
        Whether sharing the pumps' head, finding the valves' flows, or keeping a plant to its rating, was ended by the
        number of iterations.
    """

    supply_c: FloatArray
    return_c: FloatArray
    mass_flow_kg_s: FloatArray
    heat_kw: FloatArray
    unserved_kw: FloatArray
    pipe_flow_kg_s: FloatArray
    pressure_drop_pa: FloatArray
    plants_kw: FloatArray
    plants_kg_s: FloatArray
    plants_c: FloatArray
    plant_kw: float
    delivered_kw: float
    loss_kw: float
    stored_kw: float
    residual_kw: float
    pump_head_pa: float
    plants_head_pa: FloatArray
    pumps_kw: FloatArray
    differential_pa: FloatArray
    bypass_kg_s: FloatArray
    unsettled: bool
    boosters_kw: FloatArray


def initial_nodes(network: HeatNetwork, initial_c: Any) -> tuple[FloatArray, FloatArray]:
    """Return supply and return temperature at every node, (n_nodes,) each [degC]; see :class:`HeatSimulation`.

    Raises
    ------
    NetworkDataError
        For what is no temperature of liquid water, a node that is not named or not there.
    """
    both = isinstance(initial_c, Mapping) or np.ndim(initial_c) == 0
    sides = [initial_c, initial_c] if both else list(initial_c)
    issues: list[Issue] = []
    found = []
    for side in sides[:2]:
        named = dict(side) if isinstance(side, Mapping) else dict.fromkeys(network.nodes, side)
        issues += [
            Issue(network.name, "initial_c", str(node), "every node of the network and no other")
            for node in sorted(set(network.nodes) ^ set(named))
        ]
        try:
            values = np.array([named.get(node, np.nan) for node in network.nodes], dtype=np.float64)
        except (TypeError, ValueError):
            values = np.full(len(network.nodes), np.nan)
        if not np.isfinite(values).all() and not issues:
            issues.append(Issue(network.name, "initial_c", str(side), "finite temperatures"))
        check_water("initial_c", values, issues)
        found.append(values)
    if len(sides) != len(found):
        issues.append(Issue(network.name, "initial_c", f"{len(sides)} values", "a temperature, or supply and return"))
    raise_if(issues)
    return found[0], found[-1]


def density_ratio(network: HeatNetwork, supply_c: FloatArray) -> float:
    """Return the density half-way between ``supply_c`` and the plants' usual one over the fluid's, or 1 if constant."""
    if not network.fluid.follows:
        return 1.0
    usual = 0.5 * float(np.mean(supply_c)) + 0.5 * float(np.mean([p.supply_c for p in network.plants]))
    return Fluid.water(usual).density / network.fluid.density


class HeatSimulation:
    """A network whose pipes hold water and walls of known temperature.

    Where no fluid was handed in, pipes hold water of the density half-way between the supply at the start and the
    plants' usual supply temperature: the one that a front between the two has.

    Parameters
    ----------
    network
        The network.
    initial_c
        Temperature everywhere [degC], or a pair (supply, return); each may be a mapping by node, with straight lines
        along the pipes between.
    refuses_cold
        Whether water below a substation's ``min_supply_c`` gives no heat. A market takes that as a limit instead, which
        its safety maintainer keeps: there too little heat is shared out, and must not leave everybody with nothing.
    """

    def __init__(self, network: HeatNetwork, initial_c: Any = 60.0, *, refuses_cold: bool = True) -> None:
        supply_c, return_c = initial_nodes(network, initial_c)
        self.network = network
        self.refuses_cold = refuses_cold
        layout = self._layout((), ())
        self.layout = layout._replace(mass_kg=layout.mass_kg * density_ratio(network, supply_c))
        self._drawn: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        a, b = self.layout.pipe_from, self.layout.pipe_to
        self.state = initial_state(self.layout, supply_c[a], return_c[a], supply_c[b], return_c[b])
        self._backup, self.trial = copy_state(self.state), copy_state(self.state)
        self._scratch = new_scratch(self.layout)
        self._outputs: dict[int, Outputs] = {}
        subs, plants = len(network.substations), len(network.plants)
        self._pumps = (*network.plant_names, *network.booster_names)
        self._return_c = reals([[s.usual_return_c for s in network.substations]])
        self._has_emitters = any(s.emitter is not None for s in network.substations)
        self._supply_c = reals([[p.supply_c for p in network.plants]])
        self._none_subs = np.full((1, subs), np.nan)
        self._none_plants = np.full((1, plants), np.nan)

    def save(self) -> State:
        """Return a copy of the state."""
        return copy_state(self.state)

    def restore(self, state: State) -> None:
        """Go back to a saved state, exactly; pipes and plants are shut as they were then.

        Raises
        ------
        NetworkDataError
            For what is no state of this network; nothing has changed then.
        """
        check_state(self.network.name, state, self.state)
        overwrite_state(self.state, state)
        self._draw()
        self.state.flow[:], self.state.sign[:] = state.flow, state.sign

    def change(self, closed: Collection[str] = (), stopped: Collection[str] = ()) -> None:
        """Shut pipes and stop plants and boosters from now on; what is not named is open and pumps.

        Water passes a booster that is stopped; to shut its way too, close its pipe.

        Water stands in what no plant reaches any more and cools; what substations there ask for is unserved. Where a
        part of the network is cut off with a plant of its own, the first that pumps keeps the pressure there.

        Parameters
        ----------
        closed
            Names of pipes, each shut on supply and return.
        stopped
            Nodes of plants, names of pipes with a booster.

        Raises
        ------
        NetworkDataError
            For a name that is none; nothing has changed then.
        """
        issues = [
            Issue(self.network.name, key, name, f"a {kind} of the network", did_you_mean(name, known))
            for key, kind, names, known in (
                ("closed", "pipe", closed, self.network.pipes),
                ("stopped", "plant or booster", stopped, self._pumps),
            )
            for name in names
            if name not in known
        ]
        raise_if(issues)
        self.state.closed[:] = [name in closed for name in self.network.pipes]
        self.state.stopped[:] = [name in stopped for name in (*self.network.plant_names, *self.network.pipes)]
        self._draw()

    @property
    def parcels(self) -> int:
        """Number of parcels of water that the pipes hold; it does not grow with time."""
        return int(self.state.ring[:, COUNT].sum())

    @property
    def closed(self) -> tuple[str, ...]:
        """Pipes that are shut."""
        return tuple(n for n, shut in zip(self.network.pipes, self.state.closed, strict=True) if shut)

    @property
    def stopped(self) -> tuple[str, ...]:
        """Plants, and pipes with boosters, that do not pump."""
        names = (*self.network.plant_names, *self.network.pipes)
        return tuple(n for n, off in zip(names, self.state.stopped, strict=True) if off)

    def _layout(self, closed: Collection[str], stopped: Collection[str]) -> Layout:
        layout = self.network.layout(closed, stopped)
        return layout if self.refuses_cold else layout._replace(least_c=np.zeros_like(layout.least_c))

    def _draw(self) -> None:
        """Bring the layout in line with what is shut and stopped, and with the water that the pipes hold."""
        wanted, water_kg = (self.closed, self.stopped), self.state.water_kg
        if wanted == self._drawn and np.array_equal(water_kg, self.layout.mass_kg):
            return
        self._drawn = wanted
        self.layout = self._layout(*wanted)._replace(mass_kg=water_kg.copy())
        self._scratch = new_scratch(self.layout)
        self.state.flow[:] = 0.0
        self.state.sign[:] = NEVER_SEEN

    def step(
        self,
        dt_s: float,
        heat_demand_kw: Any = None,
        return_temperature_c: Any = None,
        supply_temperature_c: Any = None,
        ground_c: Any = 10.0,
        mass_flow_kg_s: Any = None,
        plant_mass_flow_kg_s: Any = None,
        secondary_supply_c: Any = None,
        hot_water_kw: Any = None,
    ) -> HeatStep:
        """Go ``dt_s`` seconds forward with everything held.

        Parameters
        ----------
        dt_s
            Length of the step [s]; above 900 s it is cut into equal sub-steps.
        heat_demand_kw
            (n_substations,) or a number [kW]; ``None`` where only the flow is known.
        return_temperature_c
            (n_substations,) or a number [degC]; the substations' usual one when left out, behind emitters the one
            their load brings about. With an exchanger it is the house's own return.
        supply_temperature_c
            (n_plants,) or a number [degC]; the plants' usual one when left out.
        ground_c
            Temperature around the pipes, a number or (n_pipes,) [degC].
        mass_flow_kg_s
            (n_substations,) measured flow instead of, or beside, the heat [kg/s].
        plant_mass_flow_kg_s
            (n_plants,) flow of the plants beside the main one [kg/s].
        secondary_supply_c
            (n_substations,) or a number: what the heating behind an exchanger wants [degC].
        hot_water_kw
            (n_substations,) or a number: the part of the heat that is hot water [kW].

        Raises
        ------
        NetworkDataError
            For NaN, negative flows, water that would freeze or boil, or did so in the step.
        ConvergenceError
            When the flows in the loops are not found; the state is then undefined, restore a saved one.
        """
        dt_s = length_s(dt_s)
        rows = max(1, math.ceil(dt_s / MAX_STEP_S - 1e-9))
        inputs = Inputs(
            dt_s=np.array([dt_s / rows]),
            heat_w=self._row(heat_demand_kw, self._none_subs) * WATT_PER_KILOWATT,
            flow_kg_s=self._row(mass_flow_kg_s, self._none_subs),
            return_c=self._row(return_temperature_c, self._return_c),
            supply_c=self._row(supply_temperature_c, self._supply_c),
            plant_kg_s=self._row(plant_mass_flow_kg_s, self._none_plants),
            ground_c=self._ground(ground_c),
            secondary_c=NOT_GIVEN if secondary_supply_c is None else self._row(secondary_supply_c, self._none_subs),
            hot_w=NOT_GIVEN if hot_water_kw is None else self._row(hot_water_kw, self._none_subs) * WATT_PER_KILOWATT,
        )
        if self._has_emitters and return_temperature_c is None:
            inputs = inputs._replace(
                return_c=house_return_c(
                    self.network.substations, inputs.return_c, inputs.heat_w, inputs.hot_w, inputs.secondary_c
                )
            )
        plain = plant_mass_flow_kg_s is None and secondary_supply_c is None and hot_water_kw is None
        check_step(inputs, heat_demand_kw is not None, mass_flow_kg_s is not None, plain=plain)
        if rows > 1:
            inputs = Inputs(inputs.dt_s, *(np.repeat(array, rows, axis=0) for array in inputs[1:]))
        if rows not in self._outputs:
            self._outputs[rows] = new_outputs(self.layout, rows)
        outputs = self._outputs[rows]
        if advance(self.layout, self.state, self._backup, self._scratch, inputs, outputs):
            raise ConvergenceError(f"{self.network.name}: the flows in the loops were not found")
        if outputs.supply_c.min() < 0.0 or outputs.return_c.min() < 0.0:
            check_liquid(self.network.name, outputs.supply_c, outputs.return_c, self.network.nodes, range(1, rows + 1))
        return _to_step(outputs)

    def advance(self, inputs: Inputs) -> Outputs:
        """Go through prepared rows of forcing; see :class:`Inputs`."""
        outputs = new_outputs(self.layout, inputs.supply_c.shape[0])
        failed = advance(self.layout, self.state, self._backup, self._scratch, inputs, outputs)
        if failed:
            raise ConvergenceError(f"{self.network.name}: the flows in the loops were not found in {failed} steps")
        return outputs

    def _ground(self, given: Any) -> FloatArray:
        pipes = len(self.layout.pipe_from)
        try:
            row = np.array(given, dtype=np.float64, order="C", ndmin=2)  # a copy: kernels are compiled for such alone
        except (TypeError, ValueError) as error:
            raise NetworkDataError([Issue("step", "ground_c", str(error), "a number or one for each pipe")]) from error
        if row.shape not in ((1, 1), (1, pipes)):
            expected = f"a number or {pipes} of them, one for each pipe"
            raise NetworkDataError([Issue("step", "ground_c", f"shape {row.shape}", expected)])
        return row

    @staticmethod
    def _row(given: Any, default: FloatArray) -> FloatArray:
        if given is None:
            return default
        row = np.empty_like(default)
        try:
            row[0] = given
        except (TypeError, ValueError) as error:
            expected = f"a number or {default.shape[1]} of them"
            raise NetworkDataError([Issue("step", "forcing", str(error), expected)]) from error
        return row


def _to_step(outputs: Outputs) -> HeatStep:
    whole = outputs if outputs.ledger.shape[0] == 1 else over_steps(outputs)
    o = Outputs(*(array[0].copy() for array in whole))
    ledger = o.ledger / WATT_PER_KILOWATT
    return HeatStep(
        o.supply_c, o.return_c, o.sub_kg_s, o.delivered_w / WATT_PER_KILOWATT, o.unserved_w / WATT_PER_KILOWATT,
        o.pipe_kg_s, o.dp_pa, o.plant_w / WATT_PER_KILOWATT, o.plant_kg_s, o.plant_c,
        float(ledger[0]), float(ledger[1]), float(ledger[2]), float(ledger[3]), float(ledger[4]), float(o.head_pa[0]),
        o.plant_head_pa, o.pump_w / WATT_PER_KILOWATT, o.differential_pa, o.bypass_kg_s, bool(o.unsettled[0] > 0.0),
        o.boost_w / WATT_PER_KILOWATT,
    )  # fmt: skip
