"""How the kernels are compiled: nothing is counted, and what only kernels call gets no entry for Python.

Entries would be most of the code, as every one of them takes arrays apart; reference counts of those arrays would take
more time than what is done with them; and numba would compile a function anew for each plain constant it is called
with. Named tuples go from function to function as one address, see :mod:`bundles`, so a call costs little and most
functions may stay by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from numba import njit

from rexnet_grid.compiled import compiled_inside

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., Any])


def entry(function: Function) -> Function:
    """Compile a function that Python calls too and that makes no arrays."""
    options: Any = {"no_cfunc_wrapper": True, "error_model": "numpy", "_nrt": False}
    compiled: Function = njit(cache=True, **options)(function)
    return compiled


def inner(function: Function) -> Function:
    """Compile a function that only other kernels call, into each of them."""
    return compiled_inside(function, forceinline=True)


def apart(function: Function) -> Function:
    """Compile a function that only other kernels call and that may stay by itself."""
    return compiled_inside(function)
