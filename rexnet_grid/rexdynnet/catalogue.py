"""Pre-insulated bonded steel pipes: single ones of EN 253 and twin pipes of EN 15698-1, three insulation series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rexnet_grid.errors import InputError, Issue, did_you_mean
from rexnet_grid.rexdynnet.pairs import twin
from rexnet_grid.rexdynnet.pipe import Pipe

if TYPE_CHECKING:
    from collections.abc import Mapping

MILLIMETRE = 1e-3
SERIES = (1, 2, 3)
CASING_MM = 3.0
INSULATION_W_MK = 0.027
STEEL_W_MK = 55.2
STEEL_KG_M3 = 7850.0
STEEL_J_KGK = 480.0
STEEL_ROUGHNESS_M = 5e-5


@dataclass(frozen=True, slots=True)
class Dimension:
    """One nominal diameter.

    Attributes
    ----------
    outer_mm, wall_mm
        Steel service pipe: outer diameter and wall thickness [mm].
    casing_mm
        Outer diameter of the casing in insulation series 1, 2 and 3 [mm].
    """

    outer_mm: float
    wall_mm: float
    casing_mm: tuple[float, float, float]


EN253: Mapping[str, Dimension] = MappingProxyType(
    {
        "DN20": Dimension(26.9, 2.6, (90, 110, 125)),
        "DN25": Dimension(33.7, 2.6, (90, 110, 125)),
        "DN32": Dimension(42.4, 2.6, (110, 125, 140)),
        "DN40": Dimension(48.3, 2.6, (110, 125, 140)),
        "DN50": Dimension(60.3, 2.9, (125, 140, 160)),
        "DN65": Dimension(76.1, 2.9, (140, 160, 180)),
        "DN80": Dimension(88.9, 3.2, (160, 180, 200)),
        "DN100": Dimension(114.3, 3.6, (200, 225, 250)),
        "DN125": Dimension(139.7, 3.6, (225, 250, 280)),
        "DN150": Dimension(168.3, 4.0, (250, 280, 315)),
        "DN200": Dimension(219.1, 4.5, (315, 355, 400)),
        "DN250": Dimension(273.0, 5.0, (400, 450, 500)),
        "DN300": Dimension(323.9, 5.6, (450, 500, 560)),
        "DN350": Dimension(355.6, 5.6, (500, 560, 630)),
        "DN400": Dimension(406.4, 6.3, (560, 630, 710)),
        "DN450": Dimension(457.0, 6.3, (630, 710, 800)),
        "DN500": Dimension(508.0, 6.3, (710, 800, 900)),
        "DN600": Dimension(610.0, 7.1, (800, 900, 1000)),
    }
)
"""Service pipe and casing diameters of EN 253 as makers list them; insulation 0.027 W/(m K), its limit being 0.029 at
50 degC; casing of 3 mm counted as insulation's outer bound.

Checked against isoplus' design catalogue (heating pipe, edition 04/2005: service pipes DN25 to DN600, casings of the
standard class), Avko's list of casings (DN20 to DN400, series 1) and the records of MoSDH (DN65 to DN250, all three
series). They differ from here where makers do: walls of DN20 are 2.3 or 2.6 mm, those of DN25 to DN80 3.2 mm with some;
isoplus puts DN500 into 670 mm and reinforces DN450 to 670 mm, where series 1 and 2 have 710 mm here."""


TWIN_GAP_MM: Mapping[str, float] = MappingProxyType(
    {"DN20": 19, "DN25": 19, "DN32": 19, "DN40": 19, "DN50": 20, "DN65": 20, "DN80": 25, "DN100": 25, "DN125": 30,
     "DN150": 40, "DN200": 45}
)  # fmt: skip
"""Between the two service pipes of a twin pipe [mm], as makers list it."""

EN15698: Mapping[str, Dimension] = MappingProxyType(
    {
        f"twin {name}": Dimension(EN253[name].outer_mm, EN253[name].wall_mm, casing)
        for name, casing in {
            "DN20": (125, 140, 160),
            "DN25": (140, 160, 180),
            "DN32": (160, 180, 200),
            "DN40": (160, 180, 200),
            "DN50": (200, 225, 250),
            "DN65": (225, 250, 280),
            "DN80": (250, 280, 315),
            "DN100": (315, 355, 400),
            "DN125": (400, 450, 500),
            "DN150": (450, 500, 560),
            "DN200": (560, 630, 710),
        }.items()
    }
)
"""Twin pipes of EN 15698-1: both service pipes in one casing. Casings of series 1 and 2 and the gaps are those of
isoplus' standard and reinforced double pipes (as modesto's pipe catalogue of EnergyVille lists them); series 3 is the
next casing of EN 253."""


def catalogue_pipe(name: str, length_m: float, series: int = 2, **overrides: Any) -> Pipe:
    """Return a pre-insulated steel pipe.

    Parameters
    ----------
    name
        ``"DN20"`` to ``"DN600"``, or ``"twin DN20"`` to ``"twin DN200"`` for one of the two pipes of a twin pipe, which
        lies 0.8 m deep in soil of 1.5 W/(m K) and sees the other one.
    length_m
        [m].
    series
        Insulation series 1, 2 or 3.
    **overrides
        Any field of :class:`Pipe` that differs.

    Raises
    ------
    InputError
        When the entry or the series is unknown.
    """
    known = {**EN253, **EN15698}
    if name not in known or series not in SERIES:
        expected = "DN20 to DN600 of EN 253 or twin DN20 to twin DN200 of EN 15698-1, series 1, 2 or 3"
        raise InputError(
            [Issue("catalogue", "catalogue, series", f"{name}, {series}", expected, did_you_mean(name, known))]
        )
    dimension = known[name]
    outside = dimension.casing_mm[series - 1] - 2.0 * CASING_MM
    pipe = Pipe(
        length_m=length_m,
        inner_diameter_m=(dimension.outer_mm - 2.0 * dimension.wall_mm) * MILLIMETRE,
        wall_thickness_m=dimension.wall_mm * MILLIMETRE,
        wall_density=STEEL_KG_M3,
        wall_heat_capacity=STEEL_J_KGK,
        insulation_thickness_m=0.5 * (outside - dimension.outer_mm) * MILLIMETRE,
        insulation_conductivity=INSULATION_W_MK,
        wall_conductivity=STEEL_W_MK,
        roughness_m=STEEL_ROUGHNESS_M,
    )
    if name in EN15698:
        gap = TWIN_GAP_MM[name.removeprefix("twin ")]
        pipe = twin(pipe, outside * MILLIMETRE, gap * MILLIMETRE)
    return replace(pipe, **overrides) if overrides else pipe
