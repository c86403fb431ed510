"""One table on disk: a folder of Parquet parts, the same bytes for the same rows.

The options of the writer are fixed here and nothing but the columns with their units enters the files: no time stamp,
no pandas metadata, no order that depends on hashing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rexnet_grid.results.schema import TABLES, Column, is_wide, unit_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_ARROW_TYPES = {
    "int": pa.int64(),
    "float": pa.float64(),
    "text": pa.string(),
    "time": pa.timestamp("us", tz="UTC"),
}
_PART = "part-{:06d}.parquet"


def arrow_schema(table: str, names: Sequence[str]) -> pa.Schema:
    """Return the Arrow schema of a table, each column with its unit in the metadata of the field.

    Parameters
    ----------
    table
        Name of the table.
    names
        Names of the columns that are written.

    Raises
    ------
    ValueError
        When a long table gets other columns than its own, or a wide one lacks ``unit``.
    """
    if is_wide(table):
        if list(names[:1]) != ["unit"]:
            raise ValueError(f'the first column of "{table}" must be "unit", not {list(names[:1])}')
        unit = unit_of(table)
        wide = [Column(name, "float", unit, "") for name in names[1:]]
        return pa.schema([_field(Column("unit", "int", "-", "")), *(_field(column) for column in wide)])
    columns = TABLES[table].columns
    wanted = [column.name for column in columns]
    if sorted(wanted) != sorted(names):
        missing, unknown = [n for n in wanted if n not in names], [n for n in names if n not in wanted]
        raise ValueError(f'columns of "{table}": missing {missing}, unknown {unknown}')
    return pa.schema([_field(column) for column in columns])


def arrow_table(schema: pa.Schema, columns: Mapping[str, Any]) -> pa.Table:
    """Return a table of ``columns`` (name to array or list; NaN and None are empty) in the order of ``schema``."""
    arrays = [pa.array(_plain(columns[field.name]), type=field.type, from_pandas=True) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def write_part(folder: Path, number: int, table: pa.Table) -> None:
    """Write part ``number`` of the table whose folder is ``folder``; it appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / _PART.format(number), table)


def write_rows(path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
    """Write one Parquet file of plain columns with the same fixed options.

    Types follow from the values: a column of numbers with a fraction is float64, one of mixed kinds becomes text.
    """
    _write(path, pa.table({name: _typed(values) for name, values in columns.items()}))


def parts(folder: Path) -> list[Path]:
    """Return the parts of the table whose folder is ``folder``, in order."""
    return sorted(folder.glob("part-*.parquet"))


def drop_parts_from(folder: Path, number: int) -> None:
    """Delete the parts ``number``, ``number + 1`` … of a table."""
    for path in parts(folder):
        if path.name >= _PART.format(number):
            path.unlink()


def read_parts(folder: Path) -> pa.Table:
    """Return all rows of the table whose folder is ``folder``."""
    return pa.concat_tables([pq.ParquetFile(path).read() for path in parts(folder)])


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file by ``content``; a reader sees the old bytes or the new ones, never half of them."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _write(path: Path, table: pa.Table) -> None:
    temporary = path.with_suffix(".tmp")
    pq.write_table(
        table,
        temporary,
        compression="zstd",
        compression_level=3,
        use_dictionary=True,
        write_statistics=True,
        version="2.6",
        data_page_version="1.0",
        row_group_size=1 << 20,
    )
    temporary.replace(path)


def _typed(values: Sequence[Any]) -> pa.Array:
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1:
        return pa.array(values)
    if kinds == {int, float}:
        return pa.array(values, type=pa.float64())
    return pa.array([None if value is None else str(value) for value in values], type=pa.string())


def _plain(values: Any) -> Any:
    """Turn lists of numpy's moments into an array, the only shape in which Arrow reads them."""
    if isinstance(values, list) and values and isinstance(values[0], np.datetime64):
        return np.array(values, dtype="datetime64[us]")
    return values


def _field(column: Column) -> pa.Field:
    metadata = {"unit": column.unit}
    if column.description:
        metadata["description"] = column.description
    return pa.field(column.name, _ARROW_TYPES[column.type], metadata=metadata)
