"""Names of a package that are loaded on first use, so that importing the package costs nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def on_first_use(
    package: str, homes: Mapping[str, str], *present: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__`` (:pep:`562`).

    Parameters
    ----------
    package
        The package, for the message when a name is unknown.
    homes
        The module that holds each name.
    present
        Names that the package has without loading anything.
    """

    def load(name: str) -> Any:
        if name in homes:
            return getattr(import_module(homes[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        return sorted([*homes, *present])

    return load, names
