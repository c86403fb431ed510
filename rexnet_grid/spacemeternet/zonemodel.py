"""The RC network of a building: air and mass of each zone, walls between zones, to outdoors and to known neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.spacemeternet.rcnetwork import FIXED, Parameter, RCNetwork

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

Pair = tuple[int, int]

HARMONICS = 2
HIDDEN = "hidden neighbour"
SPLIT = "heat to air"
ENOUGH_FOR_COMMON = 3
TWO = 2
_ENDLESS = 1e5
_WALL_SHARE = 0.15  # of a zone's capacity
_THIN = 0.02  # of a zone's loss
_DAILY = tuple(f"{wave} {k}/day" for wave in ("cos", "sin") for k in range(1, HARMONICS + 1))


@dataclass(frozen=True, slots=True)
class Circuit:
    """Metered heat that reaches one zone, or several in unknown shares.

    Attributes
    ----------
    name
        Column it comes from.
    zones
        Indices of the zones it heats.
    served
        Number of zones it heats, those outside the model at hand included; 0 for as many as ``zones``.
    """

    name: str
    zones: tuple[int, ...]
    served: int = 0

    @property
    def shared_by(self) -> int:
        """Number of zones that share it."""
        return max(self.served, len(self.zones))


@dataclass(frozen=True, slots=True)
class ZoneData:
    """A building's meters on one regular grid, as arrays.

    Attributes
    ----------
    zones, circuits, boundaries
        Names of the zones; heat circuits; names of known neighbouring temperatures, outdoors first.
    temperature
        (N, zones) readings with NaN where missing [degC].
    boundary
        (N, boundaries) [degC].
    heat
        (N, circuits) mean power of the step that starts at each index [kW].
    sun
        (N,) irradiance [kW/m²], or None.
    step
        [h].
    first_order_heat
        Whether heat and sun are samples that run straight from one to the next, rather than means of the step.
    clock
        (N,) hour of the day; None if gains that nobody meters are taken as constant.
    """

    zones: tuple[str, ...]
    circuits: tuple[Circuit, ...]
    boundaries: tuple[str, ...]
    temperature: FloatArray
    boundary: FloatArray
    heat: FloatArray
    sun: FloatArray | None
    step: float
    first_order_heat: bool = False
    clock: FloatArray | None = None

    def inputs(self) -> FloatArray:
        """Return the (N, k) inputs in the order of :func:`input_names`."""
        parts = [self.boundary, np.ones((len(self.temperature), 1)), self.heat]
        if self.sun is not None:
            parts.append(self.sun[:, None])
        if self.clock is not None:
            turns = 2.0 * np.pi / 24.0 * self.clock[:, None] * np.arange(1, HARMONICS + 1)
            parts += [np.cos(turns), np.sin(turns)]
        return np.hstack(parts)

    def input_names(self) -> tuple[str, ...]:
        """Return the names of the inputs: boundaries, ``"one"``, circuits, ``"sun"``, waves of the day."""
        names = (*self.boundaries, "one", *(f"heat {c.name}" for c in self.circuits))
        names = (*names, "sun") if self.sun is not None else names
        return (*names, *_DAILY) if self.clock is not None else names


@dataclass(frozen=True, slots=True)
class ZoneModel:
    """A building's network and where its edges and the zones' numbers sit among the parameters.

    Attributes
    ----------
    network
        The network.
    pairs, edges
        The candidate edges and the index of each one's conductance.
    air
        Index of the state of each zone's air.
    order
        1 (air), 2 (air and mass) or 3 (air, mass and, where it is heated, radiator) states in each zone.
    inside
        Zone of each state; -1 for a hidden neighbour.
    hidden
        Number of hidden neighbours.
    envelope
        Whether masses lose heat to outdoors themselves.
    lived_in
        Whether walls between zones have masses, and gains come and go.
    """

    network: RCNetwork
    pairs: tuple[Pair, ...]
    edges: tuple[int, ...]
    air: tuple[int, ...]
    order: int
    inside: tuple[int, ...]
    hidden: int = 0
    envelope: bool = False
    lived_in: bool = False


@dataclass(frozen=True, slots=True)
class Guess:
    """Rough numbers of a zone to start from: heat loss [kW/K], capacity [kWh/K], reading at the start."""

    loss: float
    capacity: float
    first: float


def build_zone_model(
    data: ZoneData,
    pairs: tuple[Pair, ...],
    states: int,
    *,
    signed: tuple[str, ...] = (),
    hidden: int = 0,
    envelope: bool = False,
    lived_in: bool = False,
) -> ZoneModel:
    """Return the network of a building with one (air), two (air and mass) or three states in each zone.

    The third is the radiator of a heated zone, which holds heat back and gives it to the air (the heater state of
    Bacher and Madsen 2011, DOI 10.1016/j.enbuild.2011.02.005).

    Three zones and more also share a disturbance that nobody meters (wind, clouds, a ventilation plant): without it
    what moves all zones at once would be taken for conductance between them. Where the data have a clock, the gains of
    zones with a mass follow the time of day; without a mass such waves would stand for the heat that walls store.

    Parameters
    ----------
    data
        The meters; they set names and starting values only.
    pairs
        Candidate edges as pairs of zone indices.
    states
        1, 2 or 3 states in each zone.
    signed
        Known temperatures whose conductance may come out negative.
    hidden
        Number of temperatures that nobody measures (air that leaks in, a staircase) and that move all zones.
    envelope
        Whether masses lose heat to outdoors themselves, as outer walls do.
    lived_in
        Whether walls between zones have a mass in their middle, and gains that nobody meters come and go.
    """
    powers = {"sun", *(f"heat {c.name}" for c in data.circuits)}
    first_order = tuple(n != "one" and (data.first_order_heat or n not in powers) for n in data.input_names())
    net = RCNetwork(inputs=data.input_names(), first_order=first_order)
    guesses = [guess_zone(data, zone) for zone in range(len(data.zones))]
    typical = float(np.median([g.loss for g in guesses]))
    split = -1
    if states > 1:
        split = net.parameter(Parameter(SPLIT, "1", 0.75, 0.05, 1.0, "linear", 0.15))
    heated = {zone for circuit in data.circuits for zone in circuit.zones}
    air: list[int] = []
    mass: list[int] = []
    warm: list[int] = []
    inside: list[int] = []
    for number, (zone, guess) in enumerate(zip(data.zones, guesses, strict=True)):
        a, b = _add_zone(net, zone, guess, states)
        air.append(a)
        mass.append(b)
        warm.append(_add_radiator(net, zone, guess, a) if states > TWO and number in heated else a)
        inside += [number] * (len(net.states) - len(inside))
        _add_outside(net, data, zone, (a, b), guess, signed)
        if envelope and a != b:
            _add_envelope(net, data, zone, b, guess)
    for circuit in data.circuits:
        _add_circuit(net, data, circuit, warm, mass, split)
    if len(data.zones) >= ENOUGH_FOR_COMMON:
        for zone, state in zip(data.zones, air, strict=True):
            loading = net.parameter(Parameter(f"common noise {zone}", "K/√h", 0.03, 0.0, 5.0, "linear"))
            net.disturb(state, loading)
    for number in range(hidden):
        _add_hidden(net, data, air, typical, number)
    for zone, at, guess in zip(data.zones, air, guesses, strict=True) if lived_in else ():
        _add_visits(net, data, zone, at, guess)
    inside += [-1] * (len(net.states) - len(inside))
    edges = _add_edges(net, data, pairs, air, guesses, lived_in=lived_in)
    inside += [i for i, _ in pairs] if lived_in else []
    return ZoneModel(net, pairs, edges, tuple(air), states, tuple(inside), hidden, envelope, lived_in)


def _add_edges(
    net: RCNetwork, data: ZoneData, pairs: tuple[Pair, ...], air: list[int], guesses: list[Guess], *, lived_in: bool
) -> tuple[int, ...]:
    """Join zones by conductances, with a mass in the middle of each where they are lived in; return their indices."""
    typical = float(np.median([g.loss for g in guesses]))
    heavy = _WALL_SHARE * float(np.median([g.capacity for g in guesses]))
    edges = []
    for i, j in pairs:
        name = f"{data.zones[i]}-{data.zones[j]}"
        g = net.parameter(Parameter(f"conductance {name}", "kW/K", 0.3 * typical, 0.0, 50.0 * typical, "linear"))
        edges.append(g)
        if lived_in:
            middle = _add_wall(net, name, heavy, 0.5 * (guesses[i].first + guesses[j].first))
            net.link(air[i], middle, g, 2.0)
            net.link(middle, air[j], g, 2.0)
        else:
            net.link(air[i], air[j], g)
    return tuple(edges)


def _add_hidden(net: RCNetwork, data: ZoneData, air: list[int], typical: float, number: int) -> None:
    """Let a temperature that wanders about the outdoor one touch every zone.

    Its capacity is fixed and so large that what the zones give it does not move it; how slowly it returns and how far
    it strays are estimated, starting from half a day for the first and a quarter of that for each further one.
    """
    name = HIDDEN if number == 0 else f"{HIDDEN} {number + 1}"
    c = _ENDLESS * typical
    capacity = net.parameter(Parameter(f"capacity of the {name}", "kWh/K", c, c, c, "log"))
    noise = net.parameter(Parameter(f"process noise of the {name}", "K/√h", 1.0, 1e-3, 30.0, "log", 1.0))
    rate = 4.0**number / 12.0
    back = net.parameter(Parameter(f"loss of the {name}", "kW/K", c * rate, c / 240.0, c, "log", 1.0))
    start = float(data.boundary[0, 0])
    state = net.state(name, capacity, noise, initial_value=start, initial_variance=25.0)
    net.boundary(state, data.boundaries[0], back)
    for zone, at in zip(data.zones, air, strict=True):
        g = net.parameter(
            Parameter(f"loss {zone} to {name}", "kW/K", 0.2 * typical, 0.0, 10.0 * typical, "linear", 0.5 * typical)
        )
        net.link(at, state, g)


def guess_zone(data: ZoneData, zone: int) -> Guess:
    """Return rough numbers of a zone: mean heat over mean temperature difference, and forty hours of it as capacity."""
    readings = data.temperature[:, zone]
    known = readings[np.isfinite(readings)]
    excess = max(float(np.nanmean(readings - data.boundary[:, 0])), 2.0)
    heat = _mean_heat(data, zone)
    if heat <= 0.0:
        heated = [h for h in (_mean_heat(data, z) for z in range(len(data.zones))) if h > 0.0]
        heat = 0.5 * float(np.mean(heated)) if heated else 1.0
    loss = heat / excess
    return Guess(loss, 40.0 * loss, float(known[0]) if len(known) else 20.0)


def _mean_heat(data: ZoneData, zone: int) -> float:
    heat = [data.heat[:, i].mean() / c.shared_by for i, c in enumerate(data.circuits) if zone in c.zones]
    return float(sum(heat))


def _add_zone(net: RCNetwork, zone: str, guess: Guess, states: int) -> tuple[int, int]:
    """Add the states of a zone; return the index of the air and of the mass (the air where there is one state)."""
    share = 0.25 if states > 1 else 0.6
    c = share * guess.capacity
    noise = net.parameter(Parameter(f"process noise {zone}", "K/√h", 0.1, 1e-4, 5.0, "log", 2.0))
    meter = net.parameter(Parameter(f"meter noise {zone}", "K", 0.05, 1e-3, 1.0, "log", 2.0))
    capacity = net.parameter(Parameter(f"air capacity {zone}", "kWh/K", c, c / 300.0, c * 300.0, "log", 1.0))
    air = net.state(zone, capacity, noise, initial_value=guess.first, initial_variance=1.0)
    net.observe(air, meter)
    if states == 1:
        return air, air
    c = guess.capacity - c
    heavy = net.parameter(Parameter(f"mass capacity {zone}", "kWh/K", c, c / 100.0, c * 100.0, "log", 1.0))
    quiet = net.parameter(Parameter(f"mass noise {zone}", "K/√h", 0.02, 1e-4, 2.0, "log", 1.0))
    mass = net.state(f"{zone} mass", heavy, quiet, initial_value=guess.first, initial_variance=4.0)
    g = share * guess.capacity / 0.5
    film = net.parameter(Parameter(f"film {zone}", "kW/K", g, g / 100.0, g * 100.0, "log", 1.0))
    net.link(air, mass, film)
    return air, mass


def _add_radiator(net: RCNetwork, zone: str, guess: Guess, air: int) -> int:
    """Add the radiator of a zone and return its state: a hundredth of the zone's capacity, half an hour to cool."""
    c = 0.01 * guess.capacity
    capacity = net.parameter(Parameter(f"radiator capacity {zone}", "kWh/K", c, c / 100.0, c * 100.0, "log", 1.5))
    release = net.parameter(Parameter(f"radiator {zone}", "kW/K", 2.0 * c, c / 10.0, c * 1000.0, "log", 1.5))
    state = net.state(f"{zone} radiator", capacity, FIXED, initial_value=guess.first, initial_variance=100.0)
    net.link(air, state, release)
    return state


