"""pandapower nets from JSON and Excel, and what is wrong with the file that holds none."""

from __future__ import annotations

import warnings
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import pandapower as pp
import pandas as pd

from rexnet_grid.electric.pandapower_checks import table_issues
from rexnet_grid.errors import Issue, NetworkDataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


NOT_READ = (
    UserWarning,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ImportError,
    OSError,
    BadZipFile,
    getattr(pp.io_utils, "DeserializationNotAllowed", ValueError),
)


def net_from_json(text: str, where: str) -> Any:
    """Return the net in a JSON text that has been vetted; raises NetworkDataError when it holds none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            net = pp.from_json_string(text, convert=True)
        except NOT_READ as error:
            if "pandapowerNet" not in text:
                hint = "pandapower.to_json writes one"
                raise NetworkDataError([Issue(where, "file", "JSON without one", "a pandapower net", hint)]) from error
            raise NetworkDataError(
                [Issue(where, "file", f"{type(error).__name__}: {error}"[:200], "a pandapower net")]
            ) from error
    if not isinstance(net, pp.pandapowerNet):
        raise NetworkDataError([Issue(where, "file", type(net).__name__, "a pandapower net")])
    return net


def sheets_of(file: Path) -> dict[str, pd.DataFrame]:
    """Return the sheets of an Excel file as they stand; raises NetworkDataError when it is no workbook."""
    try:
        return dict(pd.read_excel(file, sheet_name=None, index_col=0, engine="openpyxl"))
    except NOT_READ as error:
        raise NetworkDataError(
            [Issue(str(file), "file", f"{type(error).__name__}: {error}"[:200], "an Excel workbook")]
        ) from error


def net_from_excel(file: Path, sheets: Mapping[str, pd.DataFrame]) -> Any:
    """Return the net in an Excel file with these sheets; raises NetworkDataError when one is broken."""
    known = {name for name, table in pp.create_empty_network().items() if isinstance(table, pd.DataFrame)}
    near = {sheet: get_close_matches(sheet, sorted(known), 1, 0.8) for sheet in sheets if sheet not in known}
    issues = [
        Issue(str(file), f"sheet {sheet}", "not a table of pandapower", f"a sheet {match[0]}")
        for sheet, match in near.items()
        if match and match[0] not in sheets
    ]
    if issues := issues + table_issues(sheets, str(file)):
        raise NetworkDataError(issues)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            net = pp.from_excel(str(file))
        except NOT_READ as error:
            expected = "the sheets that pandapower.to_excel writes"
            raise NetworkDataError(
                [Issue(str(file), "file", f"{type(error).__name__}: {error}"[:200], expected)]
            ) from error
    if not isinstance(net, pp.pandapowerNet):
        raise NetworkDataError([Issue(str(file), "file", type(net).__name__, "a pandapower net")])
    return net
