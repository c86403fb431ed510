"""Start voltages for Newton where generators hold voltages: the angles of a DC power flow."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import MatrixRankWarning, spsolve

from rexnet_grid.electric.case import NOWHERE, SLACK

if TYPE_CHECKING:
    from rexnet_grid.electric.case import ComplexArray, GridCase


def series_admittances(case: GridCase) -> ComplexArray:
    r"""Return (n_edge,) the series admittance of each edge over the size of its turns ratio [p.u.].

    The two-port tells its square, :math:`y_{ft} y_{tf} = (y / |τ|)^2`, with :math:`-y_{ft} = y e^{jφ} / |τ|`; of both
    roots it is the one whose φ is nearer to the difference of the start voltages' angles.
    """
    y = np.sqrt(case.edge_y[:, 1] * case.edge_y[:, 2])
    ahead = case.node_start[case.edge_from] * np.conj(case.node_start[case.edge_to])
    return np.asarray(np.where((-case.edge_y[:, 1] * np.conj(y) * np.conj(ahead)).real < 0.0, -y, y))


def dc_start(case: GridCase, series: ComplexArray) -> ComplexArray:
    r"""Return (n_node,) ``case.node_start`` turned to the angles of a DC power flow of the network's own injections.

    With series reactance x, turns ratio τ and angle φ of an edge the flow is :math:`(θ_f - θ_t - φ) / (τ x)` (Stott,
    Jardim and Alsaç, IEEE Trans. Power Syst. 24 (2009) 1290, doi:10.1109/TPWRS.2009.2021235). Of ``series`` (n_edge,),
    as :func:`series_admittances` gives them for the network before it changed, the directions count. Where there is no
    solution the start stays as it is.
    """
    size = np.sqrt(np.abs(case.edge_y[:, 1] * case.edge_y[:, 2]))
    joins = (case.edge_from != case.edge_to) & (size > 0.0) & (series != 0.0)
    f, t, y = case.edge_from[joins], case.edge_to[joins], series[joins] * (size[joins] / np.abs(series[joins]))
    x = (1.0 / y).imag
    b = 1.0 / np.where(x != 0.0, x, 1.0 / np.abs(y))
    shift = np.angle(-case.edge_y[joins, 1] / y)
    n, alive = len(case.node_kind), case.bus_node != NOWHERE
    power = case.node_fixed.real - case.node_shunt.real
    np.add.at(power, case.bus_node[alive], case.base_kw[alive] / (1e3 * case.base_mva))
    np.add.at(power, f, b * shift)
    np.add.at(power, t, -b * shift)
    rows, columns = np.concatenate((f, t, f, t)), np.concatenate((f, t, t, f))
    matrix = coo_matrix((np.concatenate((b, b, -b, -b)), (rows, columns)), shape=(n, n)).tocsr()
    held, angle = case.node_kind == SLACK, np.angle(case.node_start)
    free = np.flatnonzero(~held)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MatrixRankWarning)
        angle[free] = spsolve(matrix[free][:, free], power[free] - matrix[free][:, held] @ angle[held])
    return np.where(np.isfinite(angle), np.abs(case.node_start) * np.exp(1j * angle), case.node_start)
