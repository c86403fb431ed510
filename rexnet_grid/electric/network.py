"""The electric network as the user holds it."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.electric.flow import PowerFlow, cuts_of
from rexnet_grid.electric.injections import as_numbers, first_voltage, in_bus_order, refuse_non_finite
from rexnet_grid.electric.labels import Labelled
from rexnet_grid.electric.origin import Origin
from rexnet_grid.electric.sensitivity import Sensitivities, sensitivities
from rexnet_grid.electric.solver import Solver
from rexnet_grid.errors import InputError, Issue, NetworkDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import pandas as pd

    from rexnet_grid.electric.case import ComplexArray, FloatArray, GridCase, IntArray
    from rexnet_grid.electric.pandapower_controls import Controls
    from rexnet_grid.electric.reactive_limits import ReactiveLimits
    from rexnet_grid.electric.solver import Factor
    from rexnet_grid.electric.taps import TapHold
    from rexnet_grid.electric.wiring import Wiring

NO_START: ComplexArray = np.zeros(0, dtype=np.complex128)
NO_KVAR: FloatArray = np.zeros(0)
FLOAT = np.dtype(np.float64)
PLAIN = 0x1 | 0x100 | 0x400  # numpy's flags: C-contiguous, aligned, writeable


class ElectricNetwork(Labelled):
    """An electric network that answers power flows and sensitivities.

    Parameters
    ----------
    case
        The network as arrays; users build one with :meth:`from_pandapower`, :meth:`from_file`, :meth:`from_builtin` or
        :meth:`from_simbench`.
    source
        The pandapower net itself, where controllers (tap changers, Q(V) inverters) have to act in every case.
    origin
        Where it came from; without it, buses that share a node do not part.
    factor
        The factor of its admittances, where it is known.
    """

    def __init__(
        self, case: GridCase, source: Any = None, origin: Origin | None = None, factor: Factor | None = None
    ) -> None:
        if case.controlled and source is None:
            raise NetworkDataError(f"{case.name}: its controllers need the pandapower net itself")
        self.case = case
        self._source = source
        self._origin = Origin(case) if origin is None else origin
        self.solver = Solver(case, factor)
        self._one = (case.n_bus,)
        self._cuts = cuts_of(case, 1)

    @classmethod
    def from_pandapower(
        cls, net: Any, *, supply_vm_pu: float | None = None, tap_pos: float | None = None
    ) -> ElectricNetwork:
        """Take a pandapower net; it is copied, not changed.

        Parameters
        ----------
        net
            The pandapower net.
        supply_vm_pu
            Voltage of every external grid instead of the net's own [p.u.].
        tap_pos
            Tap position of every transformer with a tap changer instead of the net's own.

        Raises
        ------
        NetworkDataError
            The net cannot be used.
        """
        from rexnet_grid.electric.pandapower_nets import build_case, separate_case, with_options

        net = with_options(net, supply_vm_pu, tap_pos)
        case, held = build_case(net), copy.deepcopy(net)
        if case.controlled:
            return cls(case, held, Origin(case, partial(_held, held), partial(separate_case, held)))
        return cls(case, None, Origin(case, partial(_held, held), partial(_held, separate_case(net))))

    @classmethod
    def from_builtin(
        cls, name: str, *, supply_vm_pu: float | None = None, tap_pos: float | None = None
    ) -> ElectricNetwork:
        """Take a network by name, such as ``"lv_schutterwald:7"``; options as for a pandapower net."""
        from rexnet_grid.electric.catalogue import builtin_apart, builtin_case, builtin_pandapower_net

        case = builtin_case(name, supply_vm_pu, tap_pos)
        read = partial(_read_again, builtin_pandapower_net, name, supply_vm_pu, tap_pos)
        return cls(case, origin=Origin(case, read, partial(builtin_apart, name, supply_vm_pu, tap_pos)))

    @classmethod
    def from_file(
        cls, path: str | Path, *, supply_vm_pu: float | None = None, tap_pos: float | None = None
    ) -> ElectricNetwork:
        """Read a pandapower net from ``.json`` or ``.xlsx``; options as for a pandapower net.

        Raises
        ------
        NetworkDataError
            The file is missing, broken, a pickle, or names modules outside the short list that a net needs.
        """
        from rexnet_grid.electric.files import read_net

        net = read_net(path)
        net["name"] = net.get("name") or Path(path).name
        return cls.from_pandapower(net, supply_vm_pu=supply_vm_pu, tap_pos=tap_pos)

    @classmethod
    def from_simbench(
        cls, code: str, *, supply_vm_pu: float | None = None, tap_pos: float | None = None
    ) -> ElectricNetwork:
        """Take a SimBench grid by its code; needs the extra ``simbench``."""
        from rexnet_grid.electric.simbench_grids import simbench_apart, simbench_case, simbench_net

        case = simbench_case(code, supply_vm_pu, tap_pos)
        read = partial(_read_again, simbench_net, code, supply_vm_pu, tap_pos)
        return cls(case, origin=Origin(case, read, partial(simbench_apart, code, supply_vm_pu, tap_pos)))

    @cached_property
    def branch_table(self) -> pd.DataFrame:
        """Kind, end buses and rating (line: kA, transformer: kVA) of every branch."""
        import pandas as pd

        case = self.case
        columns = {
            "kind": case.branch_kind,
            "from_bus": case.branch_from,
            "to_bus": case.branch_to,
            "rating": case.branch_rating,
        }
        return pd.DataFrame(columns, index=self.branches)

    @cached_property
    def loads(self) -> pd.DataFrame:
        """The loads of the network's own table: name, bus, type, consumption [kW], [kvar]."""
        import pandas as pd

        c = self.case
        return pd.DataFrame(
            {"name": c.load_name, "bus": c.load_bus, "type": c.load_kind, "kw": c.load_kw, "kvar": c.load_kvar}
        )

    @cached_property
    def generators(self) -> pd.DataFrame:
        """The static generators of the network's own table: name, bus, type, unscaled active power [kW]."""
        import pandas as pd

        c = self.case
        return pd.DataFrame({"name": c.sgen_name, "bus": c.sgen_bus, "type": c.sgen_kind, "kw": c.sgen_kw})

    @cached_property
    def storages(self) -> pd.DataFrame:
        """The storages of the network's own table: name, bus, largest rate [kW], capacity [kWh], content over it."""
        import pandas as pd

        c = self.case
        columns = {"name": c.storage_name, "bus": c.storage_bus, "kw": c.storage_kw, "kwh": c.storage_kwh}
        return pd.DataFrame({**columns, "share": c.storage_share})

    @cached_property
    def steady(self) -> pd.DataFrame:
        """All others of the network's own tables with a power of their own: name, element, bus, injection [kW].

        Motors, the constant power of wards, generators that hold a voltage, ends of DC lines, storages without a
        capacity, loads and static generators below zero.
        """
        import pandas as pd

        c = self.case
        columns = {"name": c.steady_name, "element": c.steady_element, "bus": c.steady_bus, "kw": c.steady_kw}
        return pd.DataFrame(columns)

    def bus_xy(self) -> FloatArray:
        """Return (n_bus, 2) longitude and latitude [deg]; NaN where unknown."""
        return np.column_stack((self.case.bus_lon, self.case.bus_lat))

    def base_injection(self) -> tuple[FloatArray, FloatArray]:
        """Return the injection [kW], [kvar] by bus that the network's own tables hold."""
        return self.case.base_kw.copy(), self.case.base_kvar.copy()

    def power_flow(self, injection_kw: Any, injection_kvar: Any = None, *, start: PowerFlow | None = None) -> PowerFlow:
        """Solve AC power flow.

        Parameters
        ----------
        injection_kw, injection_kvar
            (n_bus,) or (n_cases, n_bus) the whole injection, positive into the network, at nominal voltage; no kvar
            means zero. A Series or the columns of a DataFrame name every bus once, in any order; a Series that does not
            is refused, also one of the right length that was never labelled: its numbers are then meant as an array. At
            slack buses it is what sits there beside the external grid.
        start
            An earlier result to start from.

        Returns
        -------
        PowerFlow
            ``converged`` is False, and the values are NaN, in every case without a solution.

        Raises
        ------
        InputError
            NaN, infinite or misshapen injections, labels that are not the buses.
        """
        kw = self._checked(injection_kw, "injection_kw")
        kvar = NO_KVAR if injection_kvar is None else self._checked(injection_kvar, "injection_kvar", kw.shape)
        if self.case.controlled:
            return self._controlled_flow(kw, kvar)
        first = NO_START if start is None else first_voltage(self.name, start, self.case.n_node)
        if kw.ndim == 1:
            results, lost = self.solver.run(kw, kvar, first, 1)
            if lost < 0:
                refuse_non_finite(self, kw, kvar)
            return PowerFlow(self.case, results, self._cuts, lost == 0)
        cases = len(kw)
        results, lost = self.solver.run(kw.reshape(-1), kvar.reshape(-1), first, cases)
        if lost < 0:
            refuse_non_finite(self, kw, kvar)
        return PowerFlow(self.case, results, cuts_of(self.case, cases), results[len(results) - cases :] >= 0.0)

    def sensitivities(self, flow: PowerFlow) -> Sensitivities:
        """Return how voltages, loadings and losses answer to injections at the operating point ``flow``.

        Raises
        ------
        InputError
            ``flow`` holds many cases, or did not converge.
        """
        if np.ndim(flow.converged) != 0 or not flow.converged:
            raise InputError(f"{self.name}: sensitivities need one converged power flow")
        solver = self.solver if flow.case is self.case else Solver(flow.case)
        return sensitivities(flow.case, solver, flow)

    def changed(
        self, out: Sequence[str] = (), taps: Mapping[str, float] | None = None, closed: Sequence[str] = ()
    ) -> ElectricNetwork:
        """Return the network with branches out, switches open or closed and taps moved.

        Only the columns of the factor behind what changes are made anew, and no table is read.

        Parameters
        ----------
        out
            Names of branches to disconnect at both ends, such as ``"line 3"``, and of closed switches to open, such as
            ``"switch 5"``.
        taps
            Tap position by transformer name.
        closed
            Names of open switches to close, and of branches out of service, or out by an earlier change, to bring back.

        Raises
        ------
        InputError
            Names that are no list of names.
        NetworkDataError
            An unknown branch, switch or tap position.

        Notes
        -----
        Where loads that depend on the voltage, or supplies of different voltage, come together on one node, pandapower
        says what becomes of them: it converts the changed net anew, as it does where controllers act in the net.
        """
        origin = self._origin.then(out, taps or {}, closed)
        if self.case.controlled:
            net = origin.net()
            return ElectricNetwork(origin.converted(net), net, origin)
        case, factor = origin.changed()
        return ElectricNetwork(case, origin=origin, factor=factor)

    @property
    def wiring(self) -> Wiring:
        """What makes every state of the network's branches, switches and taps."""
        return self._origin.wiring

    def at_constant_power(self) -> ElectricNetwork:
        """Return the network whose injections are what flows at the voltages found, not at nominal voltage."""
        if not self.case.node_zip.any():
            return ElectricNetwork(self.case, self._source, self._origin.at_constant_power(), self.solver.factor)
        source = None
        if self._source is not None:
            from rexnet_grid.electric.pandapower_tables import without_voltage_dependence

            source = without_voltage_dependence(self._source)
        case = replace(self.case, node_zip=np.zeros_like(self.case.node_zip))
        return ElectricNetwork(case, source, self._origin.at_constant_power(), self.solver.factor)

    def tap_holds(self) -> tuple[TapHold, ...]:
        """Return what controllers of tap changers keep; nothing where only pandapower can let them act."""
        controls = self._controls if self.case.controlled else None
        return () if controls is None else controls.tap_holds()

    def supports(self) -> tuple[IntArray, FloatArray]:
        """Return positions of buses whose inverters follow Q(V), and the most that they give for it [kvar/p.u.]."""
        controls = self._controls if self.case.controlled else None
        return (np.zeros(0, dtype=np.int64), np.zeros(0)) if controls is None else controls.supports()

    @property
    def acts_slowly(self) -> bool:
        """Whether controllers act in every power flow; reactive limits alone take little more than the power flow."""
        return bool(self.case.controlled) and self._reactive_limits is None

    def unsettled(self) -> tuple[str, ...]:
        """Return the names of controllers that come to no rest at the net's own injection."""
        if not self.case.controlled:
            return ()
        if self._controls is not None:
            return self._controls.unsettled(*self.base_injection())
        from rexnet_grid.electric.pandapower_runs import unsettled_controllers

        return unsettled_controllers(self._source)

    def rests(self) -> bool:
        """Return whether there is an AC solution while nobody injects; generators that hold voltages may leave none."""
        return bool(self.power_flow(np.zeros(self.case.n_bus)).converged)

    def uncontrolled(self) -> ElectricNetwork:
        """Return the network with its controllers at rest; itself where it has none."""
        return self.with_taps_held(self.case) if self.case.controlled else self

    def with_taps_held(self, case: GridCase, elements: Collection[str] = ()) -> ElectricNetwork:
        """Return ``case``, the same network but for taps and kinds of nodes, with no controllers but these taps'."""
        if not elements:
            return ElectricNetwork(replace(case, controlled=0))
        from rexnet_grid.electric.pandapower_controls import with_tap_controls

        return ElectricNetwork(case, with_tap_controls(self._source, elements))

    def _controlled_flow(self, kw: FloatArray, kvar: FloatArray) -> PowerFlow:
        """Let the net's own controllers act in every case, then solve the network that they leave."""
        refuse_non_finite(self, kw, kvar)
        kvar = kvar if kvar.size else np.zeros(kw.shape)
        if self._reactive_limits is not None:
            return self._reactive_limits.flow(kw, kvar)
        if kw.ndim == 1:
            return self._settled(kw, kvar)
        many = None if self._controls is None else self._controls.settle_all(kw, kvar)
        if many is None:
            many = PowerFlow.stacked(self.case, [self._settled(p, q) for p, q in zip(kw, kvar, strict=True)])
        return many

    def _settled(self, kw: FloatArray, kvar: FloatArray) -> PowerFlow:
        nothing = PowerFlow(self.case, np.full(self._cuts[-1], np.nan), self._cuts, converged=False)
        if self._controls is not None:
            found = self._controls.settle(kw, kvar)
            return nothing if found is None else PowerFlow(found[0], found[1], self._cuts, converged=True)
        from rexnet_grid.electric.pandapower_runs import controlled_case

        settled = controlled_case(self._source, self.case, kw, kvar)
        return nothing if settled is None else ElectricNetwork(settled[0]).power_flow(settled[1], settled[2])

    @cached_property
    def _controls(self) -> Controls | None:
        """The net's controllers about our own power flow; None where only pandapower can let them act."""
        from rexnet_grid.electric.pandapower_controls import Controls

        return Controls(self._source, self.case) if Controls.can(self._source, self.case) else None

    @cached_property
    def _reactive_limits(self) -> ReactiveLimits | None:
        """What generators may give about our own power flow; None where more acts than that."""
        from rexnet_grid.electric.pandapower_runs import reactive_limits

        return reactive_limits(self._source, self.case)

    def _checked(self, values: Any, key: str, shape: tuple[int, ...] | None = None) -> FloatArray:
        """Return ``values`` as the compiled code takes them; whether they are finite is seen there."""
        array = values
        if type(array) is not np.ndarray or array.dtype is not FLOAT:
            array = as_numbers(self.name, in_bus_order(self.name, values, key, self.buses), key)
        got = array.shape
        if (got != self._one and (len(got) != 2 or got[1:] != self._one)) or (shape is not None and got != shape):
            n = self.case.n_bus
            wanted = f"shape ({n},) or (n_cases, {n})" if shape is None else f"shape {shape}, as injection_kw"
            raise InputError([Issue(self.name, key, f"shape {got}", wanted)])
        return array if array.flags.num & PLAIN == PLAIN else np.array(array, order="C")


def _held(net: Any) -> Any:
    return net


def _read_again(read: Callable[[str], Any], name: str, supply_vm_pu: float | None, tap_pos: float | None) -> Any:
    from rexnet_grid.electric.pandapower_nets import with_options

    return with_options(read(name), supply_vm_pu, tap_pos)
