"""Which variants a study runs: all combinations, a Latin hypercube, or independent draws.

Every varied key has a random stream of its own, so that adding a key does not change what is drawn for the others.

References
----------
McKay, Beckman, Conover: A comparison of three methods for selecting values of input variables in the analysis of output
from a computer code. Technometrics 21 (1979) 239-245.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

from rexnet_grid.randomness import Streams
from rexnet_grid.study.models import Range

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from rexnet_grid.study.models import Study, Value


@dataclass(frozen=True, slots=True)
class Variant:
    """One run of a study.

    Attributes
    ----------
    name
        Its name and that of its folder: number of the point and of the seed.
    point
        Number of the point in the design; runs of one point differ in their seed only.
    seed
        Seed of the run; None for the scenario's own.
    overrides
        Values that replace those of the scenario, by dotted key.
    """

    name: str
    point: int
    seed: int | None
    overrides: Mapping[str, Value] = field(default_factory=dict)


def variants(study: Study) -> list[Variant]:
    """Return all runs of a study, in order."""
    points = _grid(study) if study.study.design == "grid" else _drawn(study)
    width = len(str(max(len(points) - 1, 0)))
    runs = []
    for number, point in enumerate(points):
        for seed in _seeds(study, number):
            tail = "" if seed is None else f"-s{seed}"
            runs.append(Variant(f"p{number:0{width}d}{tail}", number, seed, point))
    return runs


def latin_hypercube(rng: np.random.Generator, samples: int) -> NDArray[np.float64]:
    """Return (samples,) numbers in [0, 1), one in each of ``samples`` equal intervals, in random order."""
    return (rng.permutation(samples) + rng.random(samples)) / samples


def pick(choice: tuple[Value, ...] | Range, share: float) -> Value:
    """Return the value of a choice at ``share`` in [0, 1).

    A list gives each value the same room; a range is cut linearly, or linearly in its logarithm:
    exp(ln low + share (ln high - ln low)).
    """
    if not isinstance(choice, Range):
        return choice[int(share * len(choice))]
    if choice.integer:
        low, high = math.ceil(choice.low), math.floor(choice.high)
        if choice.log:
            return min(high, int(math.exp(math.log(low) + share * (math.log(high + 1) - math.log(low)))))
        return low + int(share * (high - low + 1))
    if choice.log:
        return math.exp(math.log(choice.low) + share * (math.log(choice.high) - math.log(choice.low)))
    return choice.low + share * (choice.high - choice.low)


def _grid(study: Study) -> list[dict[str, Value]]:
    lists = [choice for choice in study.vary.values() if not isinstance(choice, Range)]
    return [dict(zip(study.vary, values, strict=True)) for values in product(*lists)]


def _drawn(study: Study) -> list[dict[str, Value]]:
    samples, streams = study.study.samples or 0, Streams(study.study.seed)
    shares = {}
    for key in study.vary:
        rng = streams.generator("study", study.study.design, key)
        hypercube = study.study.design == "latin_hypercube"
        shares[key] = latin_hypercube(rng, samples) if hypercube else rng.random(samples)
    return [{key: pick(choice, float(shares[key][i])) for key, choice in study.vary.items()} for i in range(samples)]


def _seeds(study: Study, point: int) -> tuple[int | None, ...]:
    if study.study.seeds is not None:
        return study.study.seeds
    return (point,) if study.study.design == "monte_carlo" else (None,)
