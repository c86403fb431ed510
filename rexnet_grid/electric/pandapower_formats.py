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
    ArithmeticError,
)


def format_issues(net: Any, name: str) -> list[Issue]:
    """Return the format of a net that the installed pandapower does not read: a later one, or none that is a number."""
    newest = pp.__format_version__
    version = _version(net)
    try:
        newer = Version(version) > Version(newest)
    except InvalidVersion:
        expected = f"a version such as {newest}, the format of the installed pandapower"
        return [Issue(name, "format_version", version, expected, "write the file again with pandapower.to_json")]
    expected = f"at most {newest}, the format of the installed pandapower"
    hint = f"it needs a later pandapower than {pp.__version__}"
    return [Issue(name, "format_version", version, expected, hint)] if newer else []


def in_todays_format(net: Any, name: str) -> Any:
    """Return the net, converted in a copy where an earlier pandapower made it.

    Raises
    ------
    NetworkDataError
        The format is a later one, or the net has not what its format asks for.
    """
    if issues := format_issues(net, name):
        raise NetworkDataError(issues)
    made_for = _version(net)
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
        stopped = [Issue(name, "format_version", made_for, f"a net that pandapower {pp.__version__} can convert", hint)]
        known = table_issues(net, name) if Version(made_for) >= SINCE_MEGAWATT else []
        raise NetworkDataError(known or stopped) from error


def _version(net: Any) -> str:
    """Return the version that a net names for its format, else for its pandapower; today's where it names none.

    A format later than the pandapower that wrote it was put in when the file was read: the net is that pandapower's.
    """
    named = [str(net[key]) for key in ("format_version", "version") if key in net]
    if not named:
        return str(pp.__format_version__)
    try:
        later = Version(named[0]) > Version(named[-1].split(".dev")[0])
    except InvalidVersion:
        later = False
    return named[-1] if later else named[0]
