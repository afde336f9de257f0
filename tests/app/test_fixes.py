"""Fixes: only where they are right, and what is offered can be read by what it is for."""

import ast
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from app.fixes import Label, drop, normalise
from app.snippets import Fix

LABEL = Label("http.server.duration", "user.id", "point", "sum", ("route", "code"), is_safe=False)
HOSTILE = "a'b\"c: {d}\n- e#"
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

    assert [fix.title for fix in fixes] == ["SDK View (Python)", "SDK View (declarative)"]
    assert not any("sum" in fix.text for fix in fixes)
    assert normalise(replace(LABEL, kind=kind)) == ()


def test_a_resource_attribute_goes_only_where_nothing_merges() -> None:
    """Otherwise counters of several senders would meet in one series: only a rule is left."""
    resource = replace(LABEL, level="resource")

    assert titles(resource) == ["Recording rule"]
    assert titles(replace(resource, is_safe=True)) == ["Collector"]
    assert titles(replace(resource, kind="gauge")) == []


def test_what_is_kept_is_written_out() -> None:
    """The other labels stand in the fix; the dropped one does not."""
    view, declared, transform, ottl, rule = drop(LABEL)

    assert 'attribute_keys={"code", "route"}' in view.text
    views = yaml.safe_load(declared.text)["meter_provider"]["views"]
    assert views[0]["stream"]["attribute_keys"] == {"excluded": ["user.id"]}
    (step,) = yaml.safe_load(transform.text)["processors"]["metricstransform/drop_label"][
        "transforms"
    ]
    assert step["include"] == "http.server.duration"
    assert step["operations"][0]["label_set"] == ["code", "route"]
    statements = yaml.safe_load(ottl.text)["processors"]["transform/drop_label"]
    assert statements["metric_statements"][0]["statements"] == [
        'aggregate_on_attributes("sum", ["code", "route"])'
    ]
    (group,) = yaml.safe_load(rule.text)["groups"]
    assert "sum without (user_id) (rate(" in group["rules"][0]["expr"]


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

    for fix, other in zip(
        [*drop(odd), *normalise(odd)], [*drop(plain), *normalise(plain)], strict=True
    ):
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
