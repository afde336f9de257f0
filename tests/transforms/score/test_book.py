"""The score of services over days: verdicts, evidence, windows, advisories."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.score import book
from transforms.score.advisories import ADVISORIES
from transforms.score.rules import BY_ID
from warehouse.tables.mart_score import (
    ADVISORY,
    FINDING_DAILY,
    KEY_DAILY,
    METRIC_DAILY,
    SCORE_RULE,
    SCORE_SERVICE,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = NOW.date()
LEFT_OUT = book.not_evaluated(has_spans=True)


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def finding(
    rule: str, broken: int = 0, checked: int = 10, ago: int = 0, **more: Any
) -> dict[str, Any]:
    """Give a row of core_score_finding_daily."""
    at = _at(TODAY - timedelta(days=ago))
    seen = at if broken else None
    return {
        "day": at.date(),
        "service_name": "pay",
        "rule": rule,
        "checked_count": checked,
        "violating_count": broken,
        "first_seen_at": seen,
        "last_seen_at": seen,
        "samples": ["x"] if broken else [],
        **more,
    }


def metric(name: str, unit: str = "s", ago: int = 0, **more: Any) -> dict[str, Any]:
    """Give a row of core_score_metric_daily."""
    at = _at(TODAY - timedelta(days=ago))
    return {
        "day": at.date(),
        "service_name": "pay",
        "metric_name": name,
        "unit": unit,
        "layout": "",
        "widest_key_count": 0,
        "is_overflow": False,
        "first_seen_at": at,
        "last_seen_at": at,
        **more,
    }


def key(level: str, name: str) -> dict[str, Any]:
    """Give a row of core_score_key_daily."""
    at = _at(TODAY)
    names = {"day": TODAY, "service_name": "pay", "level": level, "key": name}
    return {**names, "first_seen_at": at, "last_seen_at": at}


def scored(
    findings: list[dict[str, Any]] | None = None,
    metrics: list[dict[str, Any]] | None = None,
    keys: list[dict[str, Any]] | None = None,
    left_out: tuple[str, ...] = LEFT_OUT,
    owned: tuple[tuple[str, str], ...] = (),
) -> dict[str, pl.DataFrame]:
    """Score these days; every mart passes the check of its table. `owned`: service and team."""
    names = {"service_name": pl.String(), "team": pl.String()}
    services = pl.LazyFrame(owned, schema=names, orient="row")
    kept = book.Kept(
        pl.LazyFrame(findings or [], schema=FINDING_DAILY.schema),
        pl.LazyFrame(metrics or [], schema=METRIC_DAILY.schema),
        pl.LazyFrame(keys or [], schema=KEY_DAILY.schema),
    )
    made = {
        name: frame.collect()
        for name, frame in book.score(kept, services, NOW, left_out=left_out).items()
    }
    for table in (SCORE_SERVICE, SCORE_RULE, ADVISORY):
        table.check(made[table.name])
    return made


def rule(made: dict[str, pl.DataFrame], name: str, days: int = 30) -> dict[str, Any]:
    """Give the evidence of a rule for `pay`."""
    rows = made["mart_score_rule"].filter(
        (pl.col("rule") == name) & (pl.col("window_days") == days)
    )
    return rows.row(0, named=True)


def service(made: dict[str, pl.DataFrame], days: int = 30) -> dict[str, Any]:
    """Give the score of `pay`."""
    return made["mart_score_service"].filter(pl.col("window_days") == days).row(0, named=True)


def test_a_service_of_one_failed_rule() -> None:
    """RES-005 (40) of two rules seen fails: 440 of 480 strict, 20 of 60 where it stands."""
    made = scored([finding("RES-001"), finding("RES-005", 2)])

    found = service(made)
    assert (found["points"], found["max_points"]) == (440, 480)
    assert found["score"] == pytest.approx(44000 / 480)
    assert (found["applicable_points"], found["applicable_max_points"]) == (20, 60)
    assert (found["band"], found["band_applicable"]) == ("Excellent", "Poor")
    assert not found["is_complete"]
    assert found["not_evaluated"] == "SPA-003"
    assert rule(made, "RES-005")["points_if_fixed"] == pytest.approx(4000 / 480)


def test_the_teams_of_a_service_own_its_evidence() -> None:
    """Every team with a service of the name is told, once and in order; of none: nobody."""
    owned = (("pay", "payments"), ("pay", "checkout"), ("pay", "payments"), ("other", "search"))

    made = scored([finding("RES-005", 2)], owned=owned)
    nobody = scored([finding("RES-005", 2)], owned=(("other", "search"), ("pay", "")))

    assert rule(made, "RES-005")["owners"] == "checkout, payments"
    assert rule(nobody, "RES-005")["owners"] == ""


def test_every_rule_has_a_state() -> None:
    """All 19 stand there: failed, passed, not seen (which passes), not evaluated."""
    made = scored([finding("RES-001"), finding("RES-005", 2)])

    assert made["mart_score_rule"].filter(pl.col("window_days") == 30).height == 19
    states = [rule(made, name)["state"] for name in ("RES-001", "RES-005", "LOG-002", "SPA-003")]
    assert states == ["passed", "failed", "not seen", "not evaluated"]


def test_days_are_added_up() -> None:
    """Two days of findings: 3 of 20, first and last of both."""
    found = rule(scored([finding("RES-001", 1, ago=3), finding("RES-001", 2)]), "RES-001")

    assert (found["violating_count"], found["checked_count"]) == (3, 20)
    assert found["violating_ratio"] == pytest.approx(0.15)
    assert (found["first_seen_at"], found["last_seen_at"]) == (
        _at(TODAY - timedelta(days=3)),
        _at(TODAY),
    )


@pytest.mark.parametrize(("ago", "states"), [(6, "failed failed"), (7, "failed"), (30, "")])
def test_windows_count_days_with_today(ago: int, states: str) -> None:
    """6 days ago is in both windows, 7 days ago only in that of 30 days, 30 days ago in none."""
    made = scored([finding("RES-001", 1, ago=ago), finding("RES-005")])

    failed = made["mart_score_rule"].filter(pl.col("state") == "failed")
    assert failed["state"].to_list() == states.split()


@pytest.mark.parametrize(("place", "broken"), [(0, 0), (1, 10)])
def test_debug_for_more_than_14_days(case: Any, place: int, broken: int) -> None:
    """S07: exactly 14 days from first to last pass, a second more fails, in both windows."""
    example = case("coverage-cardinality", "S07")
    given = example["input"]["cases"][place]
    first, last = (datetime.fromisoformat(given[key]) for key in ("first", "last"))
    made = scored(
        [
            finding("LOG-001", 5, ago=(TODAY - at.date()).days, first_seen_at=at, last_seen_at=at)
            for at in (first, last)
        ]
    )

    want = {"pass": "passed", "fail": "failed"}[example["expected"]["result"][place]]
    assert rule(made, "LOG-001")["state"] == want
    assert rule(made, "LOG-001")["violating_count"] == broken


def test_debug_that_has_ended_passes_now() -> None:
    """DEBUG for 15 days that ended 8 days ago fails over 30 days and not over 7."""
    made = scored(
        [
            finding("LOG-001", 5, ago=23),
            finding("LOG-001", 5, ago=8),
            finding("LOG-001", 0),
        ]
    )

    assert [rule(made, "LOG-001", days)["state"] for days in (30, 7)] == ["failed", "passed"]


def test_units() -> None:
    """MET-002: no unit and `KBy` fail, `kBy`, `KiBy` and `B` do not; a metric counts once."""
    names = {"a": "", "b": "KBy", "c": "kBy", "d": "KiBy", "e": "B"}
    metrics = [metric(name, unit, ago) for name, unit in names.items() for ago in (0, 1)]

    made = scored(metrics=metrics)

    found = rule(made, "MET-002")
    assert (found["violating_count"], found["checked_count"]) == (2, 5)
    assert found["samples"] == ["a (no unit)", "b (KBy)"]
    bel = made["mart_advisory"].row(0, named=True)
    assert (bel["advisory"], bel["samples"]) == ("bel_for_bytes", ["e"])


@pytest.mark.parametrize(("ago", "state"), [(13, "failed"), (14, "passed")])
def test_one_unit_and_one_layout_for_14_days(ago: int, state: str) -> None:
    """MET-003 and MET-004 look at 14 days, today among them; what was before does not count."""
    metrics = [
        *(metric("a", "s", layout="1.0 2.0"), metric("a", "ms", ago, layout="1.0 2.0")),
        *(metric("b", layout="1.0 2.0"), metric("b", "s", ago, layout="1.0 5.0")),
    ]
    made = scored(metrics=metrics)

    assert [rule(made, name)["state"] for name in ("MET-003", "MET-004")] == [state, state]


@pytest.mark.parametrize(("values", "state"), [(9_999, "passed"), (10_000, "failed")])
def test_fewer_than_10000_values(values: int, state: str) -> None:
    """MET-001: 9,999 values of a key pass, 10,000 fail."""
    made = scored(metrics=[metric("a", widest_key_count=values)])

    assert rule(made, "MET-001")["state"] == state


def test_names_of_metrics() -> None:
    """MET-005 by the metric's own unit; MET-006 when the name equals an attribute's key."""
    made = scored(metrics=[metric("job.seconds"), metric("http.route"), metric("http.route.time")])

    assert rule(made, "MET-005")["samples"] == ["job.seconds (s)"]
    assert rule(made, "MET-006")["samples"] == ["http.route"]


def test_keys_at_the_right_level() -> None:
    """RES-004: service.name on a span and a request's method on the resource are 2 of 4."""
    made = scored(
        [finding("RES-005")],
        keys=[
            *(key("span", "service.name"), key("resource", "http.request.method")),
            *(key("resource", "service.name"), key("span", "http.request.method")),
        ],
    )

    found = rule(made, "RES-004")
    assert (found["violating_count"], found["checked_count"]) == (2, 4)
    assert found["samples"] == ["http.request.method on a resource", "service.name on a span"]