def _add_outside(
    net: RCNetwork, data: ZoneData, zone: str, at: tuple[int, int], guess: Guess, signed: tuple[str, ...]
) -> None:
    """Join a zone to every known temperature and let it have sun and a constant gain."""
    air, mass = at
    for number, boundary in enumerate(data.boundaries):
        g = guess.loss * (0.7 if number == 0 else 0.2)
        lowest = -0.5 * guess.loss if boundary in signed else 0.0
        p = net.parameter(Parameter(f"loss {zone} to {boundary}", "kW/K", g, lowest, 10.0 * guess.loss, "linear"))
        net.boundary(air, boundary, p)
    gain = 0.5 * guess.loss
    p = net.parameter(Parameter(f"gain {zone}", "kW", gain, 0.0, 100.0 * gain, "linear", 4.0 * gain))
    net.source(air, "one", p)
    for wave in _DAILY if data.clock is not None and air != mass else ():
        p = net.parameter(Parameter(f"gain {zone} {wave}", "kW", 0.0, -20.0 * gain, 20.0 * gain, "linear", 3.0 * gain))
        net.source(air, wave, p)
    if data.sun is not None:
        for where, state in (("air", air), ("mass", mass))[: 1 if air == mass else 2]:
            p = net.parameter(Parameter(f"aperture {zone} {where}", "m²", 0.5, 0.0, 100.0, "linear", 5.0))
            net.source(state, "sun", p)


