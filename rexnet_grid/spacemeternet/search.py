"""The search for a building's structure: from the zones' own fits to a verdict on every candidate edge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

from rexnet_grid.errors import Issue, MeterDataError
from rexnet_grid.spacemeternet.buildingfit import BuildingFit
from rexnet_grid.spacemeternet.heatnames import names_by_heat
from rexnet_grid.spacemeternet.heavywalls import (
    SURE,
    beside,
    error_of_unknown,
    films_in_series,
    most_of_walls,
    open_doors,
)
from rexnet_grid.spacemeternet.jointfit import fit_nodes
from rexnet_grid.spacemeternet.livedin import VISITS_SEEN, lived_in
from rexnet_grid.spacemeternet.names import Names, unchecked_names
from rexnet_grid.spacemeternet.nametrials import names_on_plan
from rexnet_grid.spacemeternet.nodewise import NodeFit, smoothed
from rexnet_grid.spacemeternet.plausibility import strangers
from rexnet_grid.spacemeternet.rivals import (
    FEW_WITH_PLAN,
    IN_THE_DARK,
    OF_MANY_ZONES,
    WITH_PLAN,
    WITHOUT_PLAN,
    Doubts,
    Strictness,
    doubts,
    restless_edges,
)
from rexnet_grid.spacemeternet.screening import FEW_ZONES, screen
from rexnet_grid.spacemeternet.structure import EdgeVerdict, judge, material_probability
from rexnet_grid.spacemeternet.support import stability
from rexnet_grid.spacemeternet.wholefit import (
    ONE_SIDED,
    W_PER_KW,
    Whole,
    fit_whole,
    scale_error,
    widened,
    with_outer_walls,
)
from rexnet_grid.spacemeternet.zonemodel import ENOUGH_FOR_COMMON, TWO, Pair, ZoneData

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rexnet_grid.spacemeternet.discretise import FloatArray
    from rexnet_grid.spacemeternet.kalman import BoolArray


_MATERIAL_SHARE = 0.2
_FEWEST_HOURS = 72.0
_EARNED = 10.0
_MOST_HIDDEN = 2
_NEARLY_ALL = 0.8
_METERED_SIDES = 3.0


@dataclass(frozen=True, slots=True)
class SearchRules:
    """How edges are judged; see :class:`rexnet_grid.spacemeternet.thermal.ThermalSpaceNet`."""

    states: Literal["auto", 1, 2, 3] = "auto"
    material_w_k: float | None = None
    false_discovery_rate: float = 0.05
    confidence: float = 0.95
    lived_in: bool | Literal["auto"] = "auto"


def search(data: ZoneData, candidates: Iterable[tuple[str, str]] | None, rules: SearchRules) -> BuildingFit:
    """Fit a building and give a verdict on every candidate edge.

    Zones are fitted on their own, with one, two and three states; the sum of their BIC decides, the third has to earn
    its place by ten for each zone. Without a floor plan the pairs are screened first. The whole building is then fitted
    with every candidate edge, starting from the zones' fits. Where residuals stray from white noise, hidden neighbours
    are tried. Where they were needed or residuals stay coloured, and always without a floor plan or with up to eight
    zones, an edge has to show in rivals of the fit too (:mod:`rexnet_grid.spacemeternet.rivals`), or it stays
    undetermined; and where zones have a mass, an absence has to show in both zones' own fits, in white residuals and
    away from open doors, which do not count in what is immaterial either. Rivals are asked about every edge of three
    zones that a floor plan lets touch each other, for they may stand about a space without a meter (a hall), and
    such an edge has to show from both sides. A floor plan of four fifths of all pairs or more is no knowledge, and what
    it lists is judged as if there were none.

    Raises
    ------
    MeterDataError
        If a candidate names a zone that is not there.
    """
    pairs = candidate_pairs(data.zones, candidates)
    kept = pairs if candidates is not None else screen(data, smoothed(data.temperature, data.step), pairs)
    options = _node_fits(data, kept, rules.states)
    nodes = min(options.values(), key=_price)
    whole = fit_whole(data, pairs, kept, nodes)
    few = len(data.zones) <= FEW_ZONES
    tried = rules.lived_in if rules.lived_in != "auto" else few and data.step <= VISITS_SEEN
    whole, simple_or_lived_in = lived_in(whole) if tried else (whole, np.zeros(len(pairs)))
    while whole.white.suspicious and len(data.zones) >= ENOUGH_FOR_COMMON and whole.hidden < _MOST_HIDDEN:
        wider = widened(whole)
        if wider is None or wider.bic >= whole.bic or not wider.white.passes:
            break
        whole = wider
    whole, choice = with_outer_walls(whole)
    unaided = candidates is None or says_nothing(data, pairs)
    material = _material(whole, rules)
    contested = Doubts.none(len(pairs))
    if pairs and (unaided or few or whole.hidden or not whole.white.passes or in_triangles(pairs).any()):
        sides = _sides(kept, pairs, nodes if nodes[0].states > 1 else options.get(2) or fit_nodes(data, kept, 2))
        contested = doubts(whole, sides, _strictness(whole, unaided=unaided), material)
    if nodes[0].states > 1:
        doors = open_doors(whole.conductance, whole.std_error, films_in_series(whole))
        open_ = restless_edges(whole) | (_most(kept, pairs, nodes) >= material) | beside(doors, pairs)
        contested = replace(contested, absent=contested.absent | open_ | (not whole.white.passes))
    names = unchecked_names(data) if unaided else names_on_plan(whole, nodes)
    names = names.also(names_by_heat(data, nodes))
    parts = (contested.spread, simple_or_lived_in, choice, scale_error(whole))
    contested = replace(contested, spread=np.sqrt(np.square(parts).sum(axis=0)))
    verdicts = _verdicts(whole, contested, names, material, rules, dependent=unaided)
    return BuildingFit(data, whole.model, whole.likelihood, whole.fit, whole.curve, verdicts, whole.white, names)


def says_nothing(data: ZoneData, pairs: tuple[Pair, ...]) -> bool:
    """Tell whether a floor plan of three zones and more says no more than that any two of them may touch."""
    zones = len(data.zones)
    return zones > TWO and len(pairs) >= _NEARLY_ALL * zones * (zones - 1) / 2


def in_triangles(pairs: tuple[Pair, ...]) -> BoolArray:
    """Return which pairs (pairs,) a third zone joins at both ends, as zones about a common space do."""
    beside: dict[int, set[int]] = {}
    for i, j in pairs:
        beside.setdefault(i, set()).add(j)
        beside.setdefault(j, set()).add(i)
    return np.array([bool(beside[i] & beside[j]) for i, j in pairs], dtype=bool)


def _node_fits(data: ZoneData, kept: tuple[Pair, ...], states: Literal["auto", 1, 2, 3]) -> dict[int, list[NodeFit]]:
    """Return the zones' own fits with each number of states that is to be tried."""
    fits = {order: fit_nodes(data, kept, order) for order in ((1, 2) if states == "auto" else (min(states, 2),))}
    if states in ("auto", 3):
        fits[3] = fit_nodes(data, kept, 3, fits[2])
    return fits if states == "auto" else {states: fits[states]}


