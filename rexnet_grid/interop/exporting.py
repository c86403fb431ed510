"""A run as CSV files or as one NetCDF file."""

from __future__ import annotations

import csv
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rexnet_grid.errors import InputError, MissingExtraError, OutputError, did_you_mean
from rexnet_grid.results import Results
from rexnet_grid.results.manifest import MANIFEST
from rexnet_grid.results.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

Format = Literal["csv", "netcdf"]

COLUMNS_FILE = "columns.csv"

_FORMATS = ("csv", "netcdf")
_NETCDF_PACKAGES = ("xarray", "h5netcdf", "h5py")


def export_run(folder: Path | str, to: Format = "csv", out: Path | str | None = None) -> Path:
    """Write the tables of a run in another format.

    Parameters
    ----------
    folder
        The run.
    to
        ``"csv"``: a folder with one file a table, times in ISO 8601 with their offset, the manifest, and
        ``columns.csv`` with the unit and meaning of every column. ``"netcdf"``: one NetCDF-4 file, arrays of the
        networks over time in the groups ``electric`` and ``heat``, other tables in groups of their own, units as
        attributes, times in UTC. Needs the extra ``netcdf``.
    out
        Where to; beside the run if not given.

    Returns
    -------
    Path
        The folder or the file.

    Raises
    ------
    InputError
        When the folder holds no run that can be read, or the format is not known.
    OutputError
        When there is something at ``out`` already, or it cannot be written.
    MissingExtraError
        When a package of the extra is not installed.
    """
    if to not in _FORMATS:
        raise InputError(f'"{to}" is not a format; one of {", ".join(_FORMATS)}; {did_you_mean(to, _FORMATS)}')
    results = Results.open(folder)
    if to == "netcdf":
        for package in _NETCDF_PACKAGES:
            if find_spec(package) is None:
                raise MissingExtraError(package, "netcdf")
    name = results.folder.resolve().name
    path = Path(out) if out is not None else results.folder.with_name(f"{name}-csv" if to == "csv" else f"{name}.nc")
    if path.exists() and not (to == "csv" and path.is_dir() and not any(path.iterdir())):
        raise OutputError(f"{path} is there already; choose another --out")
    try:
        _write_csv(results, path) if to == "csv" else _write_netcdf(results, path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def _write_csv(results: Results, path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    with (path / COLUMNS_FILE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "column", "unit", "meaning"))
        for name, frame in _tables(results):
            target = name.replace("/", "_") + ".csv"
            timed = frame.index.name == "time"
            frame.to_csv(path / target, index=timed, date_format="%Y-%m-%dT%H:%M:%S%z")
            writer.writerows((target, *described) for described in _columns(name, frame))
    shutil.copyfile(results.folder / MANIFEST, path / MANIFEST)


def _columns(name: str, frame: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Yield name, unit and meaning of each column."""
    if frame.index.name == "time":
        yield "time", "", "start of the delivery unit"
    if name in TABLES:
        yield from ((c.name, c.unit, c.description) for c in TABLES[name].columns if c.name in frame)
    else:
        yield from ((str(column), str(frame.attrs["unit"]), "") for column in frame.columns)


def _tables(results: Results) -> Iterator[tuple[str, pd.DataFrame]]:
    for name in results.tables:
        yield name, results.table(name)


def _write_netcdf(results: Results, path: Path) -> None:
    import xarray as xr

    head = xr.Dataset(
        attrs={
            "Conventions": "CF-1.8",
            "title": results.manifest.title,
            "source": "rexnet_grid",
            "manifest": (results.folder / MANIFEST).read_text(encoding="utf-8"),
        }
    )
    temporary = path.with_name(path.name + ".tmp")
    head.to_netcdf(temporary, engine="h5netcdf", mode="w")
    for group, dataset in _datasets(results):
        dataset.to_netcdf(temporary, engine="h5netcdf", mode="a", group=group)
    temporary.replace(path)


def _datasets(results: Results) -> Iterator[tuple[str, Any]]:
    """Yield groups: an array of a network as time x element, a long table as one variable a column."""
    import xarray as xr

    for name, frame in _tables(results):
        if name in TABLES:
            columns = frame.reset_index() if frame.index.name == "time" else frame
            variables = {str(c): ("row", _storable(columns[c]), _attributes(name, str(c))) for c in columns.columns}
            yield name, xr.Dataset(variables, attrs={"description": TABLES[name].description})
            continue
        array = name.partition("/")[2]
        times = ("time", _storable(frame.index.to_series()), {"standard_name": "time"})
        elements = ("element", [str(column) for column in frame.columns])
        content = (("time", "element"), frame.to_numpy(), {"units": _udunits(str(frame.attrs["unit"]))})
        yield name, xr.Dataset({array: content}, coords={"time": times, "element": elements})


def _storable(column: pd.Series) -> object:
    """Return a column as NetCDF can hold it: times in UTC without a zone, texts as objects, no text as ''."""
    import pandas as pd

    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    return column.fillna("").to_numpy() if column.dtype == object else column.to_numpy()


def _attributes(table: str, column: str) -> dict[str, str]:
    if column == "time":
        return {"standard_name": "time"}
    found = next(c for c in TABLES[table].columns if c.name == column)
    return {"units": _udunits(found.unit), "long_name": found.description}


def _udunits(unit: str) -> str:
    """Return a unit as UDUNITS writes it."""
    return {"-": "1", "%": "percent", "p.u.": "1", "degC": "degree_Celsius", "W/m2": "W m-2", "kg/s": "kg s-1"}.get(
        unit, unit
    )
