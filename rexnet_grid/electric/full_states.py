"""The states in which a network is full of demand and of infeed, and the power flow of what nodes ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.case import NOWHERE, PV
from rexnet_grid.electric.loading_rows import LoadingRows
from rexnet_grid.electric.node_model import fill
from rexnet_grid.electric.voltage_rows import UndervoltageRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import FloatArray, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.network import ElectricNetwork
    from rexnet_grid.electric.node_model import NodeModel

    BoolArray = NDArray[np.bool_]

SHRINKINGS = 24
SHRINK = 0.9
FACING = 0.6
GROWINGS = 24
HALVES = (0.5, 0.25, 0.125)
SAME_KVAR = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class FullState:
    """A full network: injections of the columns [kW] and their AC solution."""

    kw: FloatArray
    flow: PowerFlow


class FullStates:
    """Finds the states in which a network is full of demand and of infeed, by rows about its idle voltages."""

    def __init__(
        self,
        network: ElectricNetwork,
        limits: ElectricLimits,
        buses: IntArray,
        columns: IntArray,
        model: NodeModel,
        limited: IntArray,
    ) -> None:
        self._network, self._limits, self._buses, self._columns = network, limits, buses, columns
        self._idle, idle = model.idle, (model.idle, model.idle)
        self._holds = bool((network.case.node_kind == PV).any())
        self._under = UndervoltageRows.of(model, limits, columns, limited, ("",) * len(limited))
        self._loading = LoadingRows.of(network.case, model, limits, columns, idle)

    def flow(self, kw: FloatArray) -> PowerFlow:
        """Solve for injections (n_cases, n_columns) [kW]."""
        return flow_of(self._network, self._limits, self._buses, kw)

    def states(self, *, thermal: bool) -> tuple[FullState, FullState]:
        """Return the network full of demand and full of infeed; without ``thermal`` only voltages are limited."""
        return self._full(-1.0, thermal=thermal), self._full(1.0, thermal=thermal)

    def part(self, state: FullState, share: float) -> tuple[FloatArray, PowerFlow]:
        """Return the share of a full state, injections [kW] and AC solution; less of it, or none, if that has none.

        A state that has a solution, and the network at rest, need not have one between them where generators hold
        voltages through resistances.
        """
        for less in (1.0, *HALVES, 0.0):
            kw = less * share * state.kw
            flow = self.flow(kw[None, :])
            if np.all(flow.converged):
                break
        return kw, flow

    def lone(self, sign: float) -> FullState:
        """Return the states in which each column alone has filled the network with infeed, or with -1.0 demand."""
        use, room = self._use(sign, thermal=True)
        some = (use > 0.0) & (self._columns != NOWHERE)
        with np.errstate(divide="ignore"):
            share = np.divide(use, np.maximum(room, 0.0)[:, None], out=np.zeros_like(use), where=some)
        most = share.max(axis=0, initial=0.0)
        return self._kept_most(np.diag(np.divide(sign, most, out=np.zeros_like(most), where=most > 0.0)), thermal=True)

    def _use(self, sign: float, *, thermal: bool) -> tuple[FloatArray, FloatArray]:
        """Return what demand or infeed uses of the limits about idle voltages, and what there is of them."""
        under, loading = self._under, self._loading
        n = len(under.node)
        carried = slice(None) if thermal else slice(0)
        rest = loading.at_rest()[carried]
        if sign < 0.0:
            use = -np.vstack((under.falling[:n], loading.falling[carried]))
            return use, np.append(under.at_rest()[:n], rest)
        over = (self._limits.vm_max_pu**2 - under.idle**2) / (2.0 * under.idle)
        return np.vstack((-under.rising[:n], loading.rising[carried])), np.append(over, rest)

    def _full(self, sign: float, *, thermal: bool) -> FullState:
        """Return the state in which the rows are full, or one with less where AC says that it is too much."""
        supplied = self._columns != NOWHERE
        use, room = self._use(sign, thermal=thermal)
        kw = sign * np.where(supplied, fill(np.where(supplied, use, 0.0), room), 0.0)
        state = self._kept_most(kw[None, :], thermal=thermal)
        return FullState(state.kw[0], state.flow)

    def _kept_most(self, kw: FloatArray, *, thermal: bool) -> FullState:
        """Return injections (n_cases, n_columns) [kW] made smaller until AC keeps every limit.

        Or larger where generators hold voltages, which hold others more than rows tell.
        """
        kw = kw.copy()
        for _ in range(SHRINKINGS):
            kept = self._kept(self.flow(kw), thermal=thermal)
            if kept.all():
                break
            kw[~kept] *= SHRINK
        kw[~self._kept(self.flow(kw), thermal=thermal)] = 0.0
        grows = np.asarray(kw.any(axis=1)) & self._holds
        for _ in range(GROWINGS):
            if not grows.any():
                break
            some = np.flatnonzero(grows)
            grows[some] = self._kept(self.flow(kw[some] / SHRINK), thermal=thermal)
            kw[grows] /= SHRINK
        return FullState(kw, self.flow(kw))

    def _kept(self, flow: PowerFlow, *, thermal: bool) -> BoolArray:
        """Return (n_cases,) where AC has a solution that keeps every limit."""
        limits = self._limits
        vm, voltage = flow.vm_pu[:, self._buses], flow.node_voltage
        with np.errstate(invalid="ignore"):
            turned = (voltage * np.conj(self._idle)).real / np.abs(self._idle) ** 2
            fine = np.atleast_1d(flow.converged) & (np.nanmin(turned, axis=1, initial=np.inf) >= FACING)
            fine &= np.nanmin(vm, axis=1, initial=np.inf) >= limits.vm_min_pu
            fine &= np.nanmax(vm, axis=1, initial=0.0) <= limits.vm_max_pu
            if thermal:
                fine &= np.nanmax(flow.loading_percent, axis=1, initial=0.0) <= limits.loading_percent
        return np.asarray(fine)


def flow_of(
    network: ElectricNetwork,
    limits: ElectricLimits,
    buses: IntArray,
    kw: FloatArray,
    given: FloatArray | float = 0.0,
) -> PowerFlow:
    """Solve AC power flow for injections (…, n_columns) [kW] at ``buses``, demand with its power factor.

    ``given`` (…, n_bus) is reactive power on top [kvar]. Of many cases those in which controllers opened or closed
    switches count as unsolved, for rows and losses are about the nodes of the network as it is.
    """
    whole = np.zeros((*kw.shape[:-1], network.case.n_bus))
    whole[..., buses] = kw
    return network.power_flow(whole, np.minimum(whole, 0.0) * limits.tan_phi + given).about_own_nodes()


def given_by_controls(flow: PowerFlow, limits: ElectricLimits, buses: IntArray, kw: FloatArray) -> FloatArray | float:
    """Return (n_cases, n_bus) what controllers added to the reactive power that was asked for [kvar]."""
    case = flow.case
    if not case.controlled:
        return 0.0
    first = np.unique(case.bus_node, return_index=True)[1]
    first = first[case.bus_node[first] != NOWHERE]
    asked = np.zeros((len(kw), case.n_node))
    supplied = case.bus_node[buses] != NOWHERE
    np.add.at(asked.T, case.bus_node[buses[supplied]], (np.minimum(kw, 0.0) * limits.tan_phi).T[supplied])
    given = (flow.node_power - case.node_fixed).imag * 1e3 * case.base_mva - asked
    out = np.zeros((len(kw), case.n_bus))
    out[:, first] = np.nan_to_num(given[:, case.bus_node[first]])
    return np.where(np.abs(out) > SAME_KVAR, out, 0.0)
