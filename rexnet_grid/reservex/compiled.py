"""How the kernel is compiled: what only compiled code calls gets no Python entry and one signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.extending import intrinsic

from rexnet_grid.compiled import compiled_inside

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., Any])


def _words(_: Any, array: Any) -> tuple[Any, Any]:
    """Return an array as the bare address of its words.

    What the kernel hands from function to function is then one machine word instead of seven, and an index is what it
    says: nobody asks whether it counts from the end.
    """

    def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    pointer: Any = types.CPointer
    return pointer(array.dtype)(array), build


words: Any = intrinsic(_words)


def _prefetch(_: Any, memory: Any, _index: Any) -> tuple[Any, Any]:
    """Ask for the cache line of a word that will be written soon; any index may be given, nothing is read."""

    def build(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        i32 = ir.IntType(32)
        line = builder.bitcast(builder.gep(args[0], [args[1]]), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [line.type, i32, i32, i32])
        hint = builder.module.declare_intrinsic("llvm.prefetch", [line.type], kind)
        builder.call(hint, [line, i32(1), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.void(memory, types.int64), build


prefetch: Any = intrinsic(_prefetch)


def _lowest_bit(_: Any, _word: Any) -> tuple[Any, Any]:
    """Return the position of the lowest bit that is set in a word other than zero."""

    def build(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.IntType(1)(1))

    return types.int64(types.int64), build


lowest_bit: Any = intrinsic(_lowest_bit)


def _bits_set(_: Any, _word: Any) -> tuple[Any, Any]:
    """Return how many bits of a word are set."""

    def build(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.int64), build


bits_set: Any = intrinsic(_bits_set)


def _at_half(builder: Any, memory: Any, record: Any, field: Any) -> Any:
    """Return the address of a half word of a record."""
    halves = builder.bitcast(memory, ir.IntType(32).as_pointer())
    return builder.gep(halves, [builder.add(builder.shl(record, record.type(1)), field)])


def _half(_: Any, memory: Any, _record: Any, _field: Any) -> tuple[Any, Any]:
    """Return half word number ``field`` of the record at an address."""

    def build(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.sext(builder.load(_at_half(builder, *args)), ir.IntType(64))

    return types.int64(memory, types.int64, types.int64), build


half: Any = intrinsic(_half)


def _set_half(_: Any, memory: Any, _record: Any, _field: Any, _value: Any) -> tuple[Any, Any]:
    """Write half word number ``field`` of the record at an address."""

    def build(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        builder.store(builder.trunc(args[3], ir.IntType(32)), _at_half(builder, *args[:3]))
        return context.get_dummy_value()

    return types.void(memory, types.int64, types.int64, types.int64), build


set_half: Any = intrinsic(_set_half)


def inner(function: Function) -> Function:
    """Compile a function that only other compiled functions call and that makes no arrays.

    A constant argument would make numba compile the function once more for that very constant; as the constants of the
    book are many and the compiler inlines anyway, arguments are typed as plain integers. This and the missing Python
    entry cut the time of a first run to a half. Nothing is reference-counted, which would cost more than the matching,
    and everything becomes part of the function that Python calls: a call with a dozen arguments costs as much as what
    it does.
    """
    return compiled_inside(function, _nrt=False, forceinline=True)


def entry(function: Function) -> Function:
    """Compile a function that Python calls and that makes no arrays."""
    options: Any = {"error_model": "numpy", "_nrt": False}
    compiled: Function = njit(cache=True, **options)(function)
    return compiled


def inner_with_arrays(function: Function) -> Function:
    """Compile a function like :func:`inner` that makes arrays, or receives them from one that does."""
    return compiled_inside(function)
