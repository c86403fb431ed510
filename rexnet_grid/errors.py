"""Everything this package raises.

::

    RexnetError
    ├── InputError              what the user gave cannot be used; carries every Issue found, not only the first
    │   ├── ScenarioError       a scenario or study file
    │   ├── NetworkDataError    an electric or heat network, or a profile
    │   └── MeterDataError      meter readings handed to an estimator
    ├── ConvergenceError        a solver did not find a solution; nothing stale is returned
    ├── OutputError             a result folder cannot be written, or holds another run
    ├── MissingExtraError       an optional dependency is not installed; says how to install it
    └── RunInterruptedError     the user stopped a run; what was computed is on disk
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing that is wrong with an input.

    Attributes
    ----------
    where
        File or object that holds it, as the user would name it.
    key
        Path to the value inside ``where``, such as ``"electric.network"`` or ``"pipes.csv row 3, length_m"``.
    value
        The offending value as given; empty when it is missing.
    expected
        What would have been accepted.
    hint
        The most likely way to mend it; may be empty.
    """

    where: str
    key: str
    value: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        """One sentence a person can act on."""
        got = f"got {self.value}" if self.value else "it is missing"
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.where}: {self.key}: {got}; expected {self.expected}{hint}"


class RexnetError(Exception):
    """Base of every error of this package."""


class InputError(RexnetError):
    """What the user gave cannot be used.

    Parameters
    ----------
    issues
        Every issue found, or one sentence.
    """

    def __init__(self, issues: Sequence[Issue] | str) -> None:
        self.issues: tuple[Issue, ...] = () if isinstance(issues, str) else tuple(issues)
        super().__init__(issues if isinstance(issues, str) else "\n".join(str(issue) for issue in issues))


class ScenarioError(InputError):
    """A scenario or study file cannot be used."""


class NetworkDataError(InputError):
    """A network or a profile cannot be used."""


class MeterDataError(InputError):
    """Meter readings cannot be used by an estimator."""


class ConvergenceError(RexnetError):
    """A solver did not converge."""


class OutputError(RexnetError):
    """A result folder cannot be written."""


class MissingExtraError(RexnetError):
    """An optional dependency is not installed.

    Parameters
    ----------
    package
        The module that could not be imported.
    extra
        The extra of ``rexnet_grid`` that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; install it with: python -m pip install 'rexnet_grid[{extra}]'")


class RunInterruptedError(RexnetError):
    """The user stopped a run; what was computed is on disk."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``'did you mean "near"?'`` for the known word nearest to ``word``, or an empty string.

    A word that is a part of just one known word, such as ``kw`` of ``rate_kw``, is near too.
    """
    lower = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), list(lower), n=1, cutoff=0.6)
    if not near:
        holders = [name for name in lower if word.lower() in name.split("_")]
        near = holders if len(holders) == 1 else []
    return f'did you mean "{lower[near[0]]}"?' if near else ""
