"""Keys of attributes and the level at which they stand."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from tests.transforms.rows import rows
from tests.transforms.score.one_day import DAY, START, TERMS, logs_of, series_of
from transforms.score import findings, keys
from transforms.score.advisories import SAMPLE_COUNT
from warehouse.tables import raw
from warehouse.tables.mart_score import KEY_DAILY


def judged(*found: tuple[str, str], service: str = "pay") -> dict[str, Any]:
    """Judge RES-004 by level and key."""
    days = rows(
        KEY_DAILY, *({"service_name": service, "level": level, "key": key} for level, key in found)
    )
    made = keys.key_findings(days.lazy()).collect()
    return made.row(0, named=True) if made.height else {}


def test_keys_are_kept_where_they_were_met() -> None:
    """RES-004 sees keys with a level of their own: on resources, and on sampled records."""
    resource = {"service.name": "pay", "http.request.method": "GET", "own.key": "1"}
    logs = logs_of(resource, (9, "INFO", 1), keys=["service.name", "http.route", "mine"])
    seen = findings.resources(series_of(), logs, TERMS)

    made = keys.keys_seen(seen, series_of(), logs, DAY, TERMS).collect()

    KEY_DAILY.check(made)
    assert made.select("level", "key").rows() == [
        ("log", "http.route"),
        ("log", "service.name"),
        ("resource", "http.request.method"),
        ("resource", "service.name"),
    ]


def test_old_keys_of_points_are_kept() -> None:
    """Of the labels of a metric only deprecated ones are kept, once for all series."""
    series = series_of(*({"labels": {"http.method": m, "http.route": "/"}} for m in ("GET", "PUT")))

    made = keys.keys_seen(
        findings.resources(series_of(), raw.SIGNAL.empty().lazy(), TERMS),
        series,
        raw.SIGNAL.empty().lazy(),
        DAY,
        TERMS,
    ).collect()

    assert made.select("level", "key").rows() == [("point", "http.method")]


def test_infrastructure_has_no_keys_of_its_own() -> None:
    """What a kubelet receiver, or logs of its scope, bear is no service's."""
    scope = {"scope_name": "x/kubeletstatsreceiver/y"}
    series = series_of({"labels": {"http.method": "GET"}, **scope})
    logs = logs_of({"service.name": "pay"}, keys=["http.route"])
    logs = logs.with_columns(scope_name=pl.lit(scope["scope_name"]))

    made = keys.keys_seen(findings.resources(series, logs, TERMS), series, logs, DAY, TERMS)

    assert made.collect().is_empty()


def test_a_key_has_its_first_and_its_last_hour() -> None:
    """Of two series, at 3:00 and 7:00; keys of spans are told apart from those of logs."""
    labels = {"http.method": "GET"}
    series = series_of({"labels": labels, "hour": 7}, {"labels": labels, "hour": 3})
    spans = logs_of({}, keys=["http.route"], signal="traces")
    none = findings.resources(series_of(), raw.SIGNAL.empty().lazy(), TERMS)

    made = KEY_DAILY.check(keys.keys_seen(none, series, spans, DAY, TERMS).collect())

    assert made.select("service_name", "level", "key").rows() == [
        ("", "span", "http.route"),
        ("pay", "point", "http.method"),
    ]
    point = made.filter(level="point").row(0, named=True)
    assert point["first_seen_at"] == START + timedelta(hours=3)
    assert point["last_seen_at"] == START + timedelta(hours=7)


@pytest.mark.parametrize(
    ("level", "key", "checked", "broken"),
    [
        ("resource", "service.name", 1, 0),
        ("resource", "http.route", 1, 1),
        ("log", "service.name", 1, 1),
        ("span", "service.name", 1, 1),
        ("span", "http.route", 1, 0),
        ("log", "http.route", 1, 0),
        ("point", "service.name", 0, 0),  # labels of points are no matter of this rule
        ("resource", "http.flavor", 0, 0),  # deprecated, but of no level of its own
    ],
)
def test_a_key_belongs_at_its_level(level: str, key: str, checked: int, broken: int) -> None:
    """Keys of resources on resources, keys of items on logs and spans; others are not judged."""
    found = judged((level, key))

    assert (found.get("checked_count", 0), found.get("violating_count", 0)) == (checked, broken)
    if broken:
        assert found["samples"] == [f"{key} on a {level}"]


def test_a_key_counts_once_in_a_window() -> None:
    """On two days at one place it is one, at two places two; the first by name are shown."""
    places = [("log", "service.name"), ("log", "service.name"), ("span", "service.name")]
    wide = [("span", key) for key in ("host.id", "host.name", "host.type", "os.type", "os.version")]

    found = judged(*places, *wide)

    assert (found["checked_count"], found["violating_count"]) == (7, 7)
    shown = sorted({"service.name on a log", *(f"{key} on a {at}" for at, key in [*places, *wide])})
    assert found["samples"] == shown[:SAMPLE_COUNT]
    assert judged() == {}
