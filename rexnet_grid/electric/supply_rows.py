"""What the supply may give and take back, as linear rows in the injections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexnet_grid.electric.limit_rows import AIM, one_way

if TYPE_CHECKING:
    from rexnet_grid.electric.case import FloatArray
    from rexnet_grid.electric.flow import PowerFlow
    from rexnet_grid.electric.limits import ElectricLimits


@dataclass(frozen=True, eq=False)
class SupplyRows:
    """Import and export, where the user set such a limit [kW].

    Import is what is withdrawn less what is injected, and the losses. Export needs no room for losses, for they only
    lessen it; import keeps room for those of the full network, which shrinks as the limit comes nearer.
    """

    names: tuple[str, ...]
    falling: FloatArray
    rising: FloatArray
    sense: FloatArray
    most: FloatArray
    limit: FloatArray
    idle: float
    loss: FloatArray

    @classmethod
    def of(
        cls, limits: ElectricLimits, counts: FloatArray, idle: PowerFlow, full_kw: FloatArray, full: PowerFlow
    ) -> SupplyRows:
        """Return the rows; ``counts`` (n_columns,) is 1 where an injection counts.

        ``full`` is the AC solution of the network full of the demand ``full_kw`` (n_columns,); its losses grow with
        the square of the import.
        """
        wanted = [(s, kw) for s, kw in ((1.0, limits.import_kw), (-1.0, limits.export_kw)) if np.isfinite(kw)]
        sense = np.array([s for s, _ in wanted])
        most = np.array([kw * (1.0 - limits.margin) for _, kw in wanted])
        falling, rising = one_way(-sense[:, None] * counts, -sense[:, None] * counts)
        at_rest = float(np.ravel(idle.grid_import_kw)[0])
        carried = max(float(np.abs(full_kw * counts).sum()), 1e-9)
        extra = max(float(np.ravel(full.grid_import_kw)[0]) - at_rest - carried, 0.0)
        loss = np.where(sense > 0.0, extra * np.minimum(most / carried, 1.0) ** 2, 0.0)
        names = tuple("supply import" if s > 0 else "supply export" for s in sense)
        return cls(
            names,
            falling,
            rising,
            sense,
            most,
            np.array([kw * (1.0 + AIM * limits.margin) for _, kw in wanted]),
            at_rest,
            loss,
        )

    def slack(self, position: FloatArray, flow: PowerFlow) -> FloatArray:  # noqa: ARG002 - what AC says is enough
        """Return what AC leaves, with room for the losses still to come."""
        left = self.most[:, None] - self.sense[:, None] * np.atleast_1d(flow.grid_import_kw)[None, :]
        share = np.clip(left / np.maximum(self.most, 1e-9)[:, None], 0.0, 1.0)
        return np.asarray(left - self.loss[:, None] * share * (2.0 - share))

    def beyond(self, flow: PowerFlow) -> FloatArray:
        """Return by how much import or export is beyond what is allowed."""
        return np.asarray(self.sense[:, None] * np.atleast_1d(flow.grid_import_kw)[None, :] - self.limit[:, None])

    @property
    def kept_back(self) -> None:
        """None: what is left is what AC leaves, but for losses."""
        return None

    def at_rest(self) -> FloatArray:
        """Return what is left without any injection."""
        return self.most - self.sense * self.idle - self.loss
