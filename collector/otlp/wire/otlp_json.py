"""OTLP/JSON into protobuf bytes, by the mapping of the OTLP specification.

Takes    a JSON body
Gives    the same request as protobuf, every field kept
Refuses  broken JSON, text that is not UTF-8, wrong types, numbers out of range, ids that are not
         hex, two values where one may be, values nested beyond 64 messages, lists of numbers
         beyond 1 MiB, bodies that are mostly brackets (UndecodableError)
Holds    the same message as google.protobuf's own mapping, but for the hex ids

Keys are lowerCamelCase, others are unknown and ignored; null is absent; of a key given twice the
last counts; 64-bit integers are text or numbers; enums are integers (their names are taken too);
trace and span ids are hex in any case; `bytesValue` is base64; doubles may be "NaN", "Infinity",
"-Infinity".

The structure is read by msgspec into slots made from the descriptors of OTLP. Attributes, resources
and the like stay raw JSON there: few of them are distinct, each of those is encoded once and kept.
"""

import operator
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from collector.otlp.wire import json_scalars as scalars
from meterbook.base.errors import UndecodableError

DEPTH: Final = 64
REASON: Final = 200
DENSE: Final = 16  # honest attributes take 18 bytes per object and more
MANY: Final = 1_000_000
LONGEST_LIST: Final = 1 << 20
KEPT_ENTRIES: Final = 10_000
KEPT_BYTES: Final = 4 << 20
KEPT_LONGEST: Final = 4096
REQUESTS: Final[dict[str, type[Message]]] = {
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
    "traces": ExportTraceServiceRequest,
}
IDS: Final = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
_RAW: Final = {"resource", "scope", "attributes", "filtered_attributes", "metadata", "body"}

_F = FieldDescriptor
_WIRE: Final = {_F.TYPE_DOUBLE: 1, _F.TYPE_FIXED64: 1, _F.TYPE_SFIXED64: 1, _F.TYPE_FIXED32: 5}
_WIRE_SIZED: Final = {_F.TYPE_MESSAGE: 2, _F.TYPE_STRING: 2, _F.TYPE_BYTES: 2}
_KINDS: Final[dict[int, Any]] = {
    _F.TYPE_DOUBLE: float | str | None,
    _F.TYPE_STRING: str | None,
    _F.TYPE_BYTES: str | None,
    _F.TYPE_BOOL: bool | None,
}
_INTEGER: Final = int | float | str | None
_SCALARS: Final[dict[int, Callable[[bytes], scalars.Put]]] = {
    _F.TYPE_DOUBLE: scalars.double,
    _F.TYPE_STRING: scalars.text,
    _F.TYPE_BYTES: scalars.binary,
    _F.TYPE_BOOL: scalars.boolean,
    _F.TYPE_FIXED64: lambda tag: scalars.fixed(tag, "Q"),
    _F.TYPE_SFIXED64: lambda tag: scalars.fixed(tag, "q"),
    _F.TYPE_FIXED32: lambda tag: scalars.fixed(tag, "I"),
    _F.TYPE_INT32: lambda tag: scalars.variable(tag, -(2**31), 2**31 - 1),
    _F.TYPE_INT64: lambda tag: scalars.variable(tag, -(2**63), 2**63 - 1),
    _F.TYPE_UINT32: lambda tag: scalars.variable(tag, 0, 2**32 - 1),
    _F.TYPE_UINT64: lambda tag: scalars.variable(tag, 0, 2**64 - 1),
    _F.TYPE_SINT32: lambda tag: scalars.variable(tag, -(2**31), 2**31 - 1, zigzag=True),
}


