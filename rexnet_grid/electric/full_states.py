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
    from rexnet_grid.electric.case import FloatArray, IntArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits
    from rexnet_grid.electric.network import ElectricNetwork
    from rexnet_grid.electric.node_model import NodeModel

SHRINKINGS = 24
SHRINK = 0.9
FACING = 0.6
GROWINGS = 24
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
        under, loading, limits = self._under, self._loading, self._limits
        n = len(under.node)
        over = (limits.vm_max_pu**2 - under.idle**2) / (2.0 * under.idle)
        carried = slice(None) if thermal else slice(0)
        rest = loading.at_rest()[carried]
        return (
            self._full(
                -np.vstack((under.falling[:n], loading.falling[carried])),
                np.append(under.at_rest()[:n], rest),
                -1.0,
                thermal=thermal,
            ),
            self._full(
                np.vstack((-under.rising[:n], loading.rising[carried])), np.append(over, rest), 1.0, thermal=thermal
            ),
        )

    def _full(self, use: FloatArray, room: FloatArray, sign: float, *, thermal: bool) -> FullState:
        """Return the state in which the rows are full, or one with less where AC says that it is too much."""
        supplied = self._columns != NOWHERE
        kw = sign * np.where(supplied, fill(np.where(supplied, use, 0.0), room), 0.0)
        for _ in range(SHRINKINGS):
            flow = self.flow(kw[None, :])
            if self._kept(flow, thermal=thermal):
                return self._grown(FullState(kw, flow), thermal=thermal) if self._holds else FullState(kw, flow)
            kw = SHRINK * kw
        return FullState(np.zeros_like(kw), self.flow(np.zeros((1, len(kw)))))

    def _grown(self, state: FullState, *, thermal: bool) -> FullState:
        """Return a state with more where AC says that there is room: held voltages hold others more than rows tell."""
        for _ in range(GROWINGS):
            kw = state.kw / SHRINK
            flow = self.flow(kw[None, :])
            if not self._kept(flow, thermal=thermal):
                break
            state = FullState(kw, flow)
        return state

    def _kept(self, flow: PowerFlow, *, thermal: bool) -> bool:
        if not np.all(flow.converged):
            return False
        vm = flow.vm_pu[0, self._buses]
        loading = flow.loading_percent[0]
        limits = self._limits
        turned = np.nanmin((flow.node_voltage[0] * np.conj(self._idle)).real / np.abs(self._idle) ** 2)
        return bool(
            turned >= FACING
            and np.nanmin(vm) >= limits.vm_min_pu
            and np.nanmax(vm) <= limits.vm_max_pu
            and (not thermal or np.nanmax(loading, initial=0.0) <= limits.loading_percent)
        )


def flow_of(
    network: ElectricNetwork,
    limits: ElectricLimits,
    buses: IntArray,
    kw: FloatArray,
    given: FloatArray | float = 0.0,
) -> PowerFlow:
    """Solve AC power flow for injections (…, n_columns) [kW] at ``buses``, demand with its power factor.

    ``given`` (…, n_bus) is reactive power on top [kvar].
    """
    whole = np.zeros((*kw.shape[:-1], network.case.n_bus))
    whole[..., buses] = kw
    return network.power_flow(whole, np.minimum(whole, 0.0) * limits.tan_phi + given)


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
