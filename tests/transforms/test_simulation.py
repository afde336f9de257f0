"""A plan of several changes at once, held against really making them."""

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.fingerprint import wide
from transforms.simulation import Drop, Normalise, TopK, simulated, unknown

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
    wrong = [Drop("m", "q"), Drop("n", "queue"), Drop("*", "q")]
    assert unknown(series, [TopK("*", "queue", 1), Drop("m", "n"), *wrong]) == wrong
    assert simulated(series, []).rows() == [("m", 6, 6)]
