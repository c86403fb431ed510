"""pandapower nets from JSON and Excel, and what is wrong with the file that holds none."""

from __future__ import annotations

import warnings
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import pandapower as pp
import pandas as pd

from rexnet_grid.electric.pandapower_checks import TABLES, table_issues
from rexnet_grid.electric.pandapower_columns import standard_tables
from rexnet_grid.electric.pandapower_formats import in_todays_format
from rexnet_grid.errors import Issue, NetworkDataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COORDINATES = ("bus_geodata", "line_geodata")
JOINING = ("line", "trafo", "trafo3w", "impedance", "dcline", "switch")
NOT_READ = (
    UserWarning,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ImportError,
    OSError,
    ArithmeticError,
    RecursionError,
    BadZipFile,
    getattr(pp.io_utils, "DeserializationNotAllowed", ValueError),
)


def net_from_json(text: str, where: str) -> Any:
    """Return the net in a JSON text that has been vetted; raises NetworkDataError when it holds none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            net = pp.from_json_string(text, convert=False)
        except NOT_READ as error:
            if "pandapowerNet" not in text:
                hint = "pandapower.to_json writes one"
                raise NetworkDataError([Issue(where, "file", "JSON without one", "a pandapower net", hint)]) from error
            raise NetworkDataError(
                [Issue(where, "file", f"{type(error).__name__}: {error}"[:200], "a pandapower net")]
            ) from error
    if not isinstance(net, pp.pandapowerNet):
        raise NetworkDataError([Issue(where, "file", type(net).__name__, "a pandapower net")])
    return in_todays_format(net, where)


def sheets_of(file: Path) -> dict[str, pd.DataFrame]:
    """Return the sheets of an Excel file as they stand; raises NetworkDataError when it is no workbook."""
    try:
        return dict(pd.read_excel(file, sheet_name=None, index_col=0, engine="openpyxl"))
    except NOT_READ as error:
        raise NetworkDataError(
            [Issue(str(file), "file", f"{type(error).__name__}: {error}"[:200], "an Excel workbook")]
        ) from error


def net_from_excel(file: Path, sheets: Mapping[str, pd.DataFrame]) -> Any:
    """Return the net in an Excel file with these sheets; raises NetworkDataError when one is broken or missing."""
    known = {*standard_tables()}
    issues = _missing_sheets(sheets, known, str(file)) + table_issues(sheets, str(file))
    if issues := issues + _broken_headers(sheets, str(file)):
        raise NetworkDataError(issues)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            net = _net_of(sheets)
        except NOT_READ as error:
            raise NetworkDataError(_unread_sheets(sheets, str(file), error)) from error
    if not isinstance(net, pp.pandapowerNet):
        raise NetworkDataError([Issue(str(file), "file", type(net).__name__, "a pandapower net")])
    return in_todays_format(net if "dtypes" in sheets else _typed(net), str(file))


def _net_of(sheets: Mapping[str, pd.DataFrame]) -> Any:
    """Return the net in sheets that have been vetted; of pandapower 2 also buses' coordinates, at which 3 stops."""
    net = pp.from_dict_of_dfs({name: table.copy() for name, table in sheets.items() if name not in COORDINATES})
    if set(COORDINATES) & sheets.keys():
        net["bus_geodata"], net["line_geodata"] = sheets.get("bus_geodata", pd.DataFrame()), pd.DataFrame()
    return net


def _typed(net: Any) -> Any:
    """Return the net with its columns of the types that pandapower gives them, where a workbook does not tell them."""
    for name, table in standard_tables().items():
        if isinstance(net.get(name), pd.DataFrame):
            types = {column: kind for column, kind in table.dtypes.items() if column in net[name].columns}
            net[name] = net[name].astype(types, errors="ignore")
    return net


def _missing_sheets(sheets: Mapping[str, pd.DataFrame], known: set[str], where: str) -> list[Issue]:
    """Return sheets that are misspelt, that hold nothing, and those that are not there though others tell of them."""
    needed = {"bus", "switch", *TABLES}
    near = {sheet: get_close_matches(sheet, sorted(known), 1, 0.8) for sheet in sheets if sheet not in known}
    meant = {sheet: match[0] for sheet, match in near.items() if match and match[0] not in sheets}
    issues = [
        Issue(where, f"sheet {sheet}", "not a table of pandapower", f"a sheet {table}")
        for sheet, table in meant.items()
    ]
    issues += [
        Issue(
            where, f"sheet {sheet}", "no columns", f"the columns of pandapower's table {sheet}", "is its header gone?"
        )
        for sheet, table in sheets.items()
        if sheet in needed and not len(table.columns)
    ]
    told = sheets["dtypes"].get("element") if "dtypes" in sheets else None
    listed = {str(table) for table in told.dropna()} if told is not None else set()
    gone = sorted((listed & needed) - {*sheets, *meant.values()})
    issues += [Issue(where, f"sheet {table}", "", "the sheet that its sheet dtypes tells of") for table in gone]
    bus = sheets.get("bus")
    if bus is not None and len(bus) > 1 and not {*sheets, *meant.values(), *gone} & {*JOINING}:
        issues.append(Issue(where, "sheet line", "", f"a sheet of what joins buses: {', '.join(JOINING)}"))
    return issues


def _broken_headers(sheets: Mapping[str, pd.DataFrame], where: str) -> list[Issue]:
    """Return headers of no column of pandapower where one that belongs there is missing: told of, or one much like it.

    A column that is only missing is left to those who need it, and one that is only more is the user's own.
    """
    told: dict[str, set[str]] = {}
    if "dtypes" in sheets and {"element", "column"} <= {*sheets["dtypes"].columns}:
        for table, column in zip(sheets["dtypes"]["element"], sheets["dtypes"]["column"], strict=True):
            told.setdefault(str(table), set()).add(str(column))
    issues = []
    for sheet, standard in standard_tables().items():
        if sheet not in sheets:
            continue
        headers = {str(header) for header in sheets[sheet].columns}
        absent = sorted(told.get(sheet, {*standard.columns}) - headers)
        for header in sorted(headers - {*standard.columns} - told.get(sheet, set())):
            meant = absent if sheet in told else get_close_matches(header, absent, 1, 0.8)
            if meant:
                issues.append(Issue(where, f"sheet {sheet}", f"column {header}", f"a column {' or '.join(meant[:4])}"))
    return issues


def _unread_sheets(sheets: Mapping[str, pd.DataFrame], where: str, error: Exception) -> list[Issue]:
    """Return the sheets that pandapower cannot read even alone, else what it said of the file."""
    found = []
    for sheet, table in sheets.items():
        try:
            pp.from_dict_of_dfs({sheet: table.copy()})
        except NOT_READ as fault:
            got = f"{type(fault).__name__}: {fault}"[:120]
            found.append(Issue(where, f"sheet {sheet}", got, "the sheet that pandapower.to_excel writes"))
    expected = "the sheets that pandapower.to_excel writes"
    return found or [Issue(where, "file", f"{type(error).__name__}: {error}"[:200], expected)]
