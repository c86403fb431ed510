"""pandapower's own Newton with controllers and reactive limits, where nothing else will do."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandapower as pp
from pandapower.auxiliary import ControllerNotConverged, LoadflowNotConverged

from rexnet_grid.electric.pandapower_control_checks import controller_label, raise_as_issue
from rexnet_grid.electric.pandapower_inverters import Inverters
from rexnet_grid.electric.pandapower_nets import build_case

if TYPE_CHECKING:
    from rexnet_grid.electric.case import FloatArray, GridCase

HELD_PU = 1e-8


def controlled_case(net: Any, kw: FloatArray, kvar: FloatArray) -> tuple[GridCase, FloatArray, FloatArray] | None:
    """Let the net's controllers and reactive limits act for one injection (by bus, whole); return what they leave.

    What differs from the net's own injection is given by inverters that follow it, else added as further loads, so the
    controllers see the asked injection's voltages while they act. Returns the case, and the injection with what they
    added; None when pandapower finds no solution. InputError where it is not clear which inverter gives what of it, or
    a controller fails.
    """
    work = copy.deepcopy(net)
    base = build_case(work)
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
            pp.runpp(work, run_control=True, tolerance_mva=1e-9)
        except (LoadflowNotConverged, ControllerNotConverged):
            return None
        except Exception as error:
            raise_as_issue(work, base.name, error)
            raise
        _release_held(work)
    work.load = work.load.drop(index=added)
    work.controller["in_service"] = False
    work["user_pf_options"] = {k: v for k, v in (work.get("user_pf_options") or {}).items() if k != "enforce_q_lims"}
    case = build_case(work)
    return case, case.base_kw + change_kw, case.base_kvar + change_kvar


def unsettled_controllers(net: Any) -> tuple[str, ...]:
    """Return the controllers of a net that go on acting at its own injection; none where its power flow has none."""
    work = copy.deepcopy(net)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pp.runpp(work, run_control=True, tolerance_mva=1e-9)
        except ControllerNotConverged:
            rows = work.controller.object[work.controller.in_service.astype(bool)]
            return tuple(controller_label(row, c) for row, c in rows.items() if not c.is_converged(work))
        except LoadflowNotConverged:
            pass
    return ()


def _release_held(net: Any) -> None:
    """Turn every generator that reached a reactive limit, and so lost its voltage, into a static one."""
    off = np.abs(net.res_bus.vm_pu.loc[net.gen.bus].to_numpy() - net.gen.vm_pu.to_numpy()) > HELD_PU
    for index in net.gen.index[off & net.gen.in_service.to_numpy(bool)]:
        gen, solved = net.gen.loc[index], net.res_gen.loc[index]
        pp.create_sgen(net, int(gen.bus), p_mw=float(solved.p_mw), q_mvar=float(solved.q_mvar))
        net.gen.loc[index, "in_service"] = False