def _add_envelope(net: RCNetwork, data: ZoneData, zone: str, mass: int, guess: Guess) -> None:
    """Let the mass of a zone lose heat to outdoors, as an outer wall does."""
    g, most = 0.1 * guess.loss, 10.0 * guess.loss
    p = net.parameter(Parameter(f"envelope {zone}", "kW/K", g, 0.0, most, "linear", 0.5 * guess.loss))
    net.boundary(mass, data.boundaries[0], p)


def _add_visits(net: RCNetwork, data: ZoneData, zone: str, air: int, guess: Guess) -> None:
    """Let gains that nobody meters come and go, as people do and doors to elsewhere.

    An Ornstein-Uhlenbeck power of an hour or so, as the flow from a node whose temperature wanders behind a small fixed
    conductance, so that no other kind of state is needed.
    """
    c, g = _ENDLESS * guess.loss, _THIN * guess.loss
    capacity = net.parameter(Parameter(f"capacity of what comes and goes in {zone}", "kWh/K", c, c, c, "log"))
    noise = net.parameter(Parameter(f"what comes and goes in {zone}", "K/√h", 125.0, 1e-2, 1e4, "log", 1.5))
    back = net.parameter(Parameter(f"how fast it goes in {zone}", "kW/K", c, c / 6.0, 6.0 * c, "log", 0.7))
    start = float(data.boundary[0, 0])
    state = net.state(f"{zone} visits", capacity, noise, initial_value=start, initial_variance=6e3)
    net.boundary(state, data.boundaries[0], back)
    net.link(air, state, net.parameter(Parameter(f"loss {zone} to what comes and goes", "kW/K", g, g, g, "log")))


