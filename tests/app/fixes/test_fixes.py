"""Fixes: only where they are right, and what is offered can be read by what it is for."""

import ast
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from app.fixes.fixes import Label, coarsen, drop, fold, remove
from app.fixes.snippets import Fix

LABEL = Label("http.server.duration", "user.id", "point", "sum", ("route", "code"), is_safe=False)
QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"')
HOSTILE = "a'b\"c: {d}\n- e#"
VIEWS = [
    f"SDK View: {one}" for one in ("Python", "Java", "Go", "JavaScript", ".NET", "declarative")
]
KINDS = ("sum", "histogram", "exponential_histogram", "gauge", "summary")


def titles(label: Label) -> list[str]:
    """Give what is offered."""
    return [fix.title for fix in drop(label)]


def test_relabelling_only_where_nothing_merges() -> None:
    """Dropping by relabelling makes duplicates of series that merge."""
    assert "Prometheus relabelling" not in titles(LABEL)
    assert "Prometheus relabelling" in titles(replace(LABEL, is_safe=True))


@pytest.mark.parametrize("kind", ["gauge", "summary"])
def test_gauges_are_never_added_up(kind: str) -> None:
    """How gauges are joined is not guessed; summaries cannot be joined."""
    fixes = drop(replace(LABEL, kind=kind))

    assert [fix.title for fix in fixes] == VIEWS
    assert not any("sum" in fix.text for fix in fixes)
    assert fold(replace(LABEL, kind=kind), ["path_template"]) == ()


def test_a_resource_attribute_goes_only_where_nothing_merges() -> None:
    """Otherwise counters of several senders would meet in one series: only a rule is left."""
    resource = replace(LABEL, level="resource")

    assert titles(resource) == ["Recording rule"]
    assert titles(replace(resource, is_safe=True)) == ["Collector: resource"]
    assert titles(replace(resource, kind="gauge")) == []


def test_what_is_kept_is_written_out() -> None:
    """The other labels stand in the fix; the dropped one does not."""
    fixes = {fix.title: fix.text for fix in drop(LABEL)}

    assert 'attribute_keys={"code", "route"}' in fixes["SDK View: Python"]
    assert 'TagKeys = ["code", "route"]' in fixes["SDK View: .NET"]
    views = yaml.safe_load(fixes["SDK View: declarative"])["meter_provider"]["views"]
    assert views[0]["stream"]["attribute_keys"] == {"excluded": ["user.id"]}
    steps = yaml.safe_load(fixes["Collector: metricstransform"])["processors"]
    (step,) = steps["metricstransform/drop_label"]["transforms"]
    assert step["include"] == "http.server.duration"
    assert step["operations"][0]["label_set"] == ["code", "route"]
    statements = yaml.safe_load(fixes["Collector: transform"])["processors"]["transform/drop_label"]
    assert statements["metric_statements"][0]["statements"] == [
        'aggregate_on_attributes("sum", ["code", "route"])'
    ]
    (group,) = yaml.safe_load(fixes["Recording rule"])["groups"]
    assert "sum without (user_id) (rate(" in group["rules"][0]["expr"]


@pytest.mark.parametrize(
    ("language", "gone"),
    [
        ("Java", '.setAttributeFilter(key -> !key.equals("user.id"))'),
        ("Go", 'AttributeFilter: attribute.NewDenyKeysFilter("user.id")'),
        ("JavaScript", 'attributesProcessors: [createDenyListAttributesProcessor(["user.id"])]'),
    ],
)
def test_what_goes_is_named_where_the_sdk_can(language: str, gone: str) -> None:
    """These Views let labels through that are new later."""
    (view,) = (fix for fix in drop(LABEL) if fix.title == f"SDK View: {language}")

    assert gone in view.text
    assert "route" not in view.text
    assert "new later" not in view.warning


def test_the_python_view_does_what_it_says() -> None:
    """Run in the real SDK: two users become one point with their sum, or half the bounds stay."""
    metric = "http.server.duration"
    points = run(next(fix for fix in drop(LABEL) if fix.language == "python"), "counter")
    (point,) = run(coarsen(metric, [1.0, 2.0, 4.0, 8.0])[0], "histogram")

    assert [(dict(one.attributes), one.value) for one in points] == [({"route": "/"}, 2)]
    assert (list(point.explicit_bounds), list(point.bucket_counts)) == ([2.0, 8.0], [2, 0, 0])


def test_the_python_view_makes_a_histogram_exponential() -> None:
    """Run in the real SDK: the point has a scale instead of bounds."""
    fixes = coarsen(LABEL.metric, [1.0, 2.0])
    view = next(fix for fix in fixes if fix.title == "SDK View, exponential: Python")

    (point,) = run(view, "histogram")

    assert point.count == 2
    assert isinstance(point.scale, int)


