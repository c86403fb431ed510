"""Named tuples of arrays that compiled functions take by one address.

numba takes a named tuple apart: a function that gets those of a network gets a thousand machine words, and every call
copies them, which is most of what there is to compile. Here the entry from Python writes the parts of each tuple beside
one another on its stack, and functions hand on the address. What is read there never changes while the kernel runs,
and the compiler is told so: it reads each word once and keeps it, as it would an argument.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, TypeVar

import numba.extending
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate

if TYPE_CHECKING:
    Kind = TypeVar("Kind", bound=type[tuple[Any, ...]])

_INDEX = ir.IntType(32)
_extending: Any = numba.extending
_on_stack: Any = cgutils.alloca_once


class Bundle(types.Type):
    """The address of a named tuple's parts, ``parts`` the numba type of each."""

    def __init__(self, kind: Any, parts: tuple[Any, ...]) -> None:
        self.fields: tuple[str, ...] = kind._fields
        self.parts = parts
        named = ", ".join(f"{field}: {part}" for field, part in zip(self.fields, parts, strict=True))
        super().__init__(name=f"{kind.__module__}.{kind.__name__}({named})")


def by_address(kind: Kind) -> Kind:
    """Let compiled functions take this kind of named tuple by its address."""

    @_extending.typeof_impl.register(kind)
    def typeof_bundle(value: Any, context: Any) -> Bundle:
        return Bundle(kind, tuple(_extending.typeof_impl(part, context) for part in value))

    return kind


_extending.register_model(Bundle)(_extending.models.OpaqueModel)


def _parts(context: Any, builder: Any, bundle: Bundle, address: Any) -> Any:
    """Return the address as that of a record of all parts."""
    record = ir.LiteralStructType([context.get_value_type(part) for part in bundle.parts])
    return builder.bitcast(address, record.as_pointer())


def _read(builder: Any, address: Any) -> Any:
    """Read a part word by word, each of which never changes: whole records would lose what is said of them."""
    kind = address.type.pointee
    if isinstance(kind, ir.LiteralStructType | ir.ArrayType):
        whole = ir.Constant(kind, ir.Undefined)
        for place in range(len(kind)):
            word = builder.gep(address, [_INDEX(0), _INDEX(place)], inbounds=True)
            whole = builder.insert_value(whole, _read(builder, word), place)
        return whole
    word = builder.load(address)
    word.set_metadata("invariant.load", builder.module.add_metadata([]))
    return word


@_extending.unbox(Bundle)
def _unbox(bundle: Bundle, value: Any, c: Any) -> Any:
    """Write the parts of a named tuple beside one another on the stack of the entry."""
    record = ir.LiteralStructType([c.context.get_value_type(part) for part in bundle.parts])
    room = _on_stack(c.builder, record)
    failed, natives = cgutils.false_bit, []
    for place, part in enumerate(bundle.parts):
        native = c.unbox(part, c.pyapi.tuple_getitem(value, place))
        c.builder.store(native.value, c.builder.gep(room, [_INDEX(0), _INDEX(place)], inbounds=True))
        failed = c.builder.or_(failed, native.is_error)
        natives.append((part, native))

    def cleanup() -> None:
        for part, native in natives:
            if native.cleanup is not None:
                native.cleanup()
            if c.context.enable_nrt:
                c.context.nrt.decref(c.builder, part, native.value)

    return _extending.NativeValue(c.builder.bitcast(room, ir.IntType(8).as_pointer()), is_error=failed, cleanup=cleanup)


@_extending.infer_getattr
class _Fields(AttributeTemplate):
    key = Bundle

    def generic_resolve(self, bundle: Any, field: str) -> Any:  # type: ignore[override]
        """Return the type of a part by its name."""
        return bundle.parts[bundle.fields.index(field)] if field in bundle.fields else None


@_extending.lower_getattr_generic(Bundle)
def _field(context: Any, builder: Any, bundle: Bundle, address: Any, field: str) -> Any:
    """Read a part by its name."""
    place = bundle.fields.index(field)
    part = builder.gep(_parts(context, builder, bundle, address), [_INDEX(0), _INDEX(place)], inbounds=True)
    value = _read(builder, part)
    if context.enable_nrt:
        context.nrt.incref(builder, bundle.parts[place], value)
    return value


@_extending.type_callable(operator.getitem)
def _type_item(_: Any) -> Any:
    """Type a part by its number where all parts are of one kind."""

    def typer(bundle: Any, place: Any) -> Any:
        if isinstance(bundle, Bundle) and isinstance(place, types.Integer) and len(set(bundle.parts)) == 1:
            return bundle.parts[0]
        return None

    return typer


@_extending.lower_builtin(operator.getitem, Bundle, types.Integer)
def _item(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Read a part by its number."""
    bundle, kind = signature.args[0], signature.return_type
    first = builder.bitcast(args[0], context.get_value_type(kind).as_pointer())
    value = _read(builder, builder.gep(first, [args[1]], inbounds=True))
    if context.enable_nrt:
        context.nrt.incref(builder, bundle.parts[0], value)
    return value


@_extending.type_callable(len)
def _type_length(_: Any) -> Any:
    """Type how many parts there are."""

    def typer(bundle: Any) -> Any:
        return types.intp if isinstance(bundle, Bundle) else None

    return typer


@_extending.lower_builtin(len, Bundle)
def _length(context: Any, _builder: Any, signature: Any, _args: Any) -> Any:
    """Return how many parts there are."""
    return context.get_constant(types.intp, len(signature.args[0].parts))
