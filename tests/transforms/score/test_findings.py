"""What each rule of the score finds in a day of resources, logs, traces and metrics: the edges."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from tests.transforms.score.one_day import DAY, START, TERMS, logs_of, series_of, spans_of
from transforms.score import advisories, findings, metrics
from warehouse.tables import raw
from warehouse.tables.mart_score import FINDING_DAILY

Counts = tuple[int, int]


def _counts(parts: Sequence[pl.LazyFrame], service: str = "pay") -> dict[str, Counts]:
    made = findings.findings(parts, DAY).collect()
    FINDING_DAILY.check(made)
    return {
        row["rule"]: (row["checked_count"], row["violating_count"])
        for row in made.to_dicts()
        if row["service_name"] == service
    }


def _of_resources(*resources: Mapping[str, object], service: str = "pay") -> dict[str, Counts]:
    series = series_of(*({"resource": one} for one in resources))
    seen = findings.resources(series, raw.SIGNAL.empty().lazy(), TERMS)
    return _counts(findings.resource_findings(seen), service)


def test_instance_ids_are_present_and_not_shared(
    case: Callable[[str, str], dict[str, Any]],
) -> None:
    """S05: two pods that share an id fail; another service, or the same pod twice, does not."""
    sets = case("coverage-cardinality", "S05")["input"]["resources"]

    found = {name: _of_resources(*resources) for name, resources in sets.items()}

    assert found["A"]["RES-002"] == (1, 1)
    assert found["B"]["RES-002"] == (1, 0)
    assert found["C"]["RES-002"] == (1, 0)
    assert "RES-002" not in found["D"]
    assert found["D"]["RES-001"] == (2, 2)
    assert found["A"]["RES-001"] == (2, 0)


def test_identities_of_two_kinds_are_not_compared() -> None:
    """One sender names the pod, the other the host: that is no sign of two resources."""
    ids = {"service.name": "pay", "service.instance.id": "a"}

    found = _of_resources({**ids, "k8s.pod.name": "p"}, {**ids, "host.name": "h"})

    assert found["RES-002"] == (2, 0)


def test_runtimes_are_held_against_their_sdk() -> None:
    """SDK-001: SDK 1.42 wants Python 3.10; a resource without a runtime is not asked."""
    sdk = {
        "service.name": "pay",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": "1.42.0",
    }
    old, new = ({**sdk, "process.runtime.version": version} for version in ("3.9.18", "3.11.7"))

    series = series_of(*({"resource": one} for one in (old, new, sdk)))
    seen = findings.resources(series, raw.SIGNAL.empty().lazy(), TERMS)
    made = findings.findings(findings.resource_findings(seen), DAY).collect()

    row = made.filter(pl.col("rule") == "SDK-001").row(0, named=True)
    assert (row["checked_count"], row["violating_count"]) == (2, 1)
    assert row["samples"] == ["python 3.9.18 with SDK 1.42.0"]
    assert "SDK-001" not in _of_resources(sdk)


def test_a_pod_bears_its_uid() -> None:
    """RES-003: a resource that names a pod needs the uid; one without Kubernetes is not asked."""
    pod = {"service.name": "pay", "k8s.pod.name": "p"}
    node = {"service.name": "pay", "k8s.cluster.name": "c", "k8s.node.name": "n"}

    assert _of_resources(pod, {**pod, "k8s.pod.uid": "u"})["RES-003"] == (2, 1)
    assert "RES-003" not in _of_resources({"service.name": "pay"}, node)


@pytest.mark.parametrize(
    "kind",
    ["namespace", "deployment", "replicaset", "statefulset", "daemonset", "job", "cronjob"],
)
def test_what_runs_pods_bears_the_uid_of_its_pod(kind: str) -> None:
    """RES-003: whatever kind of workload telemetry names, it came from a pod."""
    work = {"service.name": "pay", f"k8s.{kind}.name": "w"}

    assert _of_resources(work, {**work, "k8s.pod.uid": "u"})["RES-003"] == (2, 1)


def test_a_resource_is_named_by_what_tells_it_from_others() -> None:
    """A sample names the pod, else the instance, else the keys, so that it can be found."""
    pod = {"service.name": "pay", "k8s.pod.name": "p"}
    series = series_of(
        {"resource": {**pod}},
        {"resource": {"service.name": "pay", "k8s.deployment.name": "d"}},
        {
            "resource": {
                "service.name": "pay",
                "k8s.container.name": "c",
                "service.instance.id": "i",
            }
        },
    )
    seen = findings.resources(series, raw.SIGNAL.empty().lazy(), TERMS)

    made = findings.findings(findings.resource_findings(seen), DAY).collect()

    samples = made.filter(pl.col("rule") == "RES-003")["samples"].to_list()
    assert samples == [
        [
            "a resource with k8s.deployment.name, service.name",
            "k8s.pod.name=p",
            "service.instance.id=i",
        ]
    ]


def test_a_service_has_a_name() -> None:
    """RES-005: nothing, the empty text and a number fail; the SDK's own default passes, advised."""
    nameless = _of_resources({"host.name": "h"}, {"service.name": ""}, service="")
    default = _of_resources(
        {"service.name": "unknown_service:java"}, service="unknown_service:java"
    )

    number = _of_resources({"service.name": 5}, service="5")

    assert nameless["RES-005"] == (2, 2)
    assert number["RES-005"] == (1, 1)
    assert default["RES-005"] == (1, 0)
    assert default[advisories.DEFAULT_NAME] == (1, 1)


