r"""Two warm pipes in the ground: side by side in casings of their own, or as a twin pipe in one.

The steady loss of supply (1) and return (2) is linear in their temperatures above the undisturbed ground,

.. math:: q_1 = U_1 \Theta_1 - U_2 \Theta_2, \qquad q_2 = U_1 \Theta_2 - U_2 \Theta_1

(Wallentén 1991, *Steady-state heat loss from insulated pipes*, Lund TVBH-3017; EN 13941-1 annex D). Each pipe so
sees the resistance :math:`1 / U_1` to surroundings that the other one warms by :math:`\kappa \Theta`, with
:math:`\kappa = U_2 / U_1`: ``Pipe.coupling``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.errors import InputError, Issue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.pipe import Pipe

SOIL_W_MK = 1.5
COVER_M = 0.8
ORDER = 10
PLACES = 72
SLIVER = 1e-6


def side_by_side(pipe: Pipe, spacing_m: float, cover_m: float = COVER_M, soil_conductivity: float = SOIL_W_MK) -> Pipe:
    r"""Return a pipe as one of an equal pair in a trench.

    Parameters
    ----------
    pipe
        With its insulation, without soil.
    spacing_m
        Between the casings' axes [m].
    cover_m
        Soil above the casing [m].
    soil_conductivity
        [W/(m K)]; 1.5 is usual, 1.0 dry, 2.0 wet (EN 13941-1).

    Notes
    -----
    With R the pipe's own resistance, the soil's is :math:`R_s = \ln(4 Z / D) / (2 \pi \lambda)`, the mutual one
    :math:`R_m = \ln(1 + (2 Z / E)^2) / (4 \pi \lambda)` (line sources and their images), so that
    :math:`1 / U_1 = R + R_s - R_m^2 / (R + R_s)` and :math:`\kappa = R_m / (R + R_s)`.

    Raises
    ------
    InputError
        When the casings overlap or a number is not above zero.
    """
    casing = pipe.casing_diameter_m
    issues = [
        Issue("pair of pipes", name, str(value), expected)
        for name, value, least, expected in (
            ("spacing_m", spacing_m, casing, f"at least the casing's diameter {casing:.3f} m"),
            ("cover_m", cover_m, 1e-9, "a depth above zero [m]"),
            ("soil_conductivity", soil_conductivity, 1e-9, "above zero [W/(m K)]"),
        )
        if not value >= least
    ]
    if issues:
        raise InputError(issues)
    depth = cover_m + 0.5 * casing
    soil = math.log(4.0 * depth / casing) / (2.0 * math.pi * soil_conductivity)
    mutual = math.log(1.0 + (2.0 * depth / spacing_m) ** 2) / (4.0 * math.pi * soil_conductivity)
    own = pipe.loss_resistance_mk_w + soil
    return replace(pipe, soil_resistance=pipe.soil_resistance + soil - mutual**2 / own, coupling=mutual / own)


def twin(
    pipe: Pipe,
    casing_diameter_m: float,
    gap_m: float,
    cover_m: float = COVER_M,
    soil_conductivity: float = SOIL_W_MK,
) -> Pipe:
    """Return a pipe as one of the two in a twin pipe.

    Parameters
    ----------
    pipe
        Medium pipe and the insulation's conductivity; its insulation thickness is not used.
    casing_diameter_m
        Outer bound of the common insulation [m].
    gap_m
        Between the two medium pipes [m].
    cover_m, soil_conductivity
        See :func:`side_by_side`.

    Raises
    ------
    InputError
        When the two do not fit into the casing.
    """
    outer = 0.5 * pipe.outer_diameter_m
    half = outer + 0.5 * gap_m
    if not (gap_m > 0.0 and half + outer < 0.5 * casing_diameter_m and cover_m > 0.0):
        raise InputError(
            [Issue("twin pipe", "casing_diameter_m, gap_m", f"{casing_diameter_m}, {gap_m}",
                   f"room for two pipes of {2.0 * outer:.4f} m beside each other, some cover")]
        )  # fmt: skip
    together, apart = conductances(
        pipe.insulation_conductivity, soil_conductivity, cover_m + 0.5 * casing_diameter_m, 0.5 * casing_diameter_m,
        outer, half,
    )  # fmt: skip
    own, mutual = 0.5 * (together + apart), 0.5 * (apart - together)
    bare = replace(pipe, insulation_thickness_m=0.0, soil_resistance=1.0, outer_film=None)
    wall = bare.loss_resistance_mk_w - 1.0
    return replace(bare, soil_resistance=1.0 / own - wall, coupling=mutual / own)


@lru_cache(maxsize=256)
def conductances(
    insulation: float, soil: float, depth_m: float, casing_radius_m: float, pipe_radius_m: float, half_m: float
) -> tuple[float, float]:
    r"""Return a twin pipe's loss per pipe, with both at +1 K above ground and with one at +1 K, one at -1 K [W/(m K)].

    Laplace's equation in insulation and soil is solved by multipoles: in the insulation line sources and poles up to
    order 10 at both pipes and a regular series about the casing's axis, in the soil poles at the axis and their images
    above the surface; temperatures and heat flux are matched at 72 places of each circle by least squares (after
    Claesson and Hellström 2011, doi:10.1080/10789669.2011.609927).

    Parameters
    ----------
    insulation, soil
        Conductivities [W/(m K)].
    depth_m, casing_radius_m, pipe_radius_m, half_m
        Depth of the casing's axis, radii of casing and medium pipes, half the distance of their axes [m].
    """
    turn = np.exp(2j * np.pi * np.arange(PLACES) / PLACES)
    edge = casing_radius_m * turn

    def inside(place: NDArray[np.complex128]) -> FloatArray:
        columns = []
        for axis in (half_m, -half_m):
            columns.append(np.log(np.abs(place - axis)))
            columns += _poles(pipe_radius_m / (place - axis))
        return np.array([*columns, np.ones(len(place)), *_poles(place / casing_radius_m)]).T

    def outside(place: NDArray[np.complex128]) -> FloatArray:
        image = np.conj(place) + 2j * depth_m
        poles = zip(_poles(casing_radius_m / place), _poles(casing_radius_m / image), strict=True)
        return np.array([np.log(np.abs(place) / np.abs(image)), *(a - b for a, b in poles)]).T

    step = SLIVER * casing_radius_m
    within, without = inside(edge), outside(edge)
    flux_in = (within - inside(edge * (1.0 - SLIVER))) / step
    flux_out = (outside(edge * (1.0 + SLIVER)) - without) / step
    pipes = [inside(axis + pipe_radius_m * turn) for axis in (half_m, -half_m)]
    none = np.zeros((PLACES, without.shape[1]))
    matrix = np.vstack(
        (
            np.hstack((pipes[0], none)),
            np.hstack((pipes[1], none)),
            np.hstack((within, -without)),
            casing_radius_m / soil * np.hstack((insulation * flux_in, -soil * flux_out)),
        )
    )
    wanted = np.zeros((4 * PLACES, 2))
    wanted[:PLACES] = 1.0
    wanted[PLACES : 2 * PLACES] = (1.0, -1.0)
    sources = np.linalg.lstsq(matrix, wanted, rcond=1e-13)[0][0]
    together, apart = (-2.0 * math.pi * insulation * sources).tolist()
    return together, apart


def _poles(ratio: NDArray[np.complex128]) -> list[FloatArray]:
    powers = [ratio ** (k + 1) for k in range(ORDER)]
    return [part for power in powers for part in (power.real, power.imag)]