def test_without_sampled_traces_span_rules_are_not_evaluated() -> None:
    """With no spans kept, nobody claims that they pass."""
    made = scored([finding("RES-005")], left_out=book.not_evaluated(has_spans=False))

    spans = [name for name, it in BY_ID.items() if it.target == "Span"]
    assert service(made)["max_points"] == 510 - sum(BY_ID[name].weight for name in spans)
    assert spans == service(made)["not_evaluated"].split("+")


def test_deprecated_names_are_reported_and_cost_nothing() -> None:
    """Old keys at any level and old metrics, each with its new name; RES-004 sees no points."""
    metrics = [metric("system.network.dropped", "{packet}"), metric("jobs", "{job}")]
    old = [key("span", "http.target"), key("point", "http.method"), key("point", "service.name")]

    plain = scored([finding("RES-005")], metrics, [key("span", "url.path")])
    reported = scored([finding("RES-005")], metrics, [key("span", "url.path"), *old])

    assert reported["mart_score_service"].equals(plain["mart_score_service"])
    assert reported["mart_score_rule"].equals(plain["mart_score_rule"])
    row = (
        reported["mart_advisory"].filter(pl.col("advisory") == "deprecated_name").row(0, named=True)
    )
    assert row["violating_count"] == 3
    assert row["samples"] == [
        "http.method on a point: http.request.method",
        "http.target on a span: url.path or url.query",
        "metric system.network.dropped: system.network.packet.dropped",
    ]


def test_nothing_gives_nothing() -> None:
    """Without telemetry there is no service, and no score of 0 or 100."""
    assert all(frame.is_empty() for frame in scored().values())


@settings(max_examples=20, deadline=None)
@given(
    broken=st.lists(st.sampled_from(sorted(BY_ID)), max_size=6, unique=True),
    odd=st.lists(st.sampled_from(sorted(ADVISORIES)), max_size=4, unique=True),
)
def test_advisories_never_touch_the_score(broken: list[str], odd: list[str]) -> None:
    """The same service with and without advisories has the same score; violating <= checked."""
    judged = [finding(name, 1) for name in broken] + [finding("RES-001", ago=1)]

    plain = scored(judged)
    advised = scored([*judged, *(finding(name, 1) for name in odd)])

    assert plain["mart_score_service"].equals(advised["mart_score_service"])
    rules = advised["mart_score_rule"]
    assert rules.filter(pl.col("violating_count") > pl.col("checked_count")).is_empty()
