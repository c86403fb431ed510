"""Write a run: Parquet tables in parts while it goes on, a manifest last, a checkpoint to go on from.

The folder of a run::

    manifest.json              what was run; "complete" is false until the last unit is settled
    trades/part-000000.parquet …
    electric/vm_pu/part-000000.parquet …
    log/electricity.parquet    event logs, written by the exchanges
    checkpoint.bin             while the run goes on
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rexnet_grid.errors import OutputError
from rexnet_grid.results.checkpoint import CHECKPOINT, read_checkpoint, write_checkpoint
from rexnet_grid.results.manifest import MANIFEST
from rexnet_grid.results.parts import arrow_schema, arrow_table, drop_parts_from, write_atomically, write_part
from rexnet_grid.results.schema import NETWORK_FOLDERS, SCHEMA_VERSION, TABLES, is_wide

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import ArrayLike, NDArray

REPORT = "report.html"
LOG = "log"


class RunWriter:
    """The writer of one run folder.

    Rows are buffered and go to disk as one part per table at each :meth:`flush`; the bytes depend on the rows and on
    the moments of flushing only, so flush at fixed units.

    Parameters
    ----------
    folder
        The run folder; made if it is not there.
    overwrite
        Delete the run that the folder holds. Files that no run wrote are never deleted.
    header
        What to put into the manifest from the beginning, so that a run killed in the middle can be read: ``start``,
        ``timezone``, ``unit_minutes``, ``rules``, ``scenario`` …
    parts
        Table to the number of parts it has, for a run that goes on; see :meth:`resume`.

    Attributes
    ----------
    folder
        The run folder.

    Raises
    ------
    OutputError
        When the folder holds a run or files of somebody else, or cannot be written. Nothing was changed then.
    """

    def __init__(
        self,
        folder: Path | str,
        overwrite: bool = False,
        header: Mapping[str, Any] | None = None,
        *,
        parts: Mapping[str, int] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._header = dict(header or {})
        self._next_part: dict[str, int] = dict(parts or {})
        self._buffer: dict[str, list[Mapping[str, Any]]] = {}
        self._rows: dict[str, tuple[tuple[str, ...], list[int], list[NDArray[np.float64]]]] = {}
        self._schemas: dict[str, pa.Schema] = {}
        if parts is None:
            _claim(self.folder, overwrite)
        self._write_manifest({}, complete=False)

    @classmethod
    def resume(cls, folder: Path | str) -> tuple[RunWriter, bytes]:
        """Go on with an interrupted run: return its writer and the checkpoint it was given last.

        Parts written after the checkpoint are deleted.

        Raises
        ------
        OutputError
            When the folder holds no interrupted run with a checkpoint.
        """
        path = Path(folder)
        manifest = _read_manifest(path)
        if manifest.get("complete"):
            raise OutputError(f"{path}: this run is complete; there is nothing to resume")
        parts, state = read_checkpoint(path)
        for table in table_folders(path):
            drop_parts_from(path / table, parts.get(table, 0))
        header = {key: value for key, value in manifest.items() if key not in {"complete", "schema_version"}}
        return cls(path, header=header, parts=parts), state

    def append(self, table: str, columns: Mapping[str, Any] | pd.DataFrame) -> None:
        """Add rows to a table.

        Parameters
        ----------
        table
            A name of :data:`rexnet_grid.results.schema.TABLES`, or ``electric/<array>`` or ``heat/<array>``.
        columns
            Column name to an array or list; all of one length; single values are repeated. ``None`` and NaN are
            empty values.

        Raises
        ------
        ValueError
            When the table or one of its columns does not exist, or lengths differ.
        """
        content: dict[str, Any] = dict(columns.items())  # type: ignore[arg-type]
        if table not in self._schemas:
            self._schemas[table] = arrow_schema(table, list(content))
        wanted = self._schemas[table].names
        if len(content) != len(wanted) or any(name not in content for name in wanted):
            raise ValueError(f'columns of "{table}" are {wanted}, not {list(content)}')
        lengths = {len(value) for value in content.values() if _is_column(value)}
        if len(lengths) > 1:
            raise ValueError(f'columns of "{table}" have different lengths: {sorted(lengths)}')
        rows = lengths.pop() if lengths else 1
        if rows:
            repeated = {name: _column(value, rows) for name, value in content.items()}
            self._buffer.setdefault(table, []).append(repeated)

    def append_array(self, table: str, unit: int, names: Sequence[str], values: ArrayLike) -> None:
        """Add one unit's row to the wide table of a network array.

        Parameters
        ----------
        table
            ``electric/<array>`` or ``heat/<array>``, see :func:`rexnet_grid.results.schema.network_table`.
        unit
            The unit.
        names
            What the values are aligned to; the same in every call.
        values
            (len(names),) values, NaN where there is none.

        Raises
        ------
        ValueError
            When the names differ from those of the first call, or the length from theirs.
        """
        row = np.array(values, dtype=np.float64).reshape(-1)
        known, units, rows = self._rows.setdefault(table, (tuple(names), [], []))
        if table not in self._schemas:
            if not is_wide(table):
                raise ValueError(f'"{table}" is not a table of a network array')
            self._schemas[table] = arrow_schema(table, ["unit", *known])
        if known != tuple(names) or len(row) != len(known):
            raise ValueError(f'"{table}" has {len(known)} names fixed by its first row; got {len(row)} values')
        units.append(unit)
        rows.append(row)

    def flush(self) -> None:
        """Write what is buffered, one part per table."""
        for table, chunks in self._buffer.items():
            names = self._schemas[table].names
            self._write(table, {name: _joined([chunk[name] for chunk in chunks]) for name in names})
        for table, (names, units, rows) in self._rows.items():
            if units:
                block = np.stack(rows)
                columns = {name: block[:, i] for i, name in enumerate(names)}
                self._write(table, {"unit": np.array(units, dtype=np.int64), **columns})
                units.clear()
                rows.clear()
        self._buffer = {}

    def write_checkpoint(self, state: bytes) -> None:
        """Flush, then keep ``state`` together with how many parts belong to it; it replaces the last checkpoint."""
        self.flush()
        write_checkpoint(self.folder, self._next_part, state)

    def read_checkpoint(self) -> bytes:
        """Return the state of the last checkpoint.

        Raises
        ------
        OutputError
            When there is none or it is damaged.
        """
        return read_checkpoint(self.folder)[1]

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Flush, drop the checkpoint and write the manifest, whole and last.

        Raises
        ------
        ValueError
            When the manifest holds a number that is not finite.
        """
        self.flush()
        self._write_manifest(manifest, complete=True)
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def interrupt(self, manifest: Mapping[str, Any] | None = None) -> None:
        """Flush what is there and write a manifest that says the run is not complete; a checkpoint stays."""
        self.flush()
        self._write_manifest(manifest or {}, complete=False)

    def _write(self, table: str, columns: Mapping[str, Any]) -> None:
        number = self._next_part.get(table, 0)
        write_part(self.folder / table, number, arrow_table(self._schemas[table], columns))
        self._next_part[table] = number + 1

    def _write_manifest(self, manifest: Mapping[str, Any], complete: bool) -> None:
        content = {"schema_version": SCHEMA_VERSION, "complete": complete, **self._header, **manifest}
        content["complete"] = complete
        text = json.dumps(content, indent=2, allow_nan=False, default=_plain, ensure_ascii=False)
        write_atomically(self.folder / MANIFEST, (text + "\n").encode())


