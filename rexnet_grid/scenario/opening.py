"""From the name of a network in a scenario to the network."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import Issue, NetworkDataError, did_you_mean
from rexnet_grid.resources import builtin_dir

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from rexnet_grid.electric import ElectricDelivery, ElectricNetwork
    from rexnet_grid.rexdynnet import ControlSettings, HeatDelivery, HeatNetwork
    from rexnet_grid.rexdynnet.network import Substation
    from rexnet_grid.scenario.grids import ElectricSection, HeatController, HeatSection
    from rexnet_grid.scenario.models import Scenario


def open_electric(section: ElectricSection, path: Path) -> ElectricNetwork:
    """Return the electric network of a scenario.

    Parameters
    ----------
    section
        The section [electric].
    path
        ``section.network`` as a path, see :meth:`Scenario.path_of`.

    Raises
    ------
    NetworkDataError
        When there is no such network, or it cannot be used.
    MissingExtraError
        When a SimBench network is asked for and simbench is not installed.
    """
    from rexnet_grid.electric import ElectricNetwork

    if section.network.startswith("simbench:"):
        code = section.network.removeprefix("simbench:")
        return ElectricNetwork.from_simbench(code, supply_vm_pu=section.supply_vm_pu, tap_pos=section.tap_pos)
    if path.is_file():
        return ElectricNetwork.from_file(path, supply_vm_pu=section.supply_vm_pu, tap_pos=section.tap_pos)
    return ElectricNetwork.from_builtin(section.network, supply_vm_pu=section.supply_vm_pu, tap_pos=section.tap_pos)


def electric_delivery(scenario: Scenario) -> ElectricDelivery:
    """Return the electric delivery network of a scenario, with its limits.

    Raises
    ------
    NetworkDataError
        When the scenario has no section [electric], or :func:`open_electric` raises it.
    """
    from rexnet_grid.electric import ElectricDelivery, ElectricLimits

    section = scenario.electric
    if section is None:
        raise NetworkDataError([Issue(scenario.name, "electric", "", "a section [electric]")])
    limits = ElectricLimits(
        vm_min_pu=section.voltage_min_pu,
        vm_max_pu=section.voltage_max_pu,
        loading_percent=section.loading_max_percent,
        import_kw=math.inf if section.import_max_kw is None else section.import_max_kw,
        export_kw=math.inf if section.export_max_kw is None else section.export_max_kw,
        margin=scenario.feedback.margin,
        cos_phi=section.power_factor,
    )
    network = open_electric(section, scenario.path_of(section.network))
    known = [str(name) for name in network.branches]
    unknown = [
        Issue(scenario.name, f"electric.secured_against[{k}]", f'"{name}"', "a branch", did_you_mean(name, known))
        for k, name in enumerate(section.secured_against)
        if name not in known
    ]
    if unknown:
        raise NetworkDataError(unknown)
    return ElectricDelivery(network, limits, secured_against=section.secured_against)


def open_heat(section: HeatSection, path: Path) -> HeatNetwork:
    """Return the heat network of a scenario: a folder of CSV files, a pandapipes JSON file, or a built-in one.

    Raises
    ------
    NetworkDataError
        When there is no such network, or it cannot be used.
    """
    from rexnet_grid.rexdynnet import HeatNetwork

    if path.is_dir():
        return HeatNetwork.from_csv(path)
    if path.is_file():
        return HeatNetwork.from_pandapipes(path)
    builtin = builtin_dir("networks") / "heat" / section.network
    if builtin.is_dir():
        return HeatNetwork.from_csv(builtin)
    raise NetworkDataError([Issue(section.network, "heat.network", "not found", "a built-in name, a folder or a file")])


def heat_delivery(scenario: Scenario, outdoor_c: NDArray[np.float64]) -> HeatDelivery:
    """Return the heat delivery network of a scenario, with its limits.

    Parameters
    ----------
    scenario
        The scenario.
    outdoor_c
        Outdoor temperature of every unit [degC], for the supply curve.

    Raises
    ------
    NetworkDataError
        When the scenario has no section [heat], or :func:`open_heat` raises it.
    """
    from rexnet_grid.rexdynnet import HeatDelivery, HeatLimits, SupplyCurve
    from rexnet_grid.rexdynnet.pressure import KeptPressure

    section = scenario.heat
    if section is None:
        raise NetworkDataError([Issue(scenario.name, "heat", "", "a section [heat]")])
    drawn = open_heat(section, scenario.path_of(section.network))
    substations = tuple(_substation(section, s) for s in drawn.substations)
    _need_design_loads(section, drawn)
    back, ends = section.return_temperature_c, section.exchanger
    return HeatDelivery(
        replace(drawn, substations=substations),
        unit_minutes=scenario.info.unit_minutes,
        outdoor_c=outdoor_c,
        ground_c=section.ground_c,
        supply_temperature=SupplyCurve(section.supply_temperature_c.outdoor_c, section.supply_temperature_c.supply_c),
        return_temperature_c=SupplyCurve(back.outdoor_c, back.return_c) if ends is None else None,
        heating_curve=None
        if ends is None
        else SupplyCurve(ends.heating_supply_c.outdoor_c, ends.heating_supply_c.supply_c),
        hot_water_share=0.0 if ends is None else ends.hot_water_share,
        limits=HeatLimits(
            section.velocity_max_m_s,
            section.pump_head_max_pa,
            consumer_pa=section.controller.differential_pressure_min_pa,
            supply_ramp_k=section.controller.ramp_k,
            margin=scenario.feedback.margin,
        ),
        control=_control(section.controller),
        pressure=None if section.pressure is None else KeptPressure(**section.pressure.model_dump()),
    )


def _control(section: HeatController) -> ControlSettings:
    from rexnet_grid.rexdynnet import ControlSettings

    return ControlSettings(
        kind=section.kind,
        horizon_units=section.horizon_units,
        ramp_k=section.ramp_k,
        reserve_k=section.reserve_k,
        head_reserve=section.head_reserve,
        pump_efficiency=section.pump_efficiency,
        heat_price_eur_per_mwh=section.heat_price_eur_per_mwh,
        power_price_eur_per_mwh=section.power_price_eur_per_mwh,
        band_k=section.band_k,
    )


def _need_design_loads(section: HeatSection, network: HeatNetwork) -> None:
    """Refuse exchangers and bypasses where nobody knows what to size them for."""
    sized = [name for name in ("exchanger", "bypass") if getattr(section, name) is not None]
    if not sized:
        return
    issues = [
        Issue(
            network.name,
            f"substation {s.node}, design_heat_kw",
            f"{s.design_heat_kw:g}",
            "above zero, for " + " and ".join(f"heat.{name}" for name in sized),
        )
        for s in network.substations
        if not s.design_heat_kw > 0.0
    ]
    if issues:
        raise NetworkDataError(issues)


def _substation(section: HeatSection, drawn: Substation) -> Substation:
    """Return a substation of the network with the scenario's limit and exchangers."""
    from rexnet_grid.rexdynnet import Emitter, Exchanger
    from rexnet_grid.rexdynnet.emitters import FLOOR, RADIATOR

    drawn = _with_bypass(section, replace(drawn, min_supply_c=section.supply_min_c))
    ends, load = section.exchanger, drawn.design_heat_kw
    if ends is None or not load > 0.0:
        return drawn
    outdoor, wanted = ends.heating_supply_c.outdoor_c[0], ends.heating_supply_c.supply_c[0]
    curve = section.supply_temperature_c
    supply = float(np.interp(outdoor, curve.outdoor_c, curve.supply_c))
    heating = Exchanger.design(load, supply, ends.heating_return_c + ends.approach_k, wanted, ends.heating_return_c)
    emitter = None
    if ends.emitter != "none":
        exponent = FLOOR if ends.emitter == "floor" else RADIATOR
        emitter = Emitter(load, wanted, ends.heating_return_c, ends.room_c, exponent)
    hot_water = None
    if ends.hot_water_share > 0.0:
        coldest, back = min(curve.supply_c), ends.cold_water_c + ends.approach_k
        hot_water = Exchanger.design(load, coldest, back, ends.hot_water_c, ends.cold_water_c)
    return replace(drawn, heating=heating, hot_water=hot_water, emitter=emitter)


def _with_bypass(section: HeatSection, drawn: Substation) -> Substation:
    """Return a substation with the scenario's bypass, sized for its design heat; else with that of the file."""
    if section.bypass is None:
        return drawn
    from rexnet_grid.rexdynnet.exchanger import WATER_J_KGK

    spread = section.supply_temperature_c.supply_c[0] - section.return_temperature_c.return_c[0]
    design_kg_s = 1000.0 * drawn.design_heat_kw / (WATER_J_KGK * spread)
    return replace(drawn, bypass_supply_c=section.bypass.supply_c, bypass_kg_s=section.bypass.share * design_kg_s)
