"""What a delivery network is to the rest: injections in, state out, headroom and a locational signal back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rexnet_grid.delivery.headroom import FloatArray, Headroom
    from rexnet_grid.errors import Issue
    from rexnet_grid.units import Carrier

SMALLEST_THROUGHPUT_KW = 1e-3
NO_SOLUTION = "no power flow solution"


@dataclass(frozen=True, slots=True)
class Violation:
    """One element that broke one of its limits in a delivered or predicted unit.

    Attributes
    ----------
    element
        Name of the element, such as ``"bus 12"``, ``"line 3"``, ``"trafo 0"``, ``"substation SD7"``.
    kind
        ``"voltage_bus"``, ``"line"``, ``"trafo"``, ``"heat"`` or, where there is no solution at all, ``"power_flow"``:
        the counters of the manifest.
    limit
        Name of the broken limit, as in :attr:`Headroom.limits`.
    value, bound
        Value and bound in the limit's own unit, given by ``unit`` (``"p.u."``, ``"%"``, ``"degC"``, ``"kW"``); NaN
        where there is no solution.
    unit
        The unit of ``value`` and ``bound``.
    """

    element: str
    kind: str
    limit: str
    value: float
    bound: float
    unit: str

    @classmethod
    def without_solution(cls) -> Violation:
        """Return what is recorded of a network that finds no solution for what is asked of it."""
        return cls("network", "power_flow", NO_SOLUTION, math.nan, math.nan, "")


@dataclass(frozen=True, slots=True)
class EnergyBalance:
    """Where the energy of one unit went, mean rates [kW]; every part is summed on its own from the state.

    Attributes
    ----------
    injected_kw, withdrawn_kw
        What the nodes put in and took out, the external supply (or heat plant) included; both positive.
    loss_kw
        What was lost on the way.
    stored_kw
        What the network itself stored (water in pipes, pipe walls); negative when it gave it back.
    """

    injected_kw: float
    withdrawn_kw: float
    loss_kw: float
    stored_kw: float

    @property
    def residual_kw(self) -> float:
        """Injected - withdrawn - lost - stored [kW]; zero up to rounding."""
        return self.injected_kw - self.withdrawn_kw - self.loss_kw - self.stored_kw

    @property
    def residual_relative(self) -> float:
        """The residual over the throughput [-], which is taken as one watt at least."""
        parts = (self.injected_kw, self.withdrawn_kw, self.loss_kw, self.stored_kw)
        scale = max(*(abs(part) for part in parts), SMALLEST_THROUGHPUT_KW)
        return abs(self.residual_kw) / scale


@dataclass(frozen=True, slots=True)
class NetworkState:
    """One unit in a network, predicted or delivered.

    Attributes
    ----------
    injection_kw
        (n_nodes,) rates that physics really carried [kW], aligned to the network's nodes. Differs from what was asked
        where a substation could not be served; the supply node holds what the supply really gave (import positive).
    unserved_kw
        (n_nodes,) withdrawal asked for and not delivered [kW], non-negative.
    balance
        The energy balance of the unit.
    violations
        Limits broken.
    arrays
        What the network wants recorded, by table name: arrays aligned to :meth:`DeliveryNetwork.columns`, such as
        ``"vm_pu"`` or ``"supply_c"``.
    converged
        False when no solution was found, which is a violation of its own; the recorded arrays are NaN then. In a
        delivered unit nothing flows: injections are zero and all withdrawal is unserved. Of a prediction the other
        numbers must not be used.
    """

    injection_kw: FloatArray
    unserved_kw: FloatArray
    balance: EnergyBalance
    violations: tuple[Violation, ...] = ()
    arrays: Mapping[str, FloatArray] = field(default_factory=dict)
    converged: bool = True


@dataclass(frozen=True, slots=True)
class CongestionPrices:
    """What the limits that keep orders apart are worth by place (:mod:`rexnet_grid.delivery.shadow`).

    Attributes
    ----------
    injecting_eur_per_mwh, withdrawing_eur_per_mwh
        (n_units, n_nodes) what an injection costs who injects there, and what it costs who withdraws there: a rate r
        pays r times the price, so where withdrawing strains a limit the second is negative [EUR/MWh]. The two differ
        where demand draws reactive power that generation does not give back.
    limit
        (n_units, n_nodes) name of the limit that adds most at a place, empty where none does.
    """

    injecting_eur_per_mwh: FloatArray
    withdrawing_eur_per_mwh: FloatArray
    limit: NDArray[np.object_]

    @classmethod
    def none(cls, units: int, nodes: int) -> CongestionPrices:
        """Return prices of nothing."""
        zero = np.zeros((units, nodes))
        return cls(zero, zero.copy(), np.full((units, nodes), "", dtype=object))


@dataclass(frozen=True, slots=True)
class LocationalSignal:
    """What delivery costs by place, for the open units.

    Attributes
    ----------
    units
        The units, the order of the rows.
    nodes
        The nodes, the order of the columns.
    marginal_loss
        (n_units, n_nodes) additional loss per additional injection [kW/kW]; negative where injecting saves losses.
        NaN in a unit whose positions have no solution.
    congestion
        What limits are worth, added by the market, which knows the orders; None where none keeps orders apart.
    """

    units: tuple[int, ...]
    nodes: tuple[str, ...]
    marginal_loss: FloatArray
    congestion: CongestionPrices | None = None

    @classmethod
    def none(cls, units: Sequence[int], nodes: Sequence[str]) -> LocationalSignal:
        """Return a signal that says nothing: zero everywhere."""
        return cls(tuple(units), tuple(nodes), np.zeros((len(units), len(nodes))))


class DeliveryNetwork(Protocol):
    """A network as the unit cycle sees it; electric and heat networks both are one.

    ``supply_node`` is the node that balances: the external grid, or the main heat plant. What is asked of it in an
    injection vector is ignored by an electric network (power flow decides), and is the scheduled heat of the plant for
    a heat network.
    """

    @property
    def carrier(self) -> Carrier:
        """Which carrier it delivers."""
        ...

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes where participants can sit; the order of every injection vector."""
        ...

    @property
    def supply_node(self) -> str:
        """The node that balances."""
        ...

    @property
    def operator_node(self) -> str:
        """The node at which the network's operator trades what is lost and stored; no physical injection."""
        ...

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Return, for each recorded array, the names its entries are aligned to."""
        ...

    def check(self) -> list[Issue]:
        """Return everything that makes the network unfit for a run; empty when it is fit."""
        ...

    def predict(self, unit: int, injection_kw: FloatArray) -> NetworkState:
        """Return what would happen in ``unit`` for these rates [kW]; the network's own state does not change."""
        ...

    def deliver(self, unit: int, injection_kw: FloatArray) -> NetworkState:
        """Carry these rates [kW] through ``unit`` and move the network's state on."""
        ...

    def headroom(self, units: Sequence[int], position_kw: FloatArray) -> tuple[Headroom, ...]:
        """Return what still fits in each open unit about ``position_kw`` (n_units, n_nodes) [kW]."""
        ...

    def signal(self, units: Sequence[int], position_kw: FloatArray) -> LocationalSignal:
        """Return the locational signal about ``position_kw`` (n_units, n_nodes) [kW]."""
        ...

    def save(self) -> Any:
        """Return a copy of the state that :meth:`restore` takes back exactly; it can be pickled."""
        ...

    def restore(self, state: Any) -> None:
        """Go back to a saved state."""
        ...


