"""Views to copy: what an SDK leaves out or folds before it sends, in the languages that have them.

Takes    the name of an instrument, a label to drop and those to keep, or bounds to keep
Gives    fixes named `SDK View: <language>`
Never    lets a name from telemetry end the quotes it stands in

Go, Java, JavaScript and the declarative configuration name what goes; Python and .NET know only
what stays, so labels that are new later are dropped there, too.
"""

import json
from collections.abc import Sequence
from typing import Final

from app.fixes.snippets import Fix, number, quoted, yaml_text

MAX_SIZE: Final = 160
_BEST: Final = (
    "The best place: sums stay right, and the service needs less memory. Gauges keep the last "
    "value of those that merge."
)
_NEW_TOO: Final = " Labels that are new later are dropped too."
_DECLARED: Final = (
    " For SDKs that read a configuration file (OTEL_CONFIG_FILE, OTEL_EXPERIMENTAL_CONFIG_FILE "
    "before it was stable); not every language has it yet."
)


def without(metric: str, label: str, others: Sequence[str]) -> tuple[Fix, ...]:
    """Give the Views of an instrument without a label."""
    name, gone = _text(metric), _text(label)
    kept = sorted(others)
    python = f"{{{', '.join(quoted(one) for one in kept)}}}" if kept else "set()"
    tags = ", ".join(_text(one) for one in kept)
    return (
        _python(metric, f"    attribute_keys={python},\n", "View", _BEST + _NEW_TOO),
        _java(name, f"        .setAttributeFilter(key -> !key.equals({gone}))\n", (), _BEST),
        _go(name, f"AttributeFilter: attribute.NewDenyKeysFilter({gone})", _BEST, "attribute"),
        _javascript(
            name,
            f"    attributesProcessors: [createDenyListAttributesProcessor([{gone}])],\n",
            "createDenyListAttributesProcessor",
            _BEST,
        ),
        _dotnet(name, "MetricStreamConfiguration", f"TagKeys = [{tags}]", _BEST + _NEW_TOO),
        _declared(metric, f"        attribute_keys:\n          excluded: [{yaml_text(label)}]\n"),
    )


def coarser(metric: str, bounds: Sequence[float]) -> tuple[Fix, ...]:
    """Give the Views of a histogram with these bounds."""
    name = _text(metric)
    listed = ", ".join(number(bound) for bound in bounds)
    warning = (
        "Bounds that stay keep their meaning, so quantiles over old and new data can be read "
        "together; between two of them they get coarser."
    )
    python = f"    aggregation=ExplicitBucketHistogramAggregation(boundaries=[{listed}]),\n"
    java = f"        .setAggregation(Aggregation.explicitBucketHistogram(List.of({listed})))\n"
    script = (
        "    aggregation: {\n"
        "      type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,\n"
        f"      options: {{ boundaries: [{listed}] }},\n"
        "    },\n"
    )
    stream = f"        aggregation:\n{_declared_bounds(listed)}"
    return (
        _python(metric, python, "ExplicitBucketHistogramAggregation, View", warning),
        _java(name, java, ("java.util.List", "io.opentelemetry.sdk.metrics.Aggregation"), warning),
        _go(
            name,
            f"Aggregation: sdkmetric.AggregationExplicitBucketHistogram{{"
            f"Boundaries: []float64{{{listed}}}}}",
            warning,
        ),
        _javascript(name, script, "AggregationType", warning),
        _dotnet(name, "ExplicitBucketHistogramConfiguration", f"Boundaries = [{listed}]", warning),
        _declared(metric, stream, warning),
    )


def exponential(metric: str, size: int = MAX_SIZE) -> tuple[Fix, ...]:
    """Give the Views that make a histogram exponential: one series where it is stored natively."""
    name = _text(metric)
    warning = (
        "One stored series instead of bounds + 3, where the backend stores exponential (native) "
        "histograms; else it may be refused. Queries that name `le` must be rewritten."
    )
    stream = (
        "        aggregation:\n"
        "          base2_exponential_bucket_histogram:\n"
        f"            max_size: {size}\n"
    )
    script = (
        "    aggregation: {\n"
        "      type: AggregationType.EXPONENTIAL_HISTOGRAM,\n"
        f"      options: {{ maxSize: {size} }},\n"
        "    },\n"
    )
    python = f"    aggregation=ExponentialBucketHistogramAggregation(max_size={size}),\n"
    java = f"        .setAggregation(Aggregation.base2ExponentialBucketHistogram({size}, 20))\n"
    go = (
        "Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{"
        f"MaxSize: {size}, MaxScale: 20}}"
    )
    dotnet = "Base2ExponentialBucketHistogramConfiguration"
    return (
        _python(metric, python, "ExponentialBucketHistogramAggregation, View", warning),
        _java(name, java, ("io.opentelemetry.sdk.metrics.Aggregation",), warning),
        _go(name, go, warning),
        _javascript(name, script, "AggregationType", warning),
        _dotnet(name, dotnet, f"MaxSize = {size}", warning),
        _declared(metric, stream, warning),
    )


