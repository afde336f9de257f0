"""PromQL is read for the names in it, and for no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.cardinality.promql import named

QUERIES = [
    ("up", {"up"}, set()),
    ('sum by (route, code) (rate(http_requests_total{job="shop"}[5m]))',
     {"http_requests_total"}, {"route", "code", "job"}),
    ("sum(rate(a_total[5m])) by (pod) / on(pod) group_left(node) sum(b) by (pod)",
     {"a_total", "b"}, {"pod", "node"}),
    ("sum without (pod) (m) and ignoring(zone) n", {"m", "n"}, set()),
    ("histogram_quantile(0.99, sum(rate(d_seconds_bucket[1h:5m] offset 1d)) by (le))",
     {"d_seconds_bucket"}, {"le"}),
    ('{__name__="x:y", env!~"dev.*"}', {"x:y"}, {"env"}),
    ('{"http.server.duration", "http.route"=~"/a.*"}', {"http.server.duration"}, {"http.route"}),
    ("topk(5, count_values('v', m)) > bool 1e3 unless n # comment by (x)", {"m", "n"}, set()),
    ('label_replace(m, "dst", "$1", "src", "(.*)")', {"m"}, {"src"}),
    ('label_join(m, "dst", "-", "a", "b")', {"m"}, {"a", "b"}),
    ('label_values(m{env="x"}, pod)', {"m"}, {"env", "pod"}),
    ("label_values(pod)", set(), {"pod"}),
    ("query_result(max(m) by (host))", {"m"}, {"host"}),
    ('sum(rate(m{pod=~"$pod"}[$__rate_interval])) by ($group)', {"m"}, {"pod", "*"}),
    ("m * Inf + NaN - 0x1F", {"m"}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("query", "metrics", "labels"), QUERIES)
def test_names_of_a_query(query: str, metrics: set[str], labels: set[str]) -> None:
    """Metrics, and the labels that it groups by, matches or takes from."""
    found = named(query)

    assert (found.metrics, found.labels) == (metrics, labels)


@pytest.mark.parametrize(
    ("query", "patterns"),
    [
        ('{__name__=~"a|b.*"}', {"a|b.*"}),
        ("rate(${service}_requests_total[5m])", {".*_requests_total"}),
        ("[[prefix]]:up", {".*:up"}),
        ("metrics(shop_.*)", {"shop_.*"}),
    ],
)
def test_patterns_of_names(query: str, patterns: set[str]) -> None:
    """A variable, or a matcher of names, stands for many metrics."""
    assert named(query).patterns == patterns


@given(st.text("abc(){}[],=~!\"'`$# by\\\n0", max_size=40))
def test_nothing_makes_it_fail(query: str) -> None:
    """Half a query names what can be read of it."""
    named(query)