class _Value(msgspec.Struct, rename="camel", gc=False):
    """AnyValue; by hand, for it holds itself."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | float | str | None = None
    double_value: float | str | None = None
    array_value: "_Values | None" = None
    kvlist_value: "_Pairs | None" = None
    bytes_value: str | None = None
    string_value_strindex: int | float | str | None = None


class _Pair(msgspec.Struct, rename="camel", gc=False):
    """KeyValue."""

    key: str | None = None
    value: _Value | None = None
    key_strindex: int | float | str | None = None


class _Values(msgspec.Struct, gc=False):
    """ArrayValue."""

    values: list[_Value] | None = None


class _Pairs(msgspec.Struct, gc=False):
    """KeyValueList."""

    values: list[_Pair] | None = None


_BY_HAND: Final[dict[str, type]] = {
    AnyValue.DESCRIPTOR.full_name: _Value,
    KeyValue.DESCRIPTOR.full_name: _Pair,
    ArrayValue.DESCRIPTOR.full_name: _Values,
    KeyValueList.DESCRIPTOR.full_name: _Pairs,
}


class _Shape:
    """One message: the slots its JSON is read into, and how they are encoded."""

    def __init__(self, descriptor: Descriptor) -> None:
        self.name = descriptor.name
        self.fields = cast("list[FieldDescriptor]", descriptor.fields)
        self.encoders: list[scalars.Put] = []
        self._choices = [
            operator.itemgetter(*(field.index for field in group.fields))
            for group in descriptor.oneofs
            if len(group.fields) > 1
        ]
        _SHAPES[descriptor.full_name] = self
        for field in self.fields:
            if field.message_type is not None:
                _shape(field.message_type)
        self.slots: Any = _BY_HAND.get(descriptor.full_name) or msgspec.defstruct(
            self.name,
            [(field.name, _annotation(field), None) for field in self.fields],
            rename={field.name: field.json_name for field in self.fields},
            gc=False,
        )

    def prepare(self) -> None:
        """Make the encoders, once every shape is known."""
        self.encoders = [_encoder(field) for field in self.fields]

    def encode(self, message: Any) -> bytes:
        """Give the bytes of one message, without tag and length."""
        values = msgspec.structs.astuple(message)
        for choice in self._choices:
            given = choice(values)
            if given.count(None) < len(given) - 1:
                raise UndecodableError(f"{self.name}: two values where one may be")
        try:
            return b"".join(
                [
                    encode(value)
                    for encode, value in zip(self.encoders, values, strict=False)
                    if value is not None
                ]
            )
        except ValueError as exc:
            raise UndecodableError(f"{self._blamed(values)}: {exc}") from None

    def _blamed(self, values: tuple[Any, ...]) -> str:
        """Name the field whose value is refused. Messages name theirs themselves."""
        for field, encode, value in zip(self.fields, self.encoders, values, strict=True):
            try:
                if value is not None and (field.message_type is None or _is_raw(field)):
                    encode(value)
            except ValueError:
                return field.json_name
        return self.name


_SHAPES: Final[dict[str, _Shape]] = {}


def _shape(descriptor: Descriptor) -> _Shape:
    return _SHAPES.get(descriptor.full_name) or _Shape(descriptor)


def _is_raw(field: FieldDescriptor) -> bool:
    """Tell what is read later: what repeats from point to point, and lists of numbers."""
    return field.name in _RAW or (field.is_repeated and field.message_type is None)


def _annotation(field: FieldDescriptor) -> Any:
    if _is_raw(field):
        return msgspec.Raw
    return _typed(field)


def _typed(field: FieldDescriptor) -> Any:
    if field.message_type is None:
        one = _KINDS.get(field.type, _INTEGER)
    else:
        one = _shape(field.message_type).slots | None
    return list[_without_none(one)] | None if field.is_repeated else one  # type: ignore[misc]


def _without_none(kind: Any) -> Any:
    kinds = [one for one in kind.__args__ if one is not type(None)]
    made = kinds[0]
    for one in kinds[1:]:
        made |= one
    return made


def _encoder(field: FieldDescriptor) -> scalars.Put:
    encode = _message(field) if field.message_type is not None else _scalars(field)
    return _Kept(field, encode) if _is_raw(field) else encode


def _message(field: FieldDescriptor) -> scalars.Put:
    sized = scalars.sized(_tag(field))
    inner = _shape(field.message_type).encode  # type: ignore[arg-type]
    if not field.is_repeated:
        return lambda value: sized(inner(value))

    def several(values: list[Any]) -> bytes:
        if len(values) == 1:
            return sized(inner(values[0]))
        out = bytearray()
        for value in values:
            out += sized(inner(value))
        return bytes(out)

    return several


def _scalars(field: FieldDescriptor) -> scalars.Put:
    put = _scalar(field, b"" if _is_packed(field) else _tag(field))
    if _is_packed(field):
        sized = scalars.sized(_tag(field))
        return lambda values: sized(b"".join(map(put, values)))
    if field.is_repeated:
        return lambda values: b"".join(map(put, values))
    return scalars.remembered(put) if field.name.endswith("time_unix_nano") else put


def _is_packed(field: FieldDescriptor) -> bool:
    return field.is_repeated and field.type not in _WIRE_SIZED


def _scalar(field: FieldDescriptor, tag: bytes) -> scalars.Put:
    if field.enum_type is not None:
        names = {name: value.number for name, value in field.enum_type.values_by_name.items()}
        return scalars.enum(tag, names)
    if field.name in IDS:
        return scalars.identity(tag, IDS[field.name])
    return _SCALARS[field.type](tag)


def _tag(field: FieldDescriptor) -> bytes:
    wire = 2 if field.is_repeated else {**_WIRE, **_WIRE_SIZED}.get(field.type, 0)
    return scalars.varint(field.number << 3 | wire)


class _Kept:
    """Encodes raw JSON, and keeps what it made. Emptied when full, so that it stays bounded."""

    def __init__(self, field: FieldDescriptor, encode: scalars.Put) -> None:
        self._encode = encode
        self._decode = msgspec.json.Decoder(_typed(field)).decode
        self._longest = LONGEST_LIST if field.message_type is None else None
        self._nests = self._longest is None and field.message_type.full_name in _BY_HAND  # type: ignore[union-attr]
        self._made: dict[bytes, bytes] = {}
        self._bytes = 0

    def __call__(self, raw: msgspec.Raw) -> bytes:
        key = bytes(raw)
        made = self._made.get(key)
        return self._new(key) if made is None else made

    def _new(self, key: bytes) -> bytes:
        if self._longest is not None and len(key) > self._longest:
            raise ValueError(f"{len(key)} bytes, want at most {self._longest}")
        try:
            value = self._decode(key)
        except RecursionError:
            raise ValueError(f"nested deeper than {DEPTH}") from None
        if self._nests:
            _check_depth(value)
        made = b"" if value is None else self._encode(value)
        if len(key) <= KEPT_LONGEST:
            self._keep(key, made)
        return made

    def _keep(self, key: bytes, made: bytes) -> None:
        if len(self._made) >= KEPT_ENTRIES or self._bytes >= KEPT_BYTES:
            self._made.clear()
            self._bytes = 0
        self._made[key] = made
        self._bytes += len(key) + len(made)


def _check_depth(value: Any) -> None:
    """Refuse attributes and values nested beyond DEPTH, before anything recurses into them."""
    level = value if isinstance(value, list) else [value]
    depth = 0
    while level := [inner for one in level for inner in _inside(one)]:
        depth += 1
        if depth > DEPTH:
            raise ValueError(f"nested deeper than {DEPTH}")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, _Pair):
        return [] if value.value is None else [value.value]
    if isinstance(value, _Value) and (value.array_value or value.kvlist_value):
        return [one for one in (value.array_value, value.kvlist_value) if one is not None]
    return (value.values or []) if isinstance(value, _Values | _Pairs) else []


def _decoders() -> dict[str, tuple[Callable[[bytes], Any], scalars.Put]]:
    """Give, per signal, what reads a request and what encodes it."""
    shapes = {
        signal: _shape(cast("Descriptor", message.DESCRIPTOR))
        for signal, message in REQUESTS.items()
    }
    for shape in _SHAPES.values():
        shape.prepare()
    return {
        signal: (msgspec.json.Decoder(shape.slots).decode, shape.encode)
        for signal, shape in shapes.items()
    }


_DECODERS: Final = _decoders()


def to_protobuf(signal: str, body: bytes) -> bytes:
    """Give a JSON request as protobuf bytes. An empty body is an empty request."""
    if not body:
        return b""
    _check_density(body)
    decode, encode = _DECODERS[signal]
    try:
        if not body.isascii():
            str(body, "utf-8")  # what is skipped as unknown is not looked at by msgspec
        return encode(decode(body))
    except UndecodableError as exc:
        raise UndecodableError(exc.reason[:REASON]) from None
    except UnicodeDecodeError as exc:
        raise UndecodableError(f"text that is not UTF-8: {exc.reason}") from None
    except RecursionError:
        raise UndecodableError(f"nested deeper than {DEPTH}") from None
    except ValueError as exc:
        raise UndecodableError(str(exc)[:REASON]) from None


def _check_density(body: bytes) -> None:
    """Refuse a bomb of empty objects, each of which would cost a hundred bytes."""
    if len(body) < MANY:
        return
    objects = body.count(b"{") + body.count(b"[")
    if objects > MANY and objects * DENSE > len(body):
        raise UndecodableError(f"{objects} objects in {len(body)} bytes: brackets, no telemetry")
