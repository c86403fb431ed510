"""What rows have to charge so that a portfolio that broke a limit would have been stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rexnet_grid.electric.case import FloatArray, IntArray
    from rexnet_grid.electric.crowds import Traded
    from rexnet_grid.electric.row_groups import RowGroups

CAREFUL = 1.1
COLLAPSE = 0.1
SLIGHT = 0.1
OPPOSED_BY = 0.3
MOST_HIDDEN = 0.1
MOST_SHARE = 0.02


@dataclass(slots=True, eq=False)
class Charges:
    """What groups charge more than their rows say.

    Attributes
    ----------
    loading, relief
        (n_groups,) by which share what loads a group counts more, and what relieves it less [-].
    hidden, carried
        (n_groups,) how much less is left per unit of relief and of load in the positions [-].
    singled
        Of some groups (2, n_columns) what falls and rises of single columns take more [unit of the group/kW].
    """

    loading: FloatArray
    relief: FloatArray
    hidden: FloatArray
    carried: FloatArray
    singled: dict[int, FloatArray]

    @classmethod
    def none(cls, n_groups: int) -> Charges:
        """Return no charges."""
        return cls(np.zeros(n_groups), np.zeros(n_groups), np.zeros(n_groups), np.zeros(n_groups), {})

    def any(self) -> bool:
        """Return whether anything is charged."""
        return bool(self.relief.any() or self.hidden.any() or self.singled)

    def add(self, group: int, loading: float, relief: float) -> None:
        """Charge at least these shares."""
        self.loading[group] = max(self.loading[group], loading)
        self.relief[group] = max(self.relief[group], relief)

    def keep_back(self, group: int, hidden: float, carried: float) -> None:
        """Leave at least this much less per unit of relief and of load in the positions."""
        self.hidden[group] = max(self.hidden[group], hidden)
        self.carried[group] = max(self.carried[group], carried)

    def single_out(self, group: int, taken: FloatArray) -> None:
        """Charge single columns at least ``taken`` (2, n_columns)."""
        self.singled[group] = np.maximum(self.singled[group], taken) if group in self.singled else taken

    def joined(self, other: Charges) -> Charges:
        """Return the larger of both, everywhere."""
        both = Charges(
            np.maximum(self.loading, other.loading),
            np.maximum(self.relief, other.relief),
            np.maximum(self.hidden, other.hidden),
            np.maximum(self.carried, other.carried),
            dict(self.singled),
        )
        for group, taken in other.singled.items():
            both.single_out(group, taken)
        return both


@dataclass(frozen=True, slots=True, eq=False)
class Broken:
    """Portfolios that broke limits.

    Attributes
    ----------
    traded
        What was traded.
    before
        (n_portfolios, n_columns) the positions that it was traded about [kW].
    beyond
        (n_rows, n_portfolios) by how much AC breaks each row's limit.
    unsolved
        Those that have no AC solution, or one far beyond a limit, where nothing tells which row was wrong by how much.
    """

    traded: Traded
    before: FloatArray
    beyond: FloatArray
    unsolved: IntArray


def charges_of(
    groups: RowGroups, names: tuple[str, ...], room: FloatArray, broken: Broken, alike: FloatArray
) -> Charges:
    """Return what the groups have to charge to stop ``broken``.

    Of the rows that hold for a broken limit the one that has to charge least does so. If too much was left of it about
    the positions before, it keeps back a share of their relief, or of their relief and load; else relief is worth less
    where there was much of it, or everything counts more. Where that would be more than ``MOST_SHARE`` the row is blind
    to these columns, and only they and those ``alike`` (n_columns, n_columns) are charged, by the least change, in the
    sum of squares, that stops the portfolio. Where AC has no solution, or nearly none, the row that was used most
    keeps a tenth of what it had.
    """
    traded = broken.traded
    left = traded.left
    use = np.maximum(groups.rising, 0.0) @ traded.rises.T + np.maximum(-groups.falling, 0.0) @ traded.falls.T
    relief = np.maximum(-groups.rising, 0.0) @ traded.rises.T + np.maximum(groups.falling, 0.0) @ traded.falls.T
    carried, hidden = groups.used(broken.before)
    charges = Charges.none(len(groups.first))
    for group, k, lacks in _least(groups, names, broken, np.maximum(use + relief, SLIGHT * room[:, None])):
        share = lacks / max(use[group, k] + relief[group, k], SLIGHT * room[group], 1e-9)
        blind = use[group, k] + relief[group, k] == 0.0
        opposed = relief[group, k] >= OPPOSED_BY * use[group, k] and not blind
        if opposed:
            share *= 1.0 + use[group, k] / relief[group, k]
        about = hidden[group, k], hidden[group, k] + carried[group, k]
        if lacks < min(MOST_HIDDEN * about[1], left[group, k]):
            by_relief = lacks < MOST_HIDDEN * about[0]
            share = CAREFUL * lacks / about[0 if by_relief else 1]
            charges.keep_back(group, share, 0.0 if by_relief else share)
        elif blind or share > MOST_SHARE:
            rises, falls = alike @ traded.rises[k], alike @ traded.falls[k]
            per = rises @ traded.rises[k] + falls @ traded.falls[k]
            charges.single_out(group, CAREFUL * lacks / max(per, 1e-300) * np.stack((falls, rises)))
        else:
            charges.add(group, 0.0 if opposed else CAREFUL * share, CAREFUL * share)
    return charges


def _least(
    groups: RowGroups, names: tuple[str, ...], broken: Broken, touched: FloatArray
) -> list[tuple[int, int, float]]:
    """Return group, portfolio and what was lacking, of each broken limit for the group that is least wrong."""
    left, after = broken.traded.left, broken.traded.after
    place = np.argsort(groups.order)
    least: dict[tuple[str, int], tuple[float, int, int, float]] = {}
    for row, k in np.argwhere(broken.beyond > 0.0):
        group = int(np.searchsorted(groups.starts, place[row], side="right")) - 1
        lacks = float(max(after[group, k], 0.0) + broken.beyond[row, k] * groups.scale[place[row]])
        found = (lacks / max(touched[group, k], 1e-9), group, int(k), lacks)
        least[names[row], int(k)] = min(least.get((names[row], int(k)), found), found)
    for k in broken.unsolved:
        used = np.where(left[:, k] > 0.0, (left[:, k] - after[:, k]) / np.maximum(left[:, k], 1e-12), -np.inf)
        group = int(np.argmax(used))
        lacks = float(max(after[group, k], 0.0) + COLLAPSE * max(left[group, k], 0.0))
        least["", int(k)] = (0.0, group, int(k), lacks)
    return [found[1:] for found in least.values()]
