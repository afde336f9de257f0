"""A plan of several changes at once, held against really making them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.cardinality.fingerprint import wide
from transforms.cardinality.simulation import (
    Drop,
    Normalise,
    Remove,
    TopK,
    labels_of,
    simulated,
    unknown,
)

PATHS = {"/a/1": "/a/{n}", "/a/2": "/a/{n}", "/b": "/b"}
random_rows = st.lists(
    st.tuples(
        st.sampled_from(["x", "y"]),
        st.fixed_dictionaries(
            {},
            optional={
                "path": st.sampled_from(sorted(PATHS)),
                "code": st.sampled_from(["200", "201", "404"]),
                "user": st.sampled_from(["u1", "u2", "u3"]),
            },
        ),
    ),
    min_size=1,
    max_size=25,
)


def after(rows: Sequence[tuple[str, dict[str, str]]], metric: str) -> int:
    """Count a metric's series with users dropped, paths and codes folded; other metrics as is."""
    changed = {
        tuple(sorted((k, PATHS.get(v, v)) for k, v in labels.items() if k != "user"))
        for name, labels in rows
        if name == metric
    }
    folded = {
        tuple((k, v[0] + "xx" if k == "code" else v) for k, v in labels) for labels in changed
    }
    return len(folded)


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=random_rows)
def test_a_plan_is_a_recount(telemetry: Any, rows: Any) -> None:
    """All changes at once leave what really making them leaves; the other metric stays."""
    builder = type(telemetry)()
    for metric, labels in rows:
        builder.add(metric, {}, labels=labels)
    plan = [Drop("x", "user"), Normalise("x", "path"), Normalise("x", "code")]

    got = {row[0]: row[1:] for row in simulated(wide(builder.series), plan).rows()}

    for metric in {name for name, _ in rows}:
        series = len({tuple(sorted(labels.items())) for name, labels in rows if name == metric})
        assert got[metric] == (series, after(rows, metric) if metric == "x" else series)


def test_top_and_other_of_every_metric(telemetry: Any) -> None:
    """Of five queues the one with most series and `other` remain; a label must exist."""
    for n in range(6):
        telemetry.add("m", {}, labels={"queue": str(max(n, 1)), "n": n % 2})
    series = wide(telemetry.series)

    got = simulated(series, [TopK("*", "queue", 1)])

    assert got.rows() == [("m", 6, 4)]
    assert simulated(series, []).rows() == [("m", 6, 6)]


def test_what_is_not_there_is_reported_with_what_is_near(telemetry: Any) -> None:
    """Names that look alike, else all labels where they are few."""
    telemetry.add("http.server.duration", {}, labels={"user.id": 1, "route": "/"}).add("up", {})
    known = labels_of(wide(telemetry.series))
    wrong = [
        Drop("http.server.durations", "user.id"),
        Drop("http.server.duration", "user_id"),
        Drop("http.server.duration", "zzz"),
        Drop("up", "job"),
        Drop("*", "routes"),
        Remove("down", ""),
    ]

    lost = unknown(known, [Drop("*", "route"), Drop("http.server.duration", "route"), *wrong])

    assert [step for step, _ in lost] == wrong
    assert [what for _, what in lost] == [
        "no metric http.server.durations; near: http.server.duration",
        "no label user_id; near: user.id",
        "no label zzz; there are: route, user.id",
        "no label job",
        "no label routes; near: route",
        "no metric down; there are: http.server.duration, up",
    ]


@pytest.mark.parametrize("count", [8, 9])
def test_eight_names_are_few(count: int) -> None:
    """Where none is near, eight labels are listed and nine are not; of none there is none."""
    names = [f"a{n}" for n in range(count)]

    lost = unknown({"m": names, "bare": []}, [Drop("m", "zzz"), Drop("bare", "zzz")])

    listed = f"; there are: {', '.join(names)}" if count == 8 else ""
    assert [what for _, what in lost] == [f"no label zzz{listed}", "no label zzz"]


STEPS = st.lists(
    st.one_of(
        st.builds(Drop, st.sampled_from("xy*"), st.sampled_from(["path", "code", "user"])),
        st.builds(Normalise, st.sampled_from("xy*"), st.sampled_from(["path", "code"])),
        st.builds(
            TopK,
            st.sampled_from("xy*"),
            st.sampled_from(["path", "code", "user"]),
            top=st.integers(1, 2),
        ),
        st.builds(Remove, st.sampled_from("xy"), st.just("")),
    ),
    max_size=4,
)


Series = list[dict[str, str]]


def done(rows: Sequence[tuple[str, dict[str, str]]], metric: str, plan: Sequence[Drop]) -> int:
    """Really make a plan, series by series, and count."""
    mine = [step for step in plan if step.metric in {metric, "*"}]
    if any(isinstance(step, Remove) for step in mine):
        return 0
    distinct = {tuple(sorted(labels.items())) for name, labels in rows if name == metric}
    series = [dict(one) for one in distinct]
    for label in ("path", "code", "user"):
        steps = [step for step in mine if step.label == label]
        if any(type(step) is Drop for step in steps):
            series = [{k: v for k, v in one.items() if k != label} for one in series]
        else:
            fold([one for one in series if label in one], label, steps)
    return len({tuple(sorted(one.items())) for one in series})


def fold(series: Series, label: str, steps: Sequence[Drop]) -> None:
    """Replace a label's values in place: templates and classes first, then the top ones."""
    if any(isinstance(step, Normalise) for step in steps):
        for one in series:
            value = PATHS.get(one[label], one[label])
            one[label] = value[0] + "xx" if value.isdecimal() else value
    for step in steps:
        if isinstance(step, TopK):
            found = Counter(one[label] for one in series)
            kept = sorted(found, key=lambda value: (-found[value], value))[: step.top]
            for one in series:
                one[label] = one[label] if one[label] in kept else "other"


@settings(
    deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=random_rows, plan=STEPS)
def test_any_plan_is_a_recount(telemetry: Any, rows: Any, plan: Any) -> None:
    """Sets of labels, templates, classes, tops and metrics, in any mixture and order of both."""
    builder = type(telemetry)()
    for metric, labels in rows:
        builder.add(metric, {}, labels=labels)

    got = {row[0]: row[2] for row in simulated(wide(builder.series), plan).rows()}

    assert got == {metric: done(rows, metric, plan) for metric in {name for name, _ in rows}}
