"""pandapower's own Newton with controllers and reactive limits, where nothing else will do."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandapower as pp
from pandapower.auxiliary import ControllerNotConverged, LoadflowNotConverged
from pandapower.control import run_control
from pandapower.control.basic_controller import Controller
from pandapower.control.run_control import ctrl_variables_default
from pandapower.pypower.idx_gen import GEN_BUS, GEN_STATUS, QMAX, QMIN

from rexnet_grid.electric.case import PV
from rexnet_grid.electric.pandapower_control_checks import controller_label, raise_as_issue
from rexnet_grid.electric.pandapower_inverters import Inverters
from rexnet_grid.electric.pandapower_nets import internal_case, resolved
from rexnet_grid.electric.reactive_limits import ReactiveLimits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.electric.case import FloatArray, GridCase

HELD_PU = 1e-8
TOLERANCE_MVA = 1e-9


def controlled_case(
    net: Any, base: GridCase, kw: FloatArray, kvar: FloatArray
) -> tuple[GridCase, FloatArray, FloatArray] | None:
    """Let the net's controllers and reactive limits act for one injection (by bus, whole); return what they leave.

    ``base`` is the net as arrays. What differs from its own injection is given by inverters that follow it, else added
    as further loads, so the controllers see the asked injection's voltages while they act. Returns the case, and the
    injection with what they added; None when pandapower finds no solution. InputError where it is not clear which
    inverter gives what of it, or a controller fails.
    """
    work = copy.deepcopy(net)
    change_kw, change_kvar = kw - base.base_kw, kvar - base.base_kvar
    inverters = Inverters.of(work, base)
    given_mw = inverters.powers(change_kw, base.bus_id)
    work.sgen["p_mw"] = work.sgen.p_mw.astype(float)
    work.sgen.loc[inverters.row, "p_mw"] = given_mw
    np.subtract.at(change_kw, inverters.at, (given_mw - inverters.p_mw) * inverters.kw_per_mw)
    differs = np.flatnonzero((np.abs(change_kw) > 0.0) | (np.abs(change_kvar) > 0.0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        added = pp.create_loads(
            work, base.bus_id[differs], p_mw=-change_kw[differs] / 1e3, q_mvar=-change_kvar[differs] / 1e3
        )
        try:
            work = _settled(work)
        except (LoadflowNotConverged, ControllerNotConverged):
            return None
        except Exception as error:
            raise_as_issue(work, base.name, error)
            raise
        _release_held(work)
    work.load = work.load.drop(index=added)
    work.controller["in_service"] = False
    work["user_pf_options"] = {k: v for k, v in (work.get("user_pf_options") or {}).items() if k != "enforce_q_lims"}
    case = resolved(work)
    return case, case.base_kw + change_kw, case.base_kvar + change_kvar


class _Witness(Controller):  # type: ignore[misc]
    """Keeps the net as its controllers leave it, before one of them restores what it wrote, as some do at the end.

    Acts first at the end and never before, and stands in no table.
    """

    def __init__(self) -> None:
        self.seen: Any = None

    def is_converged(self, net: Any) -> bool:  # noqa: ARG002 - what pandapower asks
        return True

    def finalize_control(self, net: Any) -> None:
        self.seen = copy.deepcopy(net)


def _settled(net: Any) -> Any:
    """Let the controllers of a net act in it, and return the net as it was solved last, with its results."""
    if not net.controller.in_service.any():
        pp.runpp(net, tolerance_mva=TOLERANCE_MVA)
        return net
    witness, order = _Witness(), ctrl_variables_default(net)
    first, *others = order["controller_order"]
    order["controller_order"] = [[(witness, net), *first], *others]
    run_control(net, order, tolerance_mva=TOLERANCE_MVA)
    return witness.seen


def reactive_limits(net: Any, case: GridCase) -> ReactiveLimits | None:
    """Return what the generators of a net may give, where that is all that acts in it; None where pandapower has to.

    That is beside controllers, where several hold one node, where limits follow active power, where loads at a
    generator depend on the voltage, and for other methods than letting all go at once in Newton's.
    """
    options, controllers = net.get("user_pf_options") or {}, net.get("controller")
    curves, wards = net.get("q_capability_characteristic"), net.xward.in_service.astype(bool)
    acts = controllers is not None and len(controllers) and controllers.in_service.astype(bool).any()
    all_at_once = options.get("enforce_q_lims") == 1 and options.get("algorithm", "nr") == "nr"
    if acts or not all_at_once or "delta" in options or (curves is not None and len(curves)) or wards.any():
        return None
    gen = internal_case(copy.deepcopy(net))["gen"]
    node = gen[:, GEN_BUS].real.astype(np.int64)
    held = np.flatnonzero((gen[:, GEN_STATUS].real > 0.0) & (case.node_kind[node] == PV))
    node, low, high = node[held], 1e3 * gen[held, QMIN].real, 1e3 * gen[held, QMAX].real
    bus = np.array([np.flatnonzero(case.bus_node == k)[:1] for k in node], dtype=np.int64).reshape(-1)
    if len(set(node.tolist())) < len(node) or len(bus) < len(node) or case.node_zip[node].any() or (low > high).any():
        return None
    return ReactiveLimits(case, node, bus, low, high)


def unsettled_controllers(net: Any) -> tuple[str, ...]:
    """Return the controllers of a net that go on acting at its own injection; none where its power flow has none."""
    work = copy.deepcopy(net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pp.runpp(work, run_control=True, tolerance_mva=TOLERANCE_MVA)
        except ControllerNotConverged:
            rows = work.controller.object[work.controller.in_service.astype(bool)]
            return tuple(controller_label(row, c) for row, c in rows.items() if not c.is_converged(work))
        except LoadflowNotConverged:
            pass
    return ()


def _release_held(net: Any) -> None:
    """Turn every generator, and end of a DC line, that reached a reactive limit and lost its voltage to fixed power."""
    for index in net.gen.index[_lost(net.gen, "vm_pu", net.res_gen)]:
        _give(net, net.gen.at[index, "bus"], net.res_gen.at[index, "p_mw"], net.res_gen.at[index, "q_mvar"])
        net.gen.loc[index, "in_service"] = False
    ends = {end: _lost(net.dcline, f"vm_{end}_pu", net.res_dcline) for end in ("from", "to")}
    for k in np.flatnonzero(ends["from"] | ends["to"]):
        index = net.dcline.index[k]
        line, solved = net.dcline.loc[index], net.res_dcline.loc[index]
        for end, lost in ends.items():
            bus, p_mw = int(line[f"{end}_bus"]), -float(solved[f"p_{end}_mw"])
            if lost[k]:
                _give(net, bus, p_mw, -float(solved[f"q_{end}_mvar"]))
            else:
                pp.create_gen(net, bus, p_mw=p_mw, vm_pu=float(line[f"vm_{end}_pu"]))
        net.dcline.loc[index, "in_service"] = False


def _lost(table: Any, held: str, results: Any) -> NDArray[np.bool_]:
    """Return which rows in service have another voltage than they should hold."""
    if not len(table):
        return np.zeros(0, dtype=bool)
    voltage = results.vm_pu if held == "vm_pu" else results[held]
    off = np.abs(voltage.to_numpy(float) - table[held].to_numpy(float)) > HELD_PU
    return np.asarray(off & table.in_service.to_numpy(bool))


def _give(net: Any, bus: int, p_mw: float, q_mvar: float) -> None:
    pp.create_sgen(net, int(bus), p_mw=float(p_mw), q_mvar=float(q_mvar))
