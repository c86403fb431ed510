"""An electric network as the unit cycle sees it."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rexnet_grid.delivery.network import EnergyBalance, LocationalSignal, NetworkState, Violation
from rexnet_grid.electric.case import NOWHERE
from rexnet_grid.electric.check import check_network, no_rest
from rexnet_grid.electric.full_states import flow_of
from rexnet_grid.electric.headroom import HeadroomRows
from rexnet_grid.electric.limits import ElectricLimits
from rexnet_grid.electric.signal import MarginalLosses
from rexnet_grid.electric.slopes import slope_rows
from rexnet_grid.electric.violations import find_violations
from rexnet_grid.errors import InputError, Issue, NetworkDataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rexnet_grid.delivery.headroom import Headroom
    from rexnet_grid.electric.case import FloatArray, GridCase, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.network import ElectricNetwork

MOST_ROWS = 2048
FEW_NAMED = 6


class CutOffWarning(UserWarning):
    """An outage that headroom is secured against leaves buses without supply: what they trade ends with it."""


class ElectricDelivery:
    """The electric delivery network of a run.

    Power flow has no memory, so ``predict`` and ``deliver`` answer alike; the state is the topology.

    Parameters
    ----------
    network
        The network.
    limits
        Voltage band, thermal limit, supply limits, margin and power factor.
    most_rows
        Most headroom rows, at least one; fewer make headroom more timid, never less honest.
    secured_against
        Branches whose outage the headroom has to survive, one at a time (N-1). What is traded with a part that
        an outage cuts off ends with it, and a :class:`CutOffWarning` names branch and buses before the first headroom;
        an outage that leaves nothing but the supply allows no trade at all.

    Raises
    ------
    InputError
        No row at all, branches that are no list of names, or a network without a supply.

    Notes
    -----
    Nodes are the supplied buses, named ``"bus <id>"``. The first external grid's bus is the supply node; what is asked
    of it in an injection is ignored, and several external grids balance together. A rate is what really flows, so
    voltage-dependent shares of the network's own loads, which say what a nominal rate becomes, do not apply to it.
    """

    def __init__(
        self,
        network: ElectricNetwork,
        limits: ElectricLimits | None = None,
        *,
        most_rows: int = MOST_ROWS,
        secured_against: Sequence[str] = (),
    ) -> None:
        _check_options(network.name, most_rows, secured_against)
        self.network = self._whole = network.at_constant_power()
        self._changes: tuple[tuple[str, ...], dict[str, float], tuple[str, ...]] = ((), {}, ())
        self._outages = tuple(secured_against)
        self.limits = limits if limits is not None else ElectricLimits()
        self._most_rows = most_rows
        case = network.case
        if not len(case.supply_bus):
            raise InputError([Issue(network.name, "ext_grid", "", "an external grid in service that supplies a bus")])
        self._bus = np.flatnonzero(case.bus_node != NOWHERE)
        self._nodes = tuple(f"bus {b}" for b in case.bus_id[self._bus])
        self._supply_at = int(np.flatnonzero(case.bus_id[self._bus] == case.supply_bus[0])[0])
        self._columns: dict[str, tuple[str, ...]] = {
            "vm_pu": self._nodes,
            "loading_percent": tuple(str(b) for b in case.branch_name),
            "loss_kw": ("network",),
            "import_kw": ("supply",),
        }

    @property
    def carrier(self) -> Literal["electricity"]:
        """Electricity."""
        return "electricity"

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the supplied buses, the order of every injection."""
        return self._nodes

    @property
    def supply_node(self) -> str:
        """Bus of the first external grid."""
        return self._nodes[self._supply_at]

    @property
    def operator_node(self) -> str:
        """The supply node."""
        return self.supply_node

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Return what the recorded arrays are aligned to."""
        return dict(self._columns)

    def check(self) -> list[Issue]:
        """Return everything that makes the network unfit for a run."""
        dark = [
            Issue(
                self.network.name,
                "secured_against",
                f'"{name}"',
                "branches without which the supply still reaches a bus",
                "nothing could be traded; leave it out",
            )
            for name, network in zip(self._outages, self._topologies[1:], strict=True)
            if not network.case.carries_anything
        ]
        restless = [
            no_rest(network, f" after the outage of {name}")
            for name, network in zip(self._outages, self._topologies[1:], strict=True)
            if not network.rests()
        ]
        return [*check_network(self.network, self.limits), *dark, *restless]

    def predict(self, unit: int, injection_kw: FloatArray) -> NetworkState:  # noqa: ARG002 - power flow has no memory
        """Return what these rates [kW] would do."""
        return self._state(injection_kw)

    def deliver(self, unit: int, injection_kw: FloatArray) -> NetworkState:  # noqa: ARG002 - power flow has no memory
        """Carry these rates [kW]; where power flow finds no solution the network collapses, and nothing flows."""
        state = self._state(injection_kw)
        return state if state.converged else self._collapsed(injection_kw)

    def headroom(self, units: Sequence[int], position_kw: FloatArray) -> tuple[Headroom, ...]:
        """Return what still fits in each open unit about ``position_kw`` (n_units, n_nodes) [kW]."""
        position = self._checked(position_kw, (len(units), len(self._nodes)))
        if not len(units):
            return ()
        return self._rows.of_units(units, position, self._rows.flows(position))

    def daring(self, units: Sequence[int], position_kw: FloatArray, share: float) -> tuple[Headroom, ...]:
        """Return headroom about ``position_kw`` (n_units, n_nodes) [kW] with more than can be promised.

        That is a ``share`` of what each limit leaves at rest more, as far as AC leaves it now. To be tried:
        :meth:`margins_used` tells whether what was traded on it holds.
        """
        position = self._checked(position_kw, (len(units), len(self._nodes)))
        if not len(units):
            return ()
        return self._rows.daring(units, position, self._rows.flows(position), share)

    def margins_used(self, position_kw: FloatArray) -> FloatArray:
        """Return (n_cases,) how much of the margin positions (n_cases, n_nodes) [kW] use up.

        Of the limit that has least left, with and without the branches that headroom is secured against: zero where the
        whole margin is left, one at the limit, infinite without a solution.
        """
        position = self._checked(position_kw, (len(position_kw), len(self._nodes)))
        return self._rows.margins_used(position)

    def rows_at(self, unit: int, injection_kw: FloatArray, broken: frozenset[str]) -> Headroom:
        """Return what still fits about one schedule, with the limits named ``broken`` each in rows of its own."""
        position = self._checked(injection_kw, (len(self._nodes),))[None, :]
        return self._rows.with_broken(unit, position, self._rows.flows(position), broken)

    def slopes_at(self, unit: int, injection_kw: FloatArray, at: IntArray) -> Headroom | None:
        """Return every limit by its derivatives to the nodes ``at`` at one schedule; None without a solution."""
        flow = self._flow(self._checked(injection_kw, (len(self._nodes),)))
        if not flow.converged:
            return None
        return slope_rows(self.network, self.limits, self._bus, self._nodes, at, unit, flow)

    def signal(self, units: Sequence[int], position_kw: FloatArray) -> LocationalSignal:
        """Return the marginal losses about ``position_kw`` (n_units, n_nodes) [kW].

        They are those of the network as its controllers leave it, with taps and the reactive power of inverters held
        there. They are NaN in a unit whose positions have no AC solution, zero at a bus that has lost its supply.
        """
        position = self._checked(position_kw, (len(units), len(self._nodes)))
        if not len(units):
            return LocationalSignal.none((), self._nodes)
        node = self.network.case.bus_node[self._bus]
        by_node = self._losses.of(self._flow(position))
        dark = (node == NOWHERE) & np.isfinite(by_node).all(axis=1, keepdims=True)
        return LocationalSignal(tuple(units), self._nodes, np.where(dark, 0.0, by_node[:, node]))

    def change(
        self, out: Sequence[str] = (), taps: Mapping[str, float] | None = None, closed: Sequence[str] = ()
    ) -> None:
        """Set which branches and switches are out, which taps and which open switches are not as the network has them.

        Nodes keep their places; one that loses its supply carries nothing: what is asked there is not served, and
        nothing more can be traded with it.

        Raises
        ------
        NetworkDataError
            An unknown branch, switch or tap position; the topology stays as it was.
        """
        network = self._whole.changed(out, taps, closed) if out or taps or closed else self._whole
        if case_supply(network.case) != case_supply(self._whole.case):
            raise NetworkDataError(
                [Issue(network.name, "out", ", ".join(out), "branches that leave the supply connected")]
            )
        self.network = network
        self._changes = (tuple(out), dict(taps or {}), tuple(closed))
        for name in ("_losses", "_rows", "_topologies"):
            self.__dict__.pop(name, None)

    def elements(self) -> tuple[str, ...]:
        """Return the names of all branches and switches, open ones too: what can trip and come back."""
        case = self._whole.case
        return tuple(str(name) for name in (*case.branch_name, *case.switch_name, *case.switch_open))

    def opens(self, name: str) -> bool:
        """Return whether the network holds a switch open, or a branch out of service, unless it is told otherwise."""
        case = self._whole.case
        out = case.branch_name[case.branch_in_service == 0]
        return bool((case.switch_open == name).any() or (out == name).any())

    def save(self) -> Any:
        """Return the state: which branches are out, where the taps stand, which switches have closed."""
        return {"out": list(self._changes[0]), "taps": dict(self._changes[1]), "closed": list(self._changes[2])}

    def restore(self, state: Any) -> None:
        """Go back to a saved state.

        Raises
        ------
        InputError
            This is no state of an electric network.
        """
        if not isinstance(state, dict) or set(state) != {"out", "taps", "closed"}:
            raise InputError(f"{self._whole.name}: this is not a state of an electric network")
        if (tuple(state["out"]), dict(state["taps"]), tuple(state["closed"])) != self._changes:
            self.change(state["out"], state["taps"], state["closed"])

    @cached_property
    def _losses(self) -> MarginalLosses:
        return MarginalLosses(self.network.case, self.network.solver, self.limits.tan_phi)

    @cached_property
    def _topologies(self) -> list[ElectricNetwork]:
        """The network, then the same without each branch that headroom is secured against."""
        return self._whole_topologies if self.network is self._whole else self._secured(self.network)

    @cached_property
    def _whole_topologies(self) -> list[ElectricNetwork]:
        """The same of the network as it was cut; tells what each outage leaves without supply."""
        topologies = self._secured(self._whole)
        self._tell_what_outages_cut_off(topologies)
        return topologies

    def _secured(self, network: ElectricNetwork) -> list[ElectricNetwork]:
        return [network, *(network.changed([name]) for name in self._outages)]

    def _tell_what_outages_cut_off(self, topologies: Sequence[ElectricNetwork]) -> None:
        """Warn of each outage that leaves some of the buses without supply."""
        for name, network in zip(self._outages, topologies[1:], strict=True):
            lost = [self._nodes[k] for k in np.flatnonzero(network.case.bus_node[self._bus] == NOWHERE)]
            if lost and network.case.carries_anything:
                some = ", ".join(lost[:FEW_NAMED]) + (f" and {len(lost) - FEW_NAMED} more" if lost[FEW_NAMED:] else "")
                warnings.warn(
                    f"{self._whole.name}: secured_against: the outage of {name} leaves {some} without supply: "
                    "trades among such buses end with it and are not limited by it, "
                    "of trades with others the side that stays is",
                    CutOffWarning,
                    stacklevel=_level_of_caller(),
                )

    @cached_property
    def _rows(self) -> HeadroomRows:
        changed = self.network is not self._whole
        return self._made_rows(self._topologies, self._rows_of_whole) if changed else self._rows_of_whole

    @cached_property
    def _rows_of_whole(self) -> HeadroomRows:
        """The rows of the network as it was cut; grouped and rehearsed once, they guide those after every change."""
        return self._made_rows(self._whole_topologies)

    def _made_rows(self, topologies: list[ElectricNetwork], before: HeadroomRows | None = None) -> HeadroomRows:
        return HeadroomRows(
            topologies, self._outages, self.limits, self._bus, self._nodes, self._supply_at, self._most_rows, before
        )

    def _checked(self, values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        try:
            array = np.array(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(
                [Issue(self.network.name, "injection_kw", repr(values)[:60], f"numbers {shape}")]
            ) from error
        if array.shape != shape:
            raise InputError([Issue(self.network.name, "injection_kw", f"shape {array.shape}", f"shape {shape}")])
        array[..., self._supply_at] = 0.0
        if not np.isfinite(array).all():
            at = np.argwhere(~np.isfinite(array))[0]
            raise InputError(
                [
                    Issue(
                        self.network.name,
                        f"injection at {self._nodes[at[-1]]}",
                        str(array[tuple(at)]),
                        "finite numbers",
                    )
                ]
            )
        return array

    def _flow(self, injection_kw: FloatArray) -> PowerFlow:
        return flow_of(self.network, self.limits, self._bus, injection_kw)

    def _state(self, injection_kw: FloatArray) -> NetworkState:
        asked = self._checked(injection_kw, (len(self._nodes),))
        supplied = self.network.case.bus_node[self._bus] != NOWHERE
        injection = np.where(supplied, asked, 0.0)
        flow = self._flow(injection)
        if not flow.converged:
            return self._no_state()
        carried = injection.copy()
        carried[self._supply_at] = flow.grid_import_kw
        own = float(carried[carried < 0.0].sum()) - float(flow.shunt_kw)
        balance = EnergyBalance(float(carried[carried > 0.0].sum()), -own, float(flow.loss_kw), 0.0)
        vm = flow.vm_pu[self._bus]
        arrays = {
            "vm_pu": vm,
            "loading_percent": flow.loading_percent,
            "loss_kw": np.array([flow.loss_kw]),
            "import_kw": np.array([flow.grid_import_kw]),
        }
        violations = find_violations(self._nodes, self.network.case, self.limits, vm, flow)
        unserved = np.where(supplied, 0.0, np.maximum(-asked, 0.0))
        return NetworkState(carried, unserved, balance, violations, arrays)

    def _no_state(self) -> NetworkState:
        n = len(self._nodes)
        nothing = {name: np.full(len(columns), np.nan) for name, columns in self._columns.items()}
        broken = (Violation.without_solution(),)
        return NetworkState(
            np.full(n, np.nan), np.zeros(n), EnergyBalance(0.0, 0.0, 0.0, 0.0), broken, nothing, converged=False
        )

    def _collapsed(self, injection_kw: FloatArray) -> NetworkState:
        asked = self._checked(injection_kw, (len(self._nodes),))
        return replace(self._no_state(), injection_kw=np.zeros(len(asked)), unserved_kw=np.maximum(-asked, 0.0))


def _level_of_caller() -> int:
    """Return the ``stacklevel`` at which a warning of the calling function names the line that called this package."""
    own = (__name__.partition(".")[0], cached_property.__module__)
    frame, level = inspect.currentframe(), 0
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] in own:
        frame, level = frame.f_back, level + 1
    return level


def _check_options(name: str, most_rows: int, secured_against: Sequence[str]) -> None:
    issues = []
    if isinstance(most_rows, bool) or not isinstance(most_rows, (int, np.integer)) or most_rows < 1:
        issues.append(Issue(name, "most_rows", repr(most_rows), "a whole number of one or more"))
    if isinstance(secured_against, str) or not all(isinstance(branch, str) for branch in secured_against):
        issues.append(Issue(name, "secured_against", repr(secured_against), 'names of branches such as ["line 3"]'))
    if issues:
        raise InputError(issues)


def case_supply(case: GridCase) -> list[int]:
    """Return the buses that balance."""
    return [int(b) for b in case.supply_bus]