def run(fix: Fix, kind: str) -> Any:
    """Record 1 twice in the SDK with the view of a fix; give the points."""
    made: dict[str, Any] = {}
    exec(fix.text.partition("provider =")[0], made)  # noqa: S102 - our own text, plain names
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], views=[made["view"]])
    meter = provider.get_meter("shop")
    record = (
        meter.create_counter(LABEL.metric).add
        if kind == "counter"
        else meter.create_histogram(LABEL.metric).record
    )
    for user in ("ann", "bob"):
        record(1, attributes={"route": "/", "user.id": user} if kind == "counter" else {})
    data = reader.get_metrics_data()
    assert data is not None
    found = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    provider.shutdown()
    return found


def test_node_reads_the_javascript(require_program: Any, tmp_path: Path) -> None:
    """Node's own parser finds no error, whatever the names are."""
    program = require_program("node", "apt-get install nodejs")
    odd = replace(LABEL, metric=HOSTILE, label=HOSTILE)
    for number, fix in enumerate([*drop(odd), *coarsen(HOSTILE, [1.0, 2.0])]):
        if fix.language == "javascript":
            file = tmp_path / f"{number}.mjs"
            file.write_text(fix.text)
            done = subprocess.run([program, "--check", file], capture_output=True, check=False)
            assert done.returncode == 0, done.stderr


@given(st.text(min_size=1))
def test_names_stay_in_the_quotes_of_every_language(name: str) -> None:
    """Taken out of its quotes, a View in Java, Go, JavaScript or C# is that of a plain name."""
    odd = drop(replace(LABEL, metric=name, label=name, others=[name]))
    plain = drop(replace(LABEL, metric="m", label="m", others=["m"]))

    for fix, other in zip(odd, plain, strict=True):
        if fix.language in {"java", "go", "javascript", "csharp"}:
            assert len(fix.text.splitlines()) == len(other.text.splitlines())
            assert QUOTED.sub("q", fix.text) == QUOTED.sub("q", other.text)


def test_a_metric_that_nobody_uses_can_go() -> None:
    """By a View, a Collector or Prometheus, with a warning that it is gone for everybody."""
    fixes = remove("http.server.duration", "No dashboard or rule that is given names it.")

    assert [fix.title.partition(":")[0] for fix in fixes] == [
        "SDK View", "Collector", "Prometheus relabelling",
    ]  # fmt: skip
    assert all("No dashboard" in fix.warning for fix in fixes)
    (rule,) = yaml.safe_load(fixes[2].text)["metric_relabel_configs"]
    assert re.fullmatch(rule["regex"], "http_server_duration_seconds_bucket")
    assert rule["action"] == "drop"


def test_use_is_part_of_every_warning() -> None:
    """Who uses the label, or that it is not known."""
    assert all("Usage unknown" in fix.warning for fix in drop(LABEL))
    used = replace(LABEL, use="Used by shop.json.")
    assert all("Used by shop.json." in fix.warning for fix in drop(used))


def readable(fix: Fix) -> Any:
    """Parse a fix by its language."""
    return ast.parse(fix.text) if fix.language == "python" else yaml.safe_load(fix.text)


names = st.text(min_size=1, max_size=12) | st.just(HOSTILE)
labels = st.builds(
    Label,
    metric=names,
    label=names,
    level=st.sampled_from(["point", "resource"]),
    kind=st.sampled_from(KINDS),
    others=st.lists(names, max_size=3),
    is_safe=st.booleans(),
)


@given(labels)
def test_names_never_leave_their_quotes(odd: Label) -> None:
    """Whatever the names from telemetry hold, a fix has the shape it has for plain names."""
    plain = replace(odd, metric="m", label="l", others=["a"] * len(odd.others))

    for fix, other in zip(drop(odd), drop(plain), strict=True):
        if fix.language not in {"python", "yaml"}:
            continue
        found = readable(fix)
        assert type(found) is type(readable(other))
        if isinstance(found, dict):
            assert found.keys() == readable(other).keys()


@pytest.mark.parametrize("kind", ["sum", "histogram"])
def test_promtool_takes_the_rules(require_program: Any, tmp_path: Path, kind: str) -> None:
    """The peer's own check of rule files finds nothing."""
    program = require_program("promtool", "apt-get install prometheus")
    rules = tmp_path / "rules.yaml"
    rules.write_text(drop(replace(LABEL, kind=kind))[-1].text)

    done = subprocess.run([program, "check", "rules", rules], capture_output=True, check=False)

    assert done.returncode == 0, done.stdout
    assert b"SUCCESS: 1 rules found" in done.stdout