def table_folders(folder: Path) -> list[str]:
    """Return the names of the tables that a run folder holds, sorted."""
    found = [name for name in TABLES if (folder / name).is_dir()]
    for network in NETWORK_FOLDERS.values():
        found += [f"{network}/{path.name}" for path in (folder / network).glob("*") if path.is_dir()]
    return sorted(set(found))


def _claim(folder: Path, overwrite: bool) -> None:
    """Make ``folder`` an empty folder of ours, or refuse."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, not a folder")
    entries = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    if entries:
        is_run = (folder / MANIFEST).is_file() and "schema_version" in _read_manifest(folder)
        own = {MANIFEST, CHECKPOINT, REPORT, LOG, *(name.partition("/")[0] for name in TABLES)}
        own |= {f"{MANIFEST}.tmp", f"{CHECKPOINT}.tmp"}
        foreign = [name for name in entries if name not in own]
        if not is_run or foreign:
            names = ", ".join((foreign or entries)[:3])
            raise OutputError(f"{folder} holds files that no run wrote ({names}); choose another --out")
        if not overwrite:
            raise OutputError(f"{folder} holds another run; choose another --out, or delete it first")
        for name in entries:
            _remove(folder / name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}") from error


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{folder} holds no run: {MANIFEST} is missing or cannot be read") from error
    return content if isinstance(content, dict) else {}


def _is_column(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, str) and np.ndim(value) == 1


def _column(value: Any, rows: int) -> Any:
    """Return a column of its own: a copy of an array, which its owner may go on using, or a value repeated."""
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value.copy()
    return value if _is_column(value) else [value] * rows


def _joined(chunks: list[Any]) -> Any:
    if len(chunks) == 1:
        return chunks[0]
    if all(isinstance(chunk, np.ndarray) for chunk in chunks):
        return np.concatenate(chunks)
    return [value for chunk in chunks for value in chunk]


def _plain(value: Any) -> Any:
    """Turn numpy values, tuples, paths and dates into what JSON knows."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return value.as_posix()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written to {MANIFEST}")
