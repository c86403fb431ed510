"""Whether it depends on a power's size that its reading is lost.

What is small may not be sent, what is large may be cut off. As loads last, the steps next to a lost reading tell: their
ranks among all that have a neighbour are compared between those beside a lost reading and those beside one that is
there (Wilcoxon's test), and the squares of all customers' statistics are added up. Stretches that are lost as a whole
count at their ends only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import chi2, rankdata

if TYPE_CHECKING:
    from rexnet_grid.spacemeternet.discretise import FloatArray

_FEWEST = 10
_CHANCE = 1e-6


def lost_by_size(power: FloatArray) -> str:
    """Return ``"small"`` or ``"large"`` where powers (N, n) are lost by their size, or an empty string."""
    z = np.array([_beside_lost(column) for column in np.abs(power).T])
    if chi2.sf(float((z**2).sum()), max(int((z != 0.0).sum()), 1)) > _CHANCE:
        return ""
    return "large" if z.sum() > 0.0 else "small"


def _beside_lost(size: FloatArray) -> float:
    """Return the mean of the two statistics, of the steps before and after; 0 where too few are lost."""
    out = []
    for beside, here in ((size[:-1], size[1:]), (size[1:], size[:-1])):
        known = np.isfinite(beside)
        lost = np.isnan(here[known])
        if min(lost.sum(), (~lost).sum()) < _FEWEST:
            return 0.0
        rank = rankdata(beside[known])
        spread = rank.std() * lost.std() * np.sqrt(len(rank))
        out.append(float(((rank - rank.mean()) * lost).sum() / max(spread, 1e-12)))
    return 0.5 * sum(out)
