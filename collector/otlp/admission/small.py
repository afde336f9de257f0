"""A small request, judged as objects: columns cost a millisecond before their first point.

Takes    the bytes of a request of some kilobytes
Gives    what `check.content` gives for it, and refuses what `nesting` refuses
Holds    the same judgement as by columns, for any request (a property test holds the two together)
"""

from typing import Any, Final

from google.protobuf import message_factory
from google.protobuf.message import DecodeError

from collector.otlp.admission.check import Content, rejection
from collector.otlp.wire.flat import KINDS, LATEST_NS, NO_RECORDED_VALUE, NUMBERS, WITH_TEMPORALITY
from collector.otlp.wire.nesting import SHORT, check_value
from collector.otlp.wire.wire import descriptor
from meterbook.base.signals import SIGNALS

SMALL_BYTES: Final = 32 * 1024


class SmallCheck:
    """Judges small requests. One per process."""

    def __init__(self) -> None:
        """Prepare a class per signal, of the projected fields."""
        self._classes: dict[str, Any] = {
            signal: message_factory.GetMessageClass(descriptor(signal)) for signal in SIGNALS
        }

    def content(self, signal: str, body: bytes) -> Content | None:
        """Judge a request; None where the columns have to.

        Errors: UndecodableError for a value that is nested too deep.
        """
        try:
            request = self._classes[signal].FromString(body)
        except DecodeError:
            return None
        if signal == "metrics":
            return _metrics(request)
        return _logs(request) if signal == "logs" else _traces(request)


def _shallow(value: bytes) -> None:
    if len(value) > SHORT:
        check_value(value)


def _metrics(request: Any) -> Content:
    items = kept = 0
    for resource in request.resource_metrics:
        _shallow(resource.resource)
        for scope in resource.scope_metrics:
            _shallow(scope.scope)
            for metric in scope.metrics:
                kinds = [kind for kind in KINDS if metric.HasField(kind)]
                for kind in kinds:
                    data = getattr(metric, kind)
                    items += len(data.data_points)
                    is_refused = (
                        len(kinds) > 1
                        or not metric.name
                        or (kind in WITH_TEMPORALITY and data.temporality == 0)
                    )
                    if not is_refused:
                        kept += sum(_is_usable(point, kind) for point in data.data_points)
    return rejection(items, items - kept)


def _is_usable(point: Any, kind: str) -> bool:
    if point.time > LATEST_NS:
        return False
    is_odd = kind in NUMBERS and point.HasField("as_double") == point.HasField("as_int")
    if is_odd and not point.flags & NO_RECORDED_VALUE:
        return False
    for attribute in point.attributes:
        _shallow(attribute)
    return True


def _logs(request: Any) -> Content:
    items, is_dated = 0, False
    for resource in request.resource_logs:
        _shallow(resource.resource)
        for scope in resource.scope_logs:
            _shallow(scope.scope)
            for record in scope.log_records:
                items += 1
                is_dated |= record.time != 0
                _shallow(record.body)
                for attribute in record.attributes:
                    _shallow(attribute)
    return Content(items, is_dated=is_dated)


def _traces(request: Any) -> Content:
    items = 0
    for resource in request.resource_spans:
        _shallow(resource.resource)
        for scope in resource.scope_spans:
            _shallow(scope.scope)
            items += len(scope.spans)
    return Content(items)
