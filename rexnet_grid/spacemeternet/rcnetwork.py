"""A thermal network of capacities and conductances whose numbers are parameters.

States are temperatures of nodes with a capacity; inputs are known temperatures (outdoors, ground, a cellar) and powers
(heating, sun, a constant). Every number of the network is one parameter or a constant plus a parameter times a slope,
so that the chain rule from the network's matrices to the parameters is a matter of indices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray, NetworkAdjoint

Scale = Literal["log", "linear"]
FIXED = -1


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number to be estimated.

    Attributes
    ----------
    name, unit
        As shown in the table of parameters.
    start, lower, upper
        In the parameter's own unit.
    scale
        ``"log"`` for what is positive and known to a factor, ``"linear"`` for what may reach a bound such as zero.
    prior_sd
        Width of a weak normal prior about the start, in logarithms for ``"log"``, in the parameter's unit otherwise;
        0 for none.
    """

    name: str
    unit: str
    start: float
    lower: float
    upper: float
    scale: Scale = "log"
    prior_sd: float = 0.0


@dataclass(frozen=True, slots=True)
class Matrices:
    """The network at one set of parameters: see :func:`rexnet_grid.spacemeternet.discretise.discretise`."""

    capacity: FloatArray
    conductance: FloatArray
    power: FloatArray
    diffusion: FloatArray
    measurement: FloatArray
    initial: FloatArray


@dataclass(slots=True)
class RCNetwork:
    """States, inputs and outputs of a network and where each parameter sits in it.

    Build it with :meth:`state`, :meth:`link`, :meth:`boundary`, :meth:`source` and :meth:`observe`.

    Attributes
    ----------
    inputs
        Names of the inputs.
    first_order
        For each input whether it runs straight between its samples (temperatures) or stands still (mean powers).
    """

    inputs: tuple[str, ...]
    first_order: tuple[bool, ...]
    parameters: list[Parameter] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    capacity: list[int] = field(default_factory=list)
    noise: list[int] = field(default_factory=list)
    initial: list[int] = field(default_factory=list)
    initial_value: list[float] = field(default_factory=list)
    initial_variance: list[float] = field(default_factory=list)
    links: list[tuple[int, int, int]] = field(default_factory=list)
    link_factors: list[float] = field(default_factory=list)
    boundaries: list[tuple[int, int, int]] = field(default_factory=list)
    sources: list[tuple[int, int, int]] = field(default_factory=list)
    source_terms: list[tuple[float, float]] = field(default_factory=list)
    common: list[tuple[int, int]] = field(default_factory=list)
    observed: list[int] = field(default_factory=list)
    measurement: list[int] = field(default_factory=list)

    def parameter(self, parameter: Parameter) -> int:
        """Add a parameter and return its index."""
        self.parameters.append(parameter)
        return len(self.parameters) - 1

    def state(
        self,
        name: str,
        capacity: int,
        noise: int,
        *,
        initial: int = FIXED,
        initial_value: float = 20.0,
        initial_variance: float = 1.0,
    ) -> int:
        """Add a node with a capacity [kWh/K] and process noise σ [K/√h] (parameters); return its index."""
        self.states.append(name)
        self.capacity.append(capacity)
        self.noise.append(noise)
        self.initial.append(initial)
        self.initial_value.append(initial_value)
        self.initial_variance.append(initial_variance)
        return len(self.states) - 1

    def link(self, a: int, b: int, conductance: int, factor: float = 1.0) -> None:
        """Join two states by ``factor`` times a conductance [kW/K]."""
        self.links.append((a, b, conductance))
        self.link_factors.append(factor)

    def boundary(self, state: int, source: str, conductance: int) -> None:
        """Join a state to a known temperature by a conductance [kW/K]."""
        self.boundaries.append((state, self.inputs.index(source), conductance))

    def source(
        self, state: int, source: str, parameter: int = FIXED, constant: float = 0.0, slope: float = 1.0
    ) -> None:
        """Let a state receive ``constant + slope * parameter`` of an input."""
        self.sources.append((state, self.inputs.index(source), parameter))
        self.source_terms.append((constant, slope))

    def disturb(self, state: int, loading: int) -> None:
        """Let a disturbance that is common to the whole network move a state [K/√h] (parameter)."""
        self.common.append((state, loading))

    def observe(self, state: int, noise: int) -> None:
        """Measure a state with standard deviation [K] (parameter)."""
        self.observed.append(state)
        self.measurement.append(noise)

    def matrices(self, values: FloatArray) -> Matrices:
        """Return the network's matrices at parameter ``values`` (in the parameters' units)."""
        n = len(self.states)
        conductance, power = np.zeros((n, n)), np.zeros((n, len(self.inputs)))
        if self.links:
            a, b, p = np.array(self.links).T
            g = values[p] * np.array(self.link_factors)
            for rows, cols, sign in ((a, a, 1.0), (b, b, 1.0), (a, b, -1.0), (b, a, -1.0)):
                np.add.at(conductance, (rows, cols), sign * g)
        if self.boundaries:
            s, u, p = np.array(self.boundaries).T
            np.add.at(conductance, (s, s), values[p])
            np.add.at(power, (s, u), values[p])
        if self.sources:
            s, u, p = np.array(self.sources).T
            constant, slope = np.array(self.source_terms).T
            np.add.at(power, (s, u), constant + np.where(p >= 0, slope * values[p], 0.0))
        noise, initial = np.array(self.noise), np.array(self.initial)
        together = self._together(values)
        return Matrices(
            capacity=values[np.array(self.capacity)],
            conductance=conductance,
            power=power,
            diffusion=np.diag(np.where(noise >= 0, values[noise] ** 2, 0.0)) + np.outer(together, together),
            measurement=values[np.array(self.measurement)] ** 2,
            initial=np.where(initial >= 0, values[initial], np.array(self.initial_value)),
        )

    def _together(self, values: FloatArray) -> FloatArray:
        out = np.zeros(len(self.states))
        for state, index in self.common:
            out[state] = values[index]
        return out

    def pull_back(
        self, values: FloatArray, network: NetworkAdjoint, measurement: FloatArray, initial: FloatArray
    ) -> FloatArray:
        """Return the derivative by each parameter from the derivatives by the matrices (measurement as a variance)."""
        out = np.zeros(len(self.parameters))
        np.add.at(out, np.array(self.capacity), network.capacity)
        g, p = network.conductance, network.power
        if self.links:
            a, b, index = np.array(self.links).T
            np.add.at(out, index, np.array(self.link_factors) * (g[a, a] + g[b, b] - g[a, b] - g[b, a]))
        if self.boundaries:
            s, u, index = np.array(self.boundaries).T
            np.add.at(out, index, g[s, s] + p[s, u])
        for (s, u, index), (_, slope) in zip(self.sources, self.source_terms, strict=True):
            if index >= 0:
                out[index] += slope * p[s, u]
        for state, index in enumerate(self.noise):
            if index >= 0:
                out[index] += 2.0 * values[index] * network.diffusion[state, state]
        pull = 2.0 * network.diffusion @ self._together(values)
        for state, index in self.common:
            out[index] += pull[state]
        for state, index in enumerate(self.initial):
            if index >= 0:
                out[index] += initial[state]
        index = np.array(self.measurement)
        np.add.at(out, index, 2.0 * values[index] * measurement)
        return out
