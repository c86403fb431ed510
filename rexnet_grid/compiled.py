"""How loops are compiled that only compiled code calls: no entry for Python, one signature.

Entries for Python and for C would be most of the code, as each takes its arrays apart; and numba would compile a
function anew for each plain constant it is called with, so arguments are typed as plain numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from numba import njit, types

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., Any])


def compiled_inside(function: Function, **how: Any) -> Function:
    """Compile a function that only other compiled functions call; ``how`` are further options of ``numba.njit``."""
    options: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy", **how}
    compiled: Any = njit(cache=True, **options)(function)
    template = compiled.get_call_template
    plain: Any = types.unliteral

    def with_plain_types(args: Any, kws: Any) -> Any:
        return template(tuple(plain(arg) for arg in args), kws)

    compiled.get_call_template = with_plain_types
    result: Function = compiled
    return result
