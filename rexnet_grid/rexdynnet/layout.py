"""What the compiled kernels see: arrays in fixed order, grouped in named tuples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rexnet_grid.rexdynnet.bundles import by_address
from rexnet_grid.rexdynnet.parcels import COUNT, MASS, MOST_PARCELS, PIECES, RING, TEMP
from rexnet_grid.rexdynnet.walls import PLACE, PROPERTIES

if TYPE_CHECKING:
    from rexnet_grid.rexdynnet.arrays import FloatArray, IntArray


# Not plain integers: numba compiles a kernel anew for each plain constant it is called with.
SUPPLY: Any = np.int64(0)
RETURN: Any = np.int64(1)
SEARCH = 8
VALVE = 25
RATING = 6
NOT_GIVEN = np.full((1, 1), np.nan)


@by_address
class Layout(NamedTuple):
    """Everything that does not change from step to step; P pipes, N nodes, S substations, G plants, R rows a side.

    ``pipe_from``, ``pipe_to`` (P,) nodes at end A and B; ``row_ptr`` (P+1,) rows of parcels of each pipe;
    ``node_ptr`` (N+1,), ``node_pipe`` pipes at each node; ``diameter_m``, ``length_m``, ``mass_kg``, ``wall_j_k``,
    ``loss_w_k``, ``wall_resistance_k_w``, ``coupling`` (P,) of one pipe on one side; ``drag`` (P, 12) Reynolds number
    per kg/s, 1 / (2 rho A^2), L / D, Haaland's term of the wall, minor losses; of a booster its direction (0 without),
    1 on both sides or 0.5 on one, head without flow, its fall with the flow and with that squared, its
    speed and least head;
    ``cells`` (4, P) into how many a wall is cut at each level, see :mod:`levels`;
    ``tree_node``, ``tree_parent``, ``tree_pipe``, ``island`` (N,) the spanning forest, ``chord`` pipes outside it,
    ``loop_ptr``, ``loop_pipe``, ``loop_sign`` their loops, ``row_start``, ``pair_at``, ``pair_pipe``, ``pair_sign`` the
    pattern of their equations, see :mod:`loops`;
    ``sub_node``, ``sub_max_kg_s`` (S,); ``plant_node``, ``plant_max_w``, ``plant_live`` (G,) with the main plant first,
    ``plant_most_kg_s`` (G,) what a plant without a pump's curve circulates at most;
    ``plant_range_c`` (G, 2) lowest and highest supply temperature;
    ``pump`` (G, 5) see :mod:`pump`; ``lift_pa`` (G,) the head that a controller has chosen, which is not exceeded;
    ``sub_needs_pa`` (S,) pressure that a substation needs; ``least_c`` (N,) below
    which water is of no use at a substation, ``bypass`` (S, 2) what its bypass keeps and lets through [degC, kg/s],
    see :mod:`service`;
    ``fluid`` density, heat capacity, viscosity, conductivity; ``film`` (K, 4) what the film depends on at every whole
    degree from 0 degC, see :func:`fluid.film_table`;
    ``exchanger`` (S, 2, 6) those of heating and hot water, see :mod:`ends`;
    ``boost_pipe``, ``boost_pump`` (B,), (B, 3) the pipes with boosters, and their best efficiency, its flow [kg/s]
    and how many there are of each.
    """

    pipe_from: IntArray
    pipe_to: IntArray
    row_ptr: IntArray
    node_ptr: IntArray
    node_pipe: IntArray
    diameter_m: FloatArray
    length_m: FloatArray
    drag: FloatArray
    mass_kg: FloatArray
    wall_j_k: FloatArray
    loss_w_k: FloatArray
    wall_resistance_k_w: FloatArray
    coupling: FloatArray
    cells: IntArray
    tree_node: IntArray
    tree_parent: IntArray
    tree_pipe: IntArray
    island: IntArray
    chord: IntArray
    loop_ptr: IntArray
    loop_pipe: IntArray
    loop_sign: FloatArray
    row_start: IntArray
    pair_at: IntArray
    pair_pipe: IntArray
    pair_sign: FloatArray
    sub_node: IntArray
    sub_max_kg_s: FloatArray
    plant_node: IntArray
    plant_most_kg_s: FloatArray
    plant_max_w: FloatArray
    plant_range_c: FloatArray
    plant_live: IntArray
    pump: FloatArray
    lift_pa: FloatArray
    sub_needs_pa: FloatArray
    least_c: FloatArray
    bypass: FloatArray
    fluid: FloatArray
    film: FloatArray
    exchanger: FloatArray
    boost_pipe: IntArray
    boost_pump: FloatArray


@by_address
class State(NamedTuple):
    """Everything that does change; side 0 is supply, side 1 return, rows of the return follow those of the supply.

    ``parcel`` (2R, RING, 3) mass, temperature, slope [kg, degC, -]; ``ring`` (2R, 2) start and count; ``wall`` (2R, 2)
    temperature of each cell's wall at its two places from end A on [degC];
    ``node_c`` (2, N) last temperature at the nodes; ``arrive_c`` (S,) expected supply temperature at substations,
    ``opening`` (S,) of their bypasses, 0 to 1;
    ``level`` (2, P) how finely each pipe is resolved; ``moved`` (2, P) 1 where its water last moved towards end B, -1
    towards A, 0 where it has stood; ``flow`` (P,) [kg/s]; ``sign`` (P,) and ``order`` (N,) direction
    of flow and the nodes in its order; ``closed`` (P,), ``stopped`` (G + P,) 1 for pipes that are shut, and
    for plants and pipes whose pumps do not run; ``water_kg`` (P,) what each pipe
    of one side holds.
    """

    parcel: FloatArray
    ring: IntArray
    wall: FloatArray
    node_c: FloatArray
    arrive_c: FloatArray
    opening: FloatArray
    level: IntArray
    moved: IntArray
    flow: FloatArray
    sign: IntArray
    order: IntArray
    closed: IntArray
    stopped: IntArray
    water_kg: FloatArray


@by_address
class Scratch(NamedTuple):
    """Working memory that carries nothing from step to step: all of it may hold anything before one.

    ``cell`` (2, P, PROPERTIES) see :func:`walls.set_cell`; ``piece`` (P + 3, PIECES, 3) lists of pieces: what leaves
    each pipe, two for use inside a pipe, one for a node; ``spread_k`` (N,) by how much the supply changed at each node
    in the step [K]; ``lifted_kg_s`` (G,) the most that pumps of side plants lift; ``valve`` (VALVE, S),
    ``round`` (3,) see :mod:`valves`; ``total`` sums over the pieces of a step.
    """

    piece: FloatArray
    out_n: IntArray
    stream: FloatArray
    cell: FloatArray
    dp_pa: FloatArray
    draw: FloatArray
    source_kg_s: FloatArray
    source_c: FloatArray
    mean_c: FloatArray
    warm_share: FloatArray
    warm_c: FloatArray
    bypass_kg_s: FloatArray
    search: FloatArray
    valve: FloatArray
    round: FloatArray
    spread_k: FloatArray
    total: FloatArray
    sub_kg_s: FloatArray
    most_kg_s: FloatArray
    asked_kg_s: FloatArray
    cut_kg_s: FloatArray
    node_drop_pa: FloatArray
    plant_kg_s: FloatArray
    lifted_kg_s: FloatArray
    plant_c: FloatArray
    rating: FloatArray
    return_c: FloatArray
    wanted_c: FloatArray
    guess_c: FloatArray
    arrived_c: FloatArray
    ground_c: FloatArray
    degree: IntArray
    loop_pa: FloatArray
    slope: FloatArray
    matrix: FloatArray
    profile: FloatArray


@by_address
class Inputs(NamedTuple):
    """Forcing, one row a step; NaN where not given.

    ``dt_s`` (1 or T,); ``heat_w`` (T, S); ``flow_kg_s`` (T, S) measured flow; ``return_c`` (T, S) wanted return
    temperature; ``supply_c`` (T, G) wanted at the plants; ``plant_kg_s`` (T, G) flow of plants beside the main one;
    ``ground_c`` (T, 1 or P). Where a substation has an exchanger, ``return_c`` is the house's own return,
    ``secondary_c`` (1 or T, 1 or S) what its heating wants and ``hot_w`` (1 or T, 1 or S) the part of its heat that is
    hot water.
    """

    dt_s: FloatArray
    heat_w: FloatArray
    flow_kg_s: FloatArray
    return_c: FloatArray
    supply_c: FloatArray
    plant_kg_s: FloatArray
    ground_c: FloatArray
    secondary_c: FloatArray = NOT_GIVEN
    hot_w: FloatArray = NOT_GIVEN


@by_address
class Outputs(NamedTuple):
    """Means over each step; ``ledger`` (T, 5) columns plant, delivered, loss, stored, residual [W].

    ``supply_c``, ``return_c`` (T, N); ``sub_kg_s``, of which ``bypass_kg_s``, ``delivered_w``,
    ``unserved_w`` (T, S); ``pipe_kg_s``, ``dp_pa``
    (T, P) of the supply side, the latter the mean of both where a booster lifts one;
    ``plant_w``, ``plant_kg_s``, ``plant_c`` (T, G); ``head_pa`` (T, 1) drop to the
    worst substation and back; ``plant_head_pa``, ``pump_w`` (T, G) head and electric power of the plants' pumps,
    ``boost_w`` (T, B) power of the boosters;
    ``differential_pa`` (T, S) between supply and return at each substation; ``unsettled`` (T, 1) 1 where the sharing of
    head, the flows of valves or a plant's rating was not settled when the iterations ended.
    """

    supply_c: FloatArray
    return_c: FloatArray
    sub_kg_s: FloatArray
    delivered_w: FloatArray
    unserved_w: FloatArray
    pipe_kg_s: FloatArray
    dp_pa: FloatArray
    plant_w: FloatArray
    plant_kg_s: FloatArray
    plant_c: FloatArray
    head_pa: FloatArray
    plant_head_pa: FloatArray
    pump_w: FloatArray
    boost_w: FloatArray
    differential_pa: FloatArray
    bypass_kg_s: FloatArray
    unsettled: FloatArray
    ledger: FloatArray


PLANT, DELIVERED, LOSS, STORED, RESIDUAL = range(5)


def pair_loss_w_k(layout: Layout) -> FloatArray:
    """Return what each route loses for a kelvin of its supply or of its return alone, (P,) [W/K]; see :mod:`pairs`.

    What a pipe gives to the one beside it, κ of its loss, stays in the network.
    """
    return layout.loss_w_k * (1.0 - layout.coupling)


def widths(layout: Layout) -> tuple[int, ...]:
    """Return how many columns each of the :class:`Outputs` has."""
    pipes, nodes = len(layout.pipe_from), len(layout.node_ptr) - 1
    subs, plants = len(layout.sub_node), len(layout.plant_node)
    boosters = len(layout.boost_pipe)
    ends = (nodes, nodes, subs, subs, subs)
    return (*ends, pipes, pipes, plants, plants, plants, 1, plants, plants, boosters, subs, subs, 1, 5)


def new_scratch(layout: Layout) -> Scratch:
    """Return working memory for a network."""
    pipes, nodes = len(layout.pipe_from), len(layout.node_ptr) - 1
    subs, plants = len(layout.sub_node), len(layout.plant_node)
    return Scratch(
        piece=np.zeros((pipes + 3, PIECES, 3)),
        out_n=np.zeros(pipes, dtype=np.int64),
        stream=np.zeros((2, pipes)),
        cell=np.zeros((2, pipes, PROPERTIES)),
        dp_pa=np.zeros(pipes),
        draw=np.zeros(nodes),
        source_kg_s=np.zeros(nodes),
        source_c=np.zeros(nodes),
        mean_c=np.zeros(nodes),
        warm_share=np.zeros(nodes),
        warm_c=np.zeros(nodes),
        bypass_kg_s=np.zeros(subs),
        search=np.zeros((subs, SEARCH)),
        valve=np.zeros((VALVE, subs)),
        round=np.zeros(3),
        spread_k=np.zeros(nodes),
        total=np.zeros(sum(widths(layout))),
        sub_kg_s=np.zeros(subs),
        most_kg_s=np.zeros(subs),
        asked_kg_s=np.zeros(subs),
        cut_kg_s=np.zeros(subs),
        node_drop_pa=np.zeros(nodes),
        plant_kg_s=np.zeros(plants),
        lifted_kg_s=np.zeros(plants),
        plant_c=np.zeros(plants),
        rating=np.zeros((plants, RATING)),
        return_c=np.zeros(subs),
        wanted_c=np.zeros(subs),
        guess_c=np.zeros(subs),
        arrived_c=np.zeros(subs),
        ground_c=np.zeros(pipes),
        degree=np.zeros(nodes, dtype=np.int64),
        loop_pa=np.zeros(len(layout.chord)),
        slope=np.zeros(pipes),
        matrix=np.zeros(int(layout.row_start[-1])),
        profile=np.zeros((2, MOST_PARCELS, 3)),
    )


def new_outputs(layout: Layout, steps: int) -> Outputs:
    """Return empty results for ``steps`` steps."""
    return Outputs(*(np.zeros((steps, width)) for width in widths(layout)))


def copy_state(state: State) -> State:
    """Return a copy that shares nothing."""
    return State._make(array.copy() for array in state)


def overwrite_state(state: State, source: State) -> None:
    """Copy ``source`` into ``state``."""
    for into, array in zip(state, source, strict=True):
        into[...] = array


def initial_state(
    layout: Layout,
    supply_c: FloatArray,
    return_c: FloatArray,
    supply_end_c: FloatArray,
    return_end_c: FloatArray | None = None,
) -> State:
    """Return pipes filled with water: one temperature a pipe, or a straight line from end A to end B.

    Parameters
    ----------
    layout
        The network.
    supply_c, return_c, supply_end_c, return_end_c
        (P,) temperatures: supply and return at end A, and at end B [degC]; the return's the same when left out.
    """
    return_end_c = return_c if return_end_c is None else return_end_c
    rows = int(layout.row_ptr[-1])
    nodes = len(layout.node_ptr) - 1
    parcel, wall = np.zeros((2 * rows, RING, 3)), np.zeros((2 * rows, 2))
    ring = np.zeros((2 * rows, 2), dtype=np.int64)
    node_c = np.zeros((2, nodes))
    for pipe, (a, b) in enumerate(zip(layout.row_ptr[:-1], layout.row_ptr[1:], strict=True)):
        cells = int(b - a) - 1
        edges = np.concatenate(([0.0], (np.arange(cells) + 0.5) / cells, [1.0]))
        for k in range(int(b - a)):
            width = edges[k + 1] - edges[k]
            for side, (left, right) in enumerate(
                ((supply_c[pipe], supply_end_c[pipe]), (return_c[pipe], return_end_c[pipe]))
            ):
                pieces = 1 if left == right else RING // 2
                share = edges[k] + width * (np.arange(pieces) + 0.5) / pieces
                row = side * rows + a + k
                parcel[row, :pieces, MASS] = layout.mass_kg[pipe] * width / pieces
                parcel[row, :pieces, TEMP] = left + (right - left) * share
                wall[row] = left + (right - left) * (k + np.array([PLACE, 1.0 - PLACE])) / cells
                ring[row, COUNT] = pieces
        for side, (left, right) in enumerate(((supply_c, supply_end_c), (return_c, return_end_c))):
            node_c[side, layout.pipe_from[pipe]] = left[pipe]
            node_c[side, layout.pipe_to[pipe]] = right[pipe]
    return State(
        parcel=parcel,
        ring=ring,
        wall=wall,
        node_c=node_c,
        arrive_c=node_c[0, layout.sub_node].copy(),
        opening=np.zeros(len(layout.sub_node)),
        level=np.zeros((2, len(layout.pipe_from)), dtype=np.int64),
        moved=np.zeros((2, len(layout.pipe_from)), dtype=np.int64),
        flow=np.zeros(len(layout.pipe_from)),
        sign=np.full(len(layout.pipe_from), 2, dtype=np.int64),
        order=np.arange(nodes, dtype=np.int64),
        closed=np.zeros(len(layout.pipe_from), dtype=np.int64),
        stopped=np.zeros(len(layout.plant_node) + len(layout.pipe_from), dtype=np.int64),
        water_kg=layout.mass_kg.copy(),
    )
