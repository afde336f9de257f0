"""OTLP/JSON into protobuf bytes, by the mapping of the OTLP specification.

Takes    a JSON body
Gives    the same request as protobuf
Refuses  broken JSON, wrong types, ids that are not hex, nesting beyond 64 (UndecodableError)

Keys are lowerCamelCase, others are unknown and ignored; null is absent; 64-bit integers are text or
numbers; enums are integers (their names are taken too); trace and span ids are hex in any case;
`bytesValue` is base64; doubles may be "NaN", "Infinity", "-Infinity".
"""

import base64
import binascii
from typing import Any, Final, cast

import orjson
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from meterbook.errors import UndecodableError

DEPTH: Final = 64
REQUESTS: Final[dict[str, type[Message]]] = {
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
    "traces": ExportTraceServiceRequest,
}
HEX_FIELDS: Final = {"trace_id": 16, "span_id": 8, "parent_span_id": 8}
_FLOATS: Final = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
_INTEGERS: Final = {
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
}
_WORDS: Final = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def to_protobuf(signal: str, body: bytes) -> bytes:
    """Give a JSON request as protobuf bytes. An empty body is an empty request."""
    if not body:
        return b""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise UndecodableError(f"the body is no JSON: {exc}") from None
    message = REQUESTS[signal]()
    _fill(message, document, DEPTH)
    try:
        return message.SerializeToString()
    except (ValueError, UnicodeEncodeError) as exc:
        raise UndecodableError(f"the body holds text that is not UTF-8: {exc}") from None


def _fill(message: Message, value: Any, depth: int) -> None:
    if not isinstance(value, dict):
        raise UndecodableError(f"{message.DESCRIPTOR.name}: have {type(value).__name__}, want {{}}")
    if depth == 0:
        raise UndecodableError(f"nested deeper than {DEPTH}")
    fields = _by_json_name(message)
    for key, inner in value.items():
        field = fields.get(key)
        if field is None or inner is None:
            continue
        try:
            _set(message, field, inner, depth)
        except (TypeError, ValueError, binascii.Error) as exc:
            raise UndecodableError(f"{key}: {exc}") from None


_KNOWN: dict[str, dict[str, FieldDescriptor]] = {}


def _by_json_name(message: Message) -> dict[str, FieldDescriptor]:
    name = message.DESCRIPTOR.full_name
    if name not in _KNOWN:
        fields = cast("list[FieldDescriptor]", message.DESCRIPTOR.fields)
        _KNOWN[name] = {field.json_name: field for field in fields}
    return _KNOWN[name]


def _set(message: Message, field: FieldDescriptor, value: Any, depth: int) -> None:
    if field.is_repeated:
        if not isinstance(value, list):
            raise TypeError(f"have {type(value).__name__}, want []")
        target = getattr(message, field.name)
        for item in value:
            if field.message_type is not None:
                _fill(target.add(), item, depth - 1)
            else:
                target.append(_scalar(field, item))
    elif field.message_type is not None:
        inner = getattr(message, field.name)
        inner.SetInParent()
        _fill(inner, value, depth - 1)
    else:
        setattr(message, field.name, _scalar(field, value))


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    kind = field.cpp_type
    if kind in _INTEGERS:
        return _integer(value)
    if kind in _FLOATS:
        return _WORDS[value] if isinstance(value, str) and value in _WORDS else _number(value)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enum(field, value)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            raise TypeError(f"have {value!r}, want true or false")
        return value
    if not isinstance(value, str):
        raise TypeError(f"have {type(value).__name__}, want text")
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _bytes(field.name, value)
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"have {value!r}, want an integer")
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"have {value!r}, want a number")
    return float(value)


def _enum(field: FieldDescriptor, value: Any) -> int:
    if isinstance(value, str) and field.enum_type and value in field.enum_type.values_by_name:
        return int(field.enum_type.values_by_name[value].number)
    return _integer(value)


def _bytes(name: str, value: str) -> bytes:
    if name not in HEX_FIELDS:
        return base64.b64decode(value, validate=True)
    raw = bytes.fromhex(value)
    if raw and len(raw) != HEX_FIELDS[name]:
        raise ValueError(f"{len(raw)} bytes, want {HEX_FIELDS[name]}")
    return raw
