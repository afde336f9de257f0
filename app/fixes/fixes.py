"""Fixes of cardinality to copy: what to write where so that a label is gone or has fewer values.

Takes    a label of a metric: its level, the metric's kind and its other labels, whether anything
         merges without it, who uses it; or a histogram with its bounds
Gives    fixes, the best first, each with what must be known before it is used; none where all
         would be wrong
Never    guesses how gauges are added up, or drops by relabelling where series would merge
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.fixes import fix_collector, fix_views
from app.fixes.snippets import Fix, quoted, yaml_text

ADDED_UP: Final = ("sum", "histogram", "exponential_histogram")
"""Kinds whose series may be added up."""
REDACTED: Final = "…redacted…"


@dataclass(frozen=True)
class Label:
    """A label to be mended."""

    metric: str
    label: str
    level: str
    kind: str
    others: Sequence[str]
    """The other point labels of the metric."""
    is_safe: bool
    """Nothing merges without it."""
    use: str = "Usage unknown: no dashboard or rule is given."
    """A sentence: who uses it, as far as it is known."""


def drop(label: Label) -> tuple[Fix, ...]:
    """Give the ways to drop a label."""
    can_add = label.kind in ADDED_UP
    if label.level == "resource":
        fixes = [fix_collector.deleted_resource(label.label)] if label.is_safe else []
    else:
        fixes = [*fix_views.without(label.metric, label.label, label.others)]
        if can_add:
            fixes.append(fix_collector.aggregated(label.metric, label.others))
            fixes.append(fix_collector.kept_only(label.metric, label.others))
    if can_add and not label.is_safe and label.kind != "exponential_histogram":
        fixes.append(_recording_rule(label))
    if label.level == "point" and label.is_safe:
        fixes.append(_relabel(label))
    return _used(fixes, label.use)


def fold(label: Label, rewrites: Sequence[str], values: Sequence[str] = ()) -> tuple[Fix, ...]:
    """Give the ways to have fewer values: `path_template`, `status_class`, `top_k` as they apply.

    `values` are those to keep. None where series of several kinds cannot be added up, or where a
    value that would have to be written out names a person.
    """
    if label.level != "point" or label.kind not in ADDED_UP:
        return ()
    metric, name, others = label.metric, label.label, label.others
    fixes: list[Fix] = []
    if "path_template" in rewrites:
        fixes.append(fix_collector.templates(metric, name, others))
    if "status_class" in rewrites:
        fixes.append(fix_collector.status_classes(metric, name, others))
    if "top_k" in rewrites and values and not any(REDACTED in value for value in values):
        fixes.append(fix_collector.top_values(metric, name, others, values))
    return _used(fixes, label.use)


def coarsen(metric: str, bounds: Sequence[float], use: str = "") -> tuple[Fix, ...]:
    """Give the ways to halve the bounds of an explicit histogram: every second one stays."""
    if len(bounds) < 2:
        return ()
    kept, removed = bounds[1::2], bounds[::2]
    fixes = [
        *fix_views.coarser(metric, kept),
        fix_collector.merged_buckets(metric, removed),
        *(
            replace(fix, title=fix.title.replace("View", "View, exponential"))
            for fix in fix_views.exponential(metric)
        ),
    ]
    return _used(fixes, use)


def remove(metric: str, use: str = "") -> tuple[Fix, ...]:
    """Give the ways to drop a whole metric, where nobody uses it."""
    plain = _plain(metric)
    relabel = (
        "metric_relabel_configs:\n"
        "  - source_labels: [__name__]\n"
        f"    regex: {yaml_text(plain + '(_.*)?')}\n"
        "    action: drop\n"
    )
    view = (
        "meter_provider:\n"
        "  views:\n"
        "    - selector:\n"
        f"        instrument_name: {yaml_text(metric)}\n"
        "      stream:\n"
        "        aggregation:\n"
        "          drop:\n"
    )
    return _used(
        [
            Fix(
                "SDK View: drop the metric", "yaml", view, "It is not even counted in the service."
            ),
            fix_collector.dropped_metric(metric),
            Fix(
                "Prometheus relabelling: drop the metric",
                "yaml",
                relabel,
                "Names that begin alike go too: look at the pattern before you use it.",
            ),
        ],
        use,
    )


def _used(fixes: Sequence[Fix], use: str) -> tuple[Fix, ...]:
    return tuple(replace(fix, warning=f"{fix.warning} {use}".strip()) for fix in fixes)


def _recording_rule(label: Label) -> Fix:
    name, gone = _plain(label.metric), _plain(label.label)
    suffix = "(_[a-z]+)?_total" if label.kind == "sum" else "(_[a-z]+)?_bucket"
    select = f"{{__name__=~{quoted(name + suffix)}}}"
    return Fix(
        "Recording rule",
        "yaml",
        "groups:\n"
        "  - name: fewer_series\n"
        "    rules:\n"
        f"      - record: {yaml_text(f'{name}:without_{gone}:rate5m')}\n"
        f"        expr: {yaml_text(f'sum without ({gone}) (rate({select}[5m]))')}\n",
        "Dashboards become quick, but the series are still stored: drop them afterwards, where the "
        "backend can drop after its rules. For counters and histograms; of an up-down counter "
        "there is no rate.",
    )


def _relabel(label: Label) -> Fix:
    return Fix(
        "Prometheus relabelling",
        "yaml",
        "metric_relabel_configs:\n"
        "  - source_labels: [__name__]\n"
        f"    regex: {yaml_text(_plain(label.metric) + '(_.*)?')}\n"
        f"    target_label: {yaml_text(_plain(label.label))}\n"
        "    replacement: ''\n",
        "Safe today, as nothing merges without the label; it saves bytes, not series. Not safe "
        "any more when two series differ by this label alone.",
    )


def _plain(name: str) -> str:
    """Write a name as Prometheus does."""
    return re.sub(r"[^A-Za-z0-9_:]+", "_", name)