@runtime_checkable
class CanBeTried(Protocol):
    """A network that can judge what was traded on more headroom than it can promise."""

    def daring(self, units: Sequence[int], position_kw: FloatArray, share: float) -> tuple[Headroom, ...]:
        """Return headroom about ``position_kw`` with a ``share`` of each limit more than can be promised.

        As far as the network leaves it now.
        """
        ...

    def margins_used(self, position_kw: FloatArray) -> FloatArray:
        """Return (n_cases,) how much of the margin positions (n_cases, n_nodes) [kW] use up.

        Of the limit that has least left: zero where the whole margin is left, one at the limit, infinite without a
        solution.
        """
        ...


@runtime_checkable
class KnowsEveryRow(Protocol):
    """A network that has more rows than it publishes as headroom, and can tell those of limits by name."""

    def rows_at(self, unit: int, injection_kw: FloatArray, broken: frozenset[str]) -> Headroom:
        """Return what still fits about one schedule, with the limits named ``broken`` each in rows of its own."""
        ...


@runtime_checkable
class KnowsSlopes(Protocol):
    """A network that can tell how each of its limits answers to small changes of one schedule."""

    def slopes_at(self, unit: int, injection_kw: FloatArray, at: NDArray[np.int64]) -> Headroom | None:
        """Return every limit by its derivatives at one schedule, slack without margin; None without a solution.

        Its columns are the nodes ``at`` (indices, in their order).
        """
        ...
