"""One pipe between a measured inlet and its outlet: the network's own kernels on one supply pipe."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from rexnet_grid.errors import Issue, NetworkDataError
from rexnet_grid.rexdynnet.fluid import FREEZING_C, Fluid
from rexnet_grid.rexdynnet.forcing import LARGEST_KG_S, check_range, check_water, raise_if
from rexnet_grid.rexdynnet.kernel import advance
from rexnet_grid.rexdynnet.layout import Inputs, Layout, copy_state, initial_state, new_outputs, new_scratch
from rexnet_grid.rexdynnet.network import HeatNetwork
from rexnet_grid.rexdynnet.stepcheck import COLDEST_GROUND_C, HOTTEST_GROUND_C

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray
    from rexnet_grid.rexdynnet.pipe import Pipe

FINEST_S = 1.0
MOST_PARTS = 10


def single_layout(pipe: Pipe, fluid: Fluid) -> Layout:
    """Return the layout of a plant and a substation joined by one pipe."""
    graph: nx.Graph[str] = nx.Graph()
    graph.add_node("inlet", kind="plant")
    graph.add_node("outlet", kind="substation", max_mass_flow_kg_s=math.inf)
    graph.add_edge("inlet", "outlet", pipe=pipe)
    return HeatNetwork.from_graph(graph, fluid, "simulate_pipe").layout()


def simulate_pipe(
    pipe: Pipe,
    time_s: Any,
    inlet_c: Any,
    mass_flow_kg_s: Any,
    ambient_c: Any,
    initial_inlet_c: float | None = None,
    initial_outlet_c: float | None = None,
    fluid: Fluid | None = None,
) -> FloatArray:
    """Return the temperature of the water at the outlet of a pipe.

    Parameters
    ----------
    pipe
        The pipe.
    time_s
        (n,) increasing instants [s].
    inlet_c
        (n,) water at the inlet [degC], straight lines between the instants.
    mass_flow_kg_s
        (n,) mass flow, not negative [kg/s].
    ambient_c
        (n,) or a number, temperature of the surroundings [degC].
    initial_inlet_c, initial_outlet_c
        Water and wall at both ends at the start, a straight line between [degC]; the first inlet value when left out.
    fluid
        When left out, water half-way between the coldest and the hottest there is in the pipe or enters, with a film
        at its own temperature.

    Returns
    -------
    ndarray
        (n,) outlet water at ``time_s`` [degC].

    Raises
    ------
    NetworkDataError
        For arrays of different length, NaN, time that does not increase, negative flow, water that would freeze or
        boil, or came to freeze; surroundings outside -60 to 120 degC.
    """
    time = _numbers("time_s", time_s)
    series = {
        name: np.broadcast_to(_numbers(name, value), time.shape) if np.ndim(value) == 0 else _numbers(name, value)
        for name, value in (("inlet_c", inlet_c), ("mass_flow_kg_s", mass_flow_kg_s), ("ambient_c", ambient_c))
    }  # fmt: skip
    _check(time, series, (initial_inlet_c, initial_outlet_c))
    inlet, flow, ambient = series["inlet_c"], series["mass_flow_kg_s"], series["ambient_c"]
    first = float(inlet[0]) if initial_inlet_c is None else initial_inlet_c
    last = first if initial_outlet_c is None else initial_outlet_c
    coldest, hottest = min(first, last, float(inlet.min())), max(first, last, float(inlet.max()))
    fluid = fluid or Fluid.water(0.5 * (coldest + hottest), follows=True)
    layout = single_layout(pipe, fluid)
    state = initial_state(layout, np.array([first]), np.array([first]), np.array([last]))
    gap = np.diff(time)
    parts = np.clip(np.ceil(gap / FINEST_S - 1e-9), 1, MOST_PARTS).astype(np.int64)
    dt = np.repeat(gap / parts, parts)
    edge = np.concatenate(([time[0]], time[0] + np.cumsum(dt)))
    middle = 0.5 * (edge[:-1] + edge[1:])
    rows = len(dt)
    none = np.full((rows, 1), np.nan)
    at_middle = [np.interp(middle, time, values)[:, None] for values in (inlet, flow, ambient)]
    inputs = Inputs(dt, none, at_middle[1], np.full((rows, 1), first), at_middle[0], none, at_middle[2])
    outputs = new_outputs(layout, rows)
    advance(layout, state, copy_state(state), new_scratch(layout), inputs, outputs)
    mean = outputs.supply_c[:, 1]
    if mean.min() < FREEZING_C:
        at = int(np.argmax(mean < FREEZING_C))
        hint = "standing water cools to the surroundings"
        expected = f"at least {FREEZING_C:g} degC"
        raise_if([Issue("simulate_pipe", f"outlet at {middle[at]:g} s", f"{mean[at]:.1f} degC", expected, hint)])
    out = np.empty(len(time))
    out[0] = last
    out[-1] = mean[-1]
    out[1:-1] = between_means(mean, dt)[np.cumsum(parts)[:-1] - 1]
    return out


def between_means(mean: FloatArray, width: FloatArray) -> FloatArray:
    """Return the values (n - 1,) between n neighbouring means over intervals of given width.

    Of fourth order where the course is smooth, and never beyond the two means beside it: equations 1.6 to 1.8 of
    Colella and Woodward, "The piecewise parabolic method", J. Comput. Phys. 54 (1984) 174,
    doi:10.1016/0021-9991(84)90143-8.
    """
    a, w = np.pad(mean, 2, mode="edge"), np.pad(width, 2, mode="edge")
    step, pair = np.diff(a), w[:-1] + w[1:]
    left, right, middle = step[:-1], step[1:], w[1:-1]
    slope = (2.0 * w[:-2] + middle) / pair[1:] * right + (middle + 2.0 * w[2:]) / pair[:-1] * left
    slope *= middle / (pair[:-1] + w[2:])
    steepest = 2.0 * np.minimum(np.abs(left), np.abs(right))
    slope = np.where(left * right > 0.0, np.sign(slope) * np.minimum(np.abs(slope), steepest), 0.0)
    here, there = w[2:-3], w[3:-2]
    both, jump = pair[2:-2], step[2:-2]
    near, far = pair[1:-3] / (2.0 * here + there), pair[3:-1] / (2.0 * there + here)
    curved = 2.0 * there * here / both * (near - far) * jump - here * near * slope[2:-1] + there * far * slope[1:-2]
    value = a[2:-3] + here / both * jump + curved / (pair[1:-3] + pair[3:-1])
    return np.clip(value, np.minimum(a[2:-3], a[3:-2]), np.maximum(a[2:-3], a[3:-2]))


def _numbers(name: str, given: Any) -> FloatArray:
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise NetworkDataError([Issue("simulate_pipe", name, str(error), "numbers")]) from error


def _check(time: FloatArray, series: dict[str, FloatArray], initial: tuple[float | None, float | None]) -> None:
    issues: list[Issue] = []
    for name, value in zip(("initial_inlet_c", "initial_outlet_c"), initial, strict=True):
        if value is not None and not math.isfinite(value):
            issues.append(Issue("simulate_pipe", name, str(value), "a finite temperature"))
        elif value is not None:
            check_water(name, np.array([value]), issues)
    if time.ndim != 1 or len(time) < 2:
        issues.append(Issue("simulate_pipe", "time_s", f"shape {time.shape}", "at least two instants"))
    elif not np.isfinite(time).all():
        at = int(np.argmin(np.isfinite(time)))
        issues.append(Issue("simulate_pipe", f"time_s[{at}]", str(time[at]), "finite numbers"))
    elif not (np.diff(time) > 0.0).all():
        at = int(np.argmin(np.diff(time) > 0.0))
        issues.append(
            Issue(
                "simulate_pipe", f"time_s[{at + 1}]", f"{time[at + 1]:g} after {time[at]:g}", "instants that increase"
            )
        )
    for name, values in series.items():
        if values.shape != time.shape:
            issues.append(Issue("simulate_pipe", name, f"shape {values.shape}", f"shape {time.shape}"))
        elif not np.isfinite(values).all():
            at = int(np.argmin(np.isfinite(values)))
            issues.append(Issue("simulate_pipe", f"{name}[{at}]", str(values[at]), "finite numbers"))
    check_range("mass_flow_kg_s", series["mass_flow_kg_s"], 0.0, LARGEST_KG_S, "kg/s", issues)
    check_water("inlet_c", series["inlet_c"], issues)
    check_range("ambient_c", series["ambient_c"], COLDEST_GROUND_C, HOTTEST_GROUND_C, "degC", issues)
    raise_if(issues)