def _text(name: str) -> str:
    """Quote for Java, Go, JavaScript and C#: one line, the rest by escapes all four know."""
    parts = [one if one.isprintable() and one not in {'"', "\\"} else _escaped(one) for one in name]
    return '"' + "".join(parts) + '"'


def _escaped(one: str) -> str:
    if one in {'"', "\\"} or one in "\n\r\t":
        return json.dumps(one)[1:-1]
    return f"\\u{ord(one):04x}" if ord(one) < 0x10000 else "?"


def _python(metric: str, what: str, names: str, warning: str) -> Fix:
    text = (
        "from opentelemetry.sdk.metrics import MeterProvider\n"
        f"from opentelemetry.sdk.metrics.view import {names}\n\n"
        "view = View(\n"
        f"    instrument_name={quoted(metric)},\n"
        f"{what}"
        ")\n"
        "provider = MeterProvider(views=[view])  # beside your readers\n"
    )
    return Fix("SDK View: Python", "python", text, warning)


def _java(name: str, what: str, imports: Sequence[str], warning: str) -> Fix:
    packages = [
        *imports,
        "io.opentelemetry.sdk.metrics.InstrumentSelector",
        "io.opentelemetry.sdk.metrics.SdkMeterProvider",
        "io.opentelemetry.sdk.metrics.View",
    ]
    text = (
        "".join(f"import {package};\n" for package in sorted(packages)) + "\n"
        "SdkMeterProvider.builder()\n"
        "    .registerView(\n"
        f"        InstrumentSelector.builder().setName({name}).build(),\n"
        "        View.builder()\n"
        f"    {what}"
        "            .build());\n"
    )
    return Fix("SDK View: Java", "java", text, warning)


def _go(name: str, stream: str, warning: str, package: str = "") -> Fix:
    imports = [*([f"go.opentelemetry.io/otel/{package}"] if package else [])]
    lines = "".join(f'\t"{one}"\n' for one in imports)
    text = (
        "import (\n"
        f"{lines}"
        '\tsdkmetric "go.opentelemetry.io/otel/sdk/metric"\n'
        ")\n\n"
        "view := sdkmetric.NewView(\n"
        f"\tsdkmetric.Instrument{{Name: {name}}},\n"
        f"\tsdkmetric.Stream{{{stream}}},\n"
        ")\n"
        "provider := sdkmetric.NewMeterProvider(sdkmetric.WithView(view)) // beside your readers\n"
    )
    return Fix("SDK View: Go", "go", text, warning)


def _javascript(name: str, what: str, imported: str, warning: str) -> Fix:
    names = ", ".join(sorted([imported, "MeterProvider"]))
    text = (
        f"import {{ {names} }} from '@opentelemetry/sdk-metrics';\n\n"
        "const provider = new MeterProvider({\n"
        "  views: [{\n"
        f"    instrumentName: {name},\n"
        f"{what}"
        "  }],\n"
        "});\n"
    )
    return Fix("SDK View: JavaScript", "javascript", text, f"{warning} SDK 2.x.")


def _dotnet(name: str, kind: str, what: str, warning: str) -> Fix:
    text = (
        "using OpenTelemetry.Metrics;\n\n"
        "builder.Services.AddOpenTelemetry().WithMetrics(metrics => metrics\n"
        f"    .AddView({name}, new {kind} {{ {what} }}));\n"
    )
    return Fix("SDK View: .NET", "csharp", text, f"{warning} C# 12 or newer.")


def _declared(metric: str, stream: str, warning: str = _BEST) -> Fix:
    text = (
        "meter_provider:\n"
        "  views:\n"
        "    - selector:\n"
        f"        instrument_name: {yaml_text(metric)}\n"
        "      stream:\n"
        f"{stream}"
    )
    return Fix("SDK View: declarative", "yaml", text, warning + _DECLARED)


def _declared_bounds(listed: str) -> str:
    return f"          explicit_bucket_histogram:\n            boundaries: [{listed}]\n"
