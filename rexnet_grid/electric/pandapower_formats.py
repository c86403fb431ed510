"""Nets of an earlier pandapower: converted as their files are when they are read, or refused with what to do."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pandapower as pp
from packaging.version import InvalidVersion, Version

from rexnet_grid.electric.pandapower_checks import table_issues
from rexnet_grid.errors import Issue, NetworkDataError

SINCE_MEGAWATT = Version("2.0.0")
PANDAPOWER_FAILS = (
    UserWarning,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    NameError,
    ArithmeticError,
)


def format_issues(net: Any, name: str) -> list[Issue]:
    """Return the format of a net that the installed pandapower does not read: a later one, or none that is a number."""
    key, version, newest = _version(net)
    what = "the format of the installed pandapower" if key == "format_version" else "the installed pandapower"
    try:
        newer = Version(version) > Version(newest)
    except InvalidVersion:
        expected = f"a version such as {newest}, {what}"
        return [Issue(name, key, version, expected, "write the file again with pandapower.to_json")]
    hint = f"it needs a later pandapower than {pp.__version__}"
    return [Issue(name, key, version, f"at most {newest}, {what}", hint)] if newer else []


def in_todays_format(net: Any, name: str) -> Any:
    """Return the net, converted in a copy where an earlier pandapower made it.

    Raises
    ------
    NetworkDataError
        The format is a later one, or the net has not what its format asks for.
    """
    if issues := format_issues(net, name):
        raise NetworkDataError(issues)
    made_for = _version(net)[1]
    if Version(made_for) >= Version(pp.__format_version__):
        return net
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pp.convert_format(copy.deepcopy(net))
    except PANDAPOWER_FAILS as error:
        hint = (
            "its tables are not those of that format; open it with the pandapower that wrote it, or one that reads it, "
            "and save it again with pandapower.to_json"
        )
        stopped = [Issue(name, _version(net)[0], made_for, f"a net that pandapower {pp.__version__} can convert", hint)]
        known = table_issues(net, name) if Version(made_for) >= SINCE_MEGAWATT else []
        raise NetworkDataError(known or stopped) from error


def _version(net: Any) -> tuple[str, str, str]:
    """Return what a net names for its version: the key, its value, and the newest of its kind; today's for none.

    That is its format, else its pandapower. A format that the installed pandapower knows and that is later than the
    pandapower that wrote the net was put in when the file was read: the net is that pandapower's.
    """
    newest = str(pp.__format_version__)
    made, wrote = (str(net[key]) if net.get(key) is not None else None for key in ("format_version", "version"))
    if made is None:
        return ("format_version", newest, newest) if wrote is None else ("version", wrote, str(pp.__version__))
    try:
        put_in = wrote is not None and Version(wrote.split(".dev")[0]) < Version(made) <= Version(newest)
    except InvalidVersion:
        put_in = False
    return ("version", str(wrote), str(pp.__version__)) if put_in else ("format_version", made, newest)
