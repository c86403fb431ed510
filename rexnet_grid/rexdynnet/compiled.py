"""How the kernels are compiled: nothing is counted, and what only kernels call gets no entry for Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from numba import njit, types

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., Any])


def inner(function: Function) -> Function:
    """Compile a function that only other kernels call and that makes no arrays.

    Python's entries would be most of the code, as every one of them takes the tuples of arrays apart. Reference
    counts of those arrays would take more time than what is done with them. And numba would compile a function anew
    for each plain constant it is called with: here a constant is a number like any other.
    """
    options: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy", "_nrt": False}
    compiled: Any = njit(cache=True, **options)(function)
    template = compiled.get_call_template
    plain: Any = types.unliteral

    def with_plain_types(args: Any, kws: Any) -> Any:
        return template(tuple(plain(arg) for arg in args), kws)

    compiled.get_call_template = with_plain_types
    result: Function = compiled
    return result


def entry(function: Function) -> Function:
    """Compile a function that Python calls too and that makes no arrays."""
    options: Any = {"no_cfunc_wrapper": True, "error_model": "numpy", "_nrt": False}
    compiled: Function = njit(cache=True, **options)(function)
    return compiled