def _strictness(whole: Whole, *, unaided: bool) -> Strictness:
    pairs, many = whole.model.pairs, len(whole.data.zones) > FEW_ZONES
    metered = metered_at_both_ends(whole.data, pairs)
    if not unaided:
        rule = WITH_PLAN if many else FEW_WITH_PLAN
        sides = np.where(metered, rule.sides, WITH_PLAN.sides)
        return replace(rule, sides=np.where(in_triangles(pairs), WITHOUT_PLAN.sides, sides))
    if whole.hidden:
        return IN_THE_DARK
    if many:
        return OF_MANY_ZONES if whole.white.passes else WITHOUT_PLAN
    return replace(WITHOUT_PLAN, sides=np.where(metered, _METERED_SIDES, WITHOUT_PLAN.sides), rest=metered)


def metered_at_both_ends(data: ZoneData, pairs: tuple[Pair, ...]) -> BoolArray:
    """Return which pairs (pairs,) join two zones that each have a heat meter of their own."""
    own = {c.zones[0] for c in data.circuits if c.shared_by == 1}
    return np.array([i in own and j in own for i, j in pairs], dtype=bool)


def _price(nodes: list[NodeFit]) -> float:
    """Return the sum of the zones' BIC, the third state charged ten more in each zone (Kass and Raftery 1995)."""
    return sum(node.bic for node in nodes) + _EARNED * len(nodes) * (nodes[0].states > TWO)


def _sides(kept: tuple[Pair, ...], pairs: tuple[Pair, ...], nodes: list[NodeFit]) -> FloatArray:
    """Return of each pair the smaller of its two z in the zones' own fits; infinite where they did not look."""

    def z(zone: int, other: int) -> float:
        node = nodes[zone]
        at = node.neighbours.index(other)
        return float(node.conductance[at] / max(node.std_error[at], 1e-12))

    looked = set(kept)
    return np.array([min(z(i, j), z(j, i)) if (i, j) in looked else np.inf for i, j in pairs])


def _most(kept: tuple[Pair, ...], pairs: tuple[Pair, ...], nodes: list[NodeFit]) -> FloatArray:
    """Return the largest conductance [W/K] of each pair that either zone's own fit admits; -inf if not looked at."""

    def upper(zone: int, other: int) -> float:
        node = nodes[zone]
        at = node.neighbours.index(other)
        return W_PER_KW * float(node.conductance[at] + ONE_SIDED * node.std_error[at])

    looked = set(kept)
    return np.array([max(upper(i, j), upper(j, i)) if (i, j) in looked else -np.inf for i, j in pairs])