def test_telemetry_about_workloads_is_judged_for_nobody() -> None:
    """Metrics of a kubelet receiver, or of names like k8s.*, have no service to judge."""
    series = series_of({"scope_name": "x/kubeletstatsreceiver/y"}, {"metric_name": "k8s.pod.phase"})

    assert findings.resources(series, raw.SIGNAL.empty().lazy(), TERMS).collect().is_empty()
    assert (
        metrics.metrics_seen(series, raw.HISTOGRAM.empty().lazy(), DAY, TERMS).collect().is_empty()
    )


@pytest.mark.parametrize(
    ("number", "text", "broken"), [(9, "INFO", 0), (9, "", 0), (0, "INFO", 3), (9, "UNSET", 3)]
)
def test_a_record_has_a_severity(number: int, text: str, broken: int) -> None:
    """LOG-002: the number 0 or the text UNSET breaks it; an empty text does not."""
    logs = logs_of({"service.name": "pay"}, (number, text, 3))

    assert _counts(findings.log_findings(logs, TERMS))["LOG-002"] == (3, broken)


def test_debug_counts_in_production_only(case: Callable[[str, str], dict[str, Any]]) -> None:
    """S07: staging is not looked at; without an environment it is told beside the score."""
    example = case("coverage-cardinality", "S07")
    resources = [
        {"service.name": "pay", "deployment.environment.name": one["env"]}
        for one in example["input"]["cases"]
    ]
    del resources[-1]["deployment.environment.name"]
    records = ((5, "DEBUG", 3), (5, "debug", 1))

    found = [_counts(findings.log_findings(logs_of(one, *records), TERMS)) for one in resources]

    assert list(TERMS.production) == example["input"]["production_values"]
    assert [one.get("LOG-001") for one in found] == [(4, 4), (4, 4), None, None]
    surfaced = [one.get(advisories.DEBUG_ANYWHERE) for one in found]
    want = example["expected"]["result"]
    assert surfaced == [(4, 4) if result == "pass_unknown_env" else None for result in want]


def _trace(*rows: Mapping[str, Any], around: pl.LazyFrame | None = None) -> dict[str, Counts]:
    spans = spans_of(*rows)
    return _counts(findings.span_findings(spans, spans if around is None else around))


@pytest.mark.parametrize(("count", "broken"), [(10, 0), (11, 1)])
def test_internal_spans_per_trace(count: int, broken: int) -> None:
    """SPA-001: 10 INTERNAL spans of a service in a trace pass, 11 fail."""
    assert _trace(*[{"kind": 1}] * count)["SPA-001"] == (1, broken)


@pytest.mark.parametrize(("count", "broken"), [(20, 0), (21, 1)])
def test_short_spans_per_trace(count: int, broken: int) -> None:
    """SPA-005: 20 spans shorter than 5 ms pass, 21 fail; 5 ms itself is not short."""
    rows = [{"duration_ns": 4_999_999}] * count + [{"duration_ns": 5_000_000}]

    assert _trace(*rows)["SPA-005"] == (1, broken)


def test_short_spans_are_charged_to_who_has_most() -> None:
    """SPA-005 counts the whole trace: 11 and 10 short spans are 21, charged to the first."""
    rows = [{"duration_ns": 1}] * 11 + [{"duration_ns": 1, "service_name": "ord"}] * 10
    parts = findings.span_findings(spans_of(*rows), spans_of(*rows))

    assert _counts(parts, "pay")["SPA-005"] == (1, 1)
    assert _counts(parts, "ord")["SPA-005"] == (1, 0)


@pytest.mark.parametrize(("kind", "broken"), [(3, 1), (2, 0), (1, 0)])
def test_a_root_is_no_client(kind: int, broken: int) -> None:
    """SPA-004: a root of kind CLIENT fails; a child of that kind is not looked at."""
    found = _trace({"kind": kind}, {"kind": 3, "parent_span_id": 1})

    assert found["SPA-004"] == (1, broken)


def test_a_parent_is_in_the_trace() -> None:
    """SPA-002: a parent of another trace is none; one of the day before is one."""
    late = {"trace_id": "other", "received_at": START + timedelta(hours=1)}
    before = spans_of({"span_id": 77})

    assert _trace({}, {"parent_span_id": 1}, late)["SPA-002"] == (1, 0)
    assert _trace({"trace_id": "u"}, {"parent_span_id": 1}, late)["SPA-002"] == (1, 1)
    assert _trace({"parent_span_id": 77}, late, around=before)["SPA-002"] == (1, 0)


@pytest.mark.parametrize(("seconds", "checked"), [(299, 0), (300, 1)])
def test_a_parent_may_come_later(seconds: int, checked: int) -> None:
    """A span is judged when something was received 5 minutes after it, and not before."""
    late = {"trace_id": "other", "received_at": START + timedelta(seconds=seconds)}

    found = _trace({"parent_span_id": 9}, late).get("SPA-002", (0, 0))

    assert found == (checked, checked)


def test_labels_of_services_are_looked_at_for_people() -> None:
    """Of two labels one holds addresses; what infrastructure sends is not looked at."""
    kubelet = {"scope_name": "otelcol/kubeletstatsreceiver", "labels": {"mail": "a@example.org"}}
    series = series_of({"labels": {"mail": "ann@example.org", "shop": "1"}}, kubelet)

    found = _counts([findings.label_findings(series, TERMS)])

    assert found == {"personal_data": (2, 1)}
