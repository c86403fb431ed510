"""The event log: append-only columns, the truth that book, ledger and statistics are folds of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import InputError
from rexnet_grid.reservex.layout import (
    E_ACCOUNT,
    E_AUX1,
    E_AUX2,
    E_KIND,
    E_LOTS,
    E_ORDER,
    E_PRICE,
    E_UNIT,
    EVENT,
    K_FILL,
    SELL,
    IntArray,
)
from rexnet_grid.reservex.rules import MarketRules

if TYPE_CHECKING:
    import pandas as pd

    from rexnet_grid.units import Carrier

COLUMNS = ("kind", "order", "account", "unit", "price", "lots", "aux1", "aux2")
PHASES = {1: "call", 2: "continuous", 3: "coupling"}
TRADE_COLUMNS = (
    "unit", "price", "lots", "buyer", "seller", "buy_order_id", "sell_order_id", "maker_order_id", "phase",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EventLog:
    """What happened on an exchange, in order.

    Attributes
    ----------
    rows
        (n, 8) int64: kind, order, account, unit, price, lots and two more, see :mod:`rexnet_grid.reservex.layout`.
    names
        (name, node) of each account, in order.
    rules
        The rules of the exchange.
    carrier
        What it trades.
    """

    rows: IntArray
    names: tuple[tuple[str, str], ...]
    rules: MarketRules
    carrier: Carrier

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def prefix(self, events: int) -> EventLog:
        """Return the log as it was after the first ``events`` events."""
        return EventLog(self.rows[:events], self.names, self.rules, self.carrier)

    def trades(self) -> dict[str, IntArray]:
        """Return the trades as columns, in order; ``phase`` is a number, see ``PHASES``."""
        return trade_columns(self.rows)

    def to_parquet(self, path: str | Path) -> None:
        """Write the log to one Parquet file; rules, carrier and names go into its metadata."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table({name: np.ascontiguousarray(self.rows[:, i]) for i, name in enumerate(COLUMNS)})
        about = {"rules": self.rules.as_dict(), "carrier": self.carrier, "names": self.names}
        pq.write_table(table.replace_schema_metadata({"reservex": json.dumps(about)}), Path(path), compression="zstd")

    @classmethod
    def from_parquet(cls, path: str | Path) -> EventLog:
        """Read a log that :meth:`to_parquet` wrote.

        Raises
        ------
        InputError
            When the file is no such log.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(Path(path))
        except (OSError, pa.ArrowInvalid) as error:
            raise InputError(f"{path}: not an event log: {error}") from error
        metadata = table.schema.metadata or {}
        if b"reservex" not in metadata or tuple(table.column_names) != COLUMNS:
            raise InputError(f"{path}: a Parquet file, but not the event log of an exchange")
        about: dict[str, Any] = json.loads(metadata[b"reservex"])
        rows = np.empty((table.num_rows, EVENT), dtype=np.int64)
        for i, name in enumerate(COLUMNS):
            rows[:, i] = table.column(name).to_numpy()
        names = tuple((name, node) for name, node in about["names"])
        return cls(rows, names, MarketRules.from_dict(about["rules"]), about["carrier"])


def trade_columns(rows: IntArray) -> dict[str, IntArray]:
    """Return the trades of log rows as columns named like ``TRADE_COLUMNS``, in order."""
    fills = rows[rows[:, E_KIND] == K_FILL]
    packed = fills[:, E_AUX2]
    taker, maker = fills[:, E_ORDER], fills[:, E_AUX1]
    taker_account, maker_account = fills[:, E_ACCOUNT], packed >> 3
    sells, phase = (packed & 1) == SELL, (packed >> 1) & 3
    maker_id = np.where(phase == 1, np.minimum(taker, maker), maker)
    columns = (
        fills[:, E_UNIT], fills[:, E_PRICE], fills[:, E_LOTS],
        np.where(sells, maker_account, taker_account), np.where(sells, taker_account, maker_account),
        np.where(sells, maker, taker), np.where(sells, taker, maker), maker_id, phase,
    )  # fmt: skip
    return dict(zip(TRADE_COLUMNS, columns, strict=True))


def trade_frame(rows: IntArray) -> pd.DataFrame:
    """Return the trades of log rows as a DataFrame."""
    import pandas as pd

    columns: dict[str, Any] = dict(trade_columns(rows))
    columns["phase"] = pd.Categorical.from_codes(columns["phase"] - 1, categories=pd.Index(PHASES.values()))
    frame = pd.DataFrame(columns)
    frame.attrs.update(price="tick", lots="lot")
    return frame