def _add_wall(net: RCNetwork, name: str, heavy: float, first: float) -> int:
    """Add the mass in the middle of the wall between two zones and return its state.

    Its capacity is known to a factor of 1.8: from a stud wall of plasterboard to brick a span of ten.
    """
    c = net.parameter(Parameter(f"wall capacity {name}", "kWh/K", heavy, heavy / 300.0, heavy * 8.0, "log", 0.6))
    return net.state(f"wall {name}", c, FIXED, initial_value=first, initial_variance=1.0)


def _add_circuit(
    net: RCNetwork, data: ZoneData, circuit: Circuit, warm: list[int], mass: list[int], split: int
) -> None:
    """Bring a circuit's heat to its zones: whole to one zone, in estimated shares to several."""
    name = f"heat {circuit.name}"
    if circuit.shared_by == 1:
        zone = circuit.zones[0]
        if split < 0:
            net.source(warm[zone], name, constant=1.0)
        else:
            net.source(warm[zone], name, split)
            net.source(mass[zone], name, split, constant=1.0, slope=-1.0)
        return
    n = circuit.shared_by
    for zone in circuit.zones:
        label = f"share of {circuit.name} in {data.zones[zone]}"
        share = net.parameter(Parameter(label, "1", 1.0 / n, 0.01, 2.0, "log", 0.5))
        net.source(warm[zone], name, share)