def _material(whole: Whole, rules: SearchRules) -> float:
    """Return below what conductance an edge does not matter [W/K]: a share of the median of those that are sure."""
    if rules.material_w_k or not len(whole.conductance):
        return rules.material_w_k or 0.0
    sure = whole.conductance[whole.conductance > SURE * whole.std_error]
    return _MATERIAL_SHARE * float(np.median(sure if len(sure) else whole.std_error))


def _immaterial(whole: Whole, material: float, rules: SearchRules) -> float:
    """Return below what an absent edge has to be [W/K]: as what is material, but measured by walls, not by open doors.

    Zero where only doors are sure, so that no absence can be stated.
    """
    doors = open_doors(whole.conductance, whole.std_error, films_in_series(whole))
    if rules.material_w_k or not doors.any():
        return material
    walls = whole.conductance[(whole.conductance > SURE * whole.std_error) & ~doors]
    return min(material, _MATERIAL_SHARE * float(np.median(walls))) if len(walls) else 0.0


def candidate_pairs(zones: tuple[str, ...], candidates: Iterable[tuple[str, str]] | None) -> tuple[Pair, ...]:
    """Return the candidate edges as ordered pairs of zone indices; all pairs if there is no floor plan."""
    if candidates is None:
        return tuple(combinations(range(len(zones)), 2))
    issues, pairs = [], set()
    for a, b in candidates:
        if str(a) not in zones or str(b) not in zones or a == b:
            issues.append(Issue("candidate_edges", f"{a}-{b}", "an unknown zone", "two columns of the temperatures"))
        else:
            i, j = zones.index(str(a)), zones.index(str(b))
            pairs.add((min(i, j), max(i, j)))
    if issues:
        raise MeterDataError(issues)
    return tuple(sorted(pairs))


def _verdicts(
    whole: Whole, contested: Doubts, names: Names, material: float, rules: SearchRules, *, dependent: bool
) -> tuple[EdgeVerdict, ...]:
    """Judge every candidate edge; what rivals of the fit do not confirm is left open.

    Without a floor plan (``dependent``) most pairs are no edges and lean on the same temperatures, so that false
    discoveries are held under any dependence (Benjamini and Yekutieli 2001, DOI 10.1214/aos/1013699998).
    """
    data, conductance, std_error = whole.data, whole.conductance, whole.std_error
    if len(conductance) == 0:
        return ()
    support = stability(conductance, std_error, whole.daily)

    def also(pair: Pair, state: str) -> str:
        return "" if state == "undetermined" else names.listed(pair, data.zones)

    def of_rooms(pair: Pair) -> float:
        reached = [pair, *names.others(pair)]
        return float(np.mean([known.get(other, 0.0) for other in reached]))

    rate = rules.false_discovery_rate
    if dependent:
        rate /= float((1.0 / np.arange(1, len(conductance) + 1)).sum())
    std_error = np.hypot(std_error, contested.spread)
    tests = whole.tested()
    slight = _immaterial(whole, material, rules)
    states, probability = judge(conductance, std_error, tests, support, material, rate, rules.confidence, slight)
    doubted = {"present": contested.present, "absent": contested.absent}
    if len(data.temperature) * data.step < _FEWEST_HOURS or strangers(data):
        doubted = dict.fromkeys(doubted, np.ones(len(states), dtype=bool))
    if not data.circuits:  # without a metered power nothing says how large a conductance is
        std_error = np.full(len(states), np.inf)
        doubted["present"] = np.ones(len(states), dtype=bool)
    for state in doubted:
        doubted[state] = doubted[state] | np.array([names.open(pair) for pair in whole.model.pairs], dtype=bool)
    states = tuple(
        "undetermined" if state != "undetermined" and doubted[state][k] else state for k, state in enumerate(states)
    )
    if not dependent or len(data.zones) <= FEW_ZONES:
        unknown = np.array([state == "undetermined" for state in states], dtype=bool)
        wider = error_of_unknown(conductance, std_error, most_of_walls(whole))
        std_error = np.where(unknown, wider, std_error)
        probability = material_probability(conductance, std_error, material)
    known = dict(zip(whole.model.pairs, probability.tolist(), strict=True))
    return tuple(
        EdgeVerdict(
            a=data.zones[i],
            b=data.zones[j],
            state=state,
            conductance_w_k=g,
            std_error=s,
            z=g / s if s > 0 else 0.0,
            probability=p,
            stability=share,
            also_as=also((i, j), state),
            room_probability=of_rooms((i, j)),
        )
        for (i, j), state, g, s, p, share in zip(
            whole.model.pairs,
            states,
            conductance.tolist(),
            std_error.tolist(),
            probability.tolist(),
            support.tolist(),
            strict=True,
        )
    )
