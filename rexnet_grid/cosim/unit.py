"""What is known of one unit on one carrier as it moves through the cycle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.cosim.congestion import Congestion
    from rexnet_grid.delivery import NetworkState
    from rexnet_grid.delivery.safety import Action
    from rexnet_grid.prosumers.base import BoolArray, FloatArray, IntArray

Stage = Literal["secure", "realtime"]


@dataclass(frozen=True, slots=True)
class Cut:
    """One action of the safety maintainer, with the account it touched.

    Attributes
    ----------
    stage
        ``"secure"`` at gate closure, ``"realtime"`` after realisation.
    account
        Who was touched.
    action
        What was done, how much and why.
    """

    stage: Stage
    account: int
    action: Action


@dataclass(slots=True)
class UnitOnCarrier:
    """Rates of one unit, by account [kW injection].

    Attributes
    ----------
    unit
        The unit.
    reserved_lots
        Positions when the gate closed [lots].
    balances
        Whether an account balances (operator, external supply) instead of taking part.
    congestion
        What the limits that bound in its trading are worth.
    reserved_kw, secured_kw, realised_kw, delivered_kw
        What was reserved, what the maintainer left of it, what participants really did, what the network carried.
    lowest_kw
        Lowest injection inside the unit, for the floor constraint.
    beyond_kw
        What plants had to put in beyond what they were to, because the water that was drawn took it [kW]; heat only.
    withheld_kw
        Part of the reservation, after the options that were exercised, that was cut or not delivered, non-negative:
        it is compensated, not penalised.
    cuts
        What the maintainer did.
    state
        The delivered state of the network, None before delivery.
    clean
        False when the maintainer could not make a stage clean.
    """

    unit: int
    reserved_lots: IntArray
    reserved_kw: FloatArray
    balances: BoolArray
    congestion: Congestion
    secured_kw: FloatArray = field(init=False)
    realised_kw: FloatArray = field(init=False)
    delivered_kw: FloatArray = field(init=False)
    lowest_kw: FloatArray = field(init=False)
    beyond_kw: FloatArray = field(init=False)
    withheld_kw: FloatArray = field(init=False)
    cuts: list[Cut] = field(default_factory=list)
    state: NetworkState | None = None
    clean: bool = True

    def __post_init__(self) -> None:
        self.secured_kw = self.reserved_kw.copy()
        self.realised_kw = self.reserved_kw.copy()
        self.delivered_kw = self.reserved_kw.copy()
        self.lowest_kw = self.reserved_kw.copy()
        self.beyond_kw = np.zeros_like(self.reserved_kw)
        self.withheld_kw = np.zeros_like(self.reserved_kw)

    def cut_kw(self, kinds: tuple[str, ...]) -> FloatArray:
        """Return by how much actions of these kinds changed each account [kW], non-negative."""
        taken = np.zeros_like(self.reserved_kw)
        for cut in self.cuts:
            if cut.action.kind in kinds:
                taken[cut.account] += cut.action.kw
        return taken

    def supplied_kw(self, state: NetworkState, node: int, seats: IntArray) -> float:
        """Return what the external supply gave at its ``node`` [kW]: what flowed there less what others there did.

        ``seats`` are the nodes of the accounts.
        """
        others = (seats == node) & ~self.balances
        return float(state.injection_kw[node]) - float(self.delivered_kw[others].sum())

    def not_carried_kw(self, consumption: bool) -> FloatArray:
        """Return what each account did and the network did not carry [kW], non-negative; one side only."""
        side = self.realised_kw < 0.0 if consumption else self.realised_kw > 0.0
        beyond = np.maximum(np.abs(self.realised_kw) - np.abs(self.delivered_kw), 0.0)
        return np.where(side & ~self.balances, beyond, 0.0)
