"""Coverage: who is expected, who is seen, who is dark."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from meterbook.errors import ConfigError
from transforms import coverage, inventory, sli
from warehouse.tables.core import SERVICE, SIGNAL_DAILY, WORKLOAD_DAILY
from warehouse.tables.mart_coverage import COVERAGE_SERVICE, COVERAGE_TEAM, SLI_DAILY
from warehouse.tables.raw import SIGNAL

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = date(2026, 11, 22)
HEAD = ",".join(inventory.CATALOGUE)
PRODUCTION = ["production"]
NO_COSTS = pl.LazyFrame(
    schema={
        "service_namespace": pl.String,
        "service_name": pl.String,
        "monthly_cost": pl.Decimal(38, 12),
    }
)
ALL = ("logs", "metrics", "traces")


def catalogue(*rows: str) -> pl.LazyFrame:
    """Give a catalogue from lines `namespace,name,kind,team,tier,reason,until`."""
    lines = []
    for row in rows:
        space, name, *rest = [*row.split(","), *[""] * 5][:7]
        kind, team, tier, reason, until = rest
        parts = [space, name, "production", kind or "service", team or "t", tier or "2"]
        lines.append(",".join([*parts, reason, until]))
    return inventory.parse_inventory("\n".join([HEAD, *lines]))


def workloads(*names: str) -> pl.LazyFrame:
    """Give core_workload_daily of `namespace/name`."""
    rows = [
        {
            "day": DAY,
            "cluster": "c",
            "namespace": name.split("/")[0],
            "workload": name.split("/")[1],
            "workload_kind": "Deployment",
            "environment": "production",
            "team": "",
            "first_event_at": NOW,
            "last_event_at": NOW,
        }
        for name in names
    ]
    return pl.LazyFrame(rows, schema=WORKLOAD_DAILY.schema)


def billed(*names: str) -> pl.LazyFrame:
    """Give services that bill lines name."""
    schema = {name: SERVICE.schema[name] for name in coverage.IDENTITY}
    times = {name: SERVICE.schema[name] for name in ("first_seen_at", "last_seen_at")}
    rows = [("", name, "production", NOW, NOW) for name in names]
    return pl.LazyFrame(rows, schema={**schema, **times}, orient="row")


def heard(
    what: Mapping[str, Sequence[str]], at: datetime = NOW, environment: str = "production"
) -> pl.LazyFrame:
    """Give core_signal_daily of `namespace/name` or `name` with signals."""
    rows = []
    for name, signals in what.items():
        space, _, bare = name.rpartition("/")
        rows += [(DAY, space, bare, environment, signal, 1, at) for signal in signals]
    return pl.LazyFrame(rows, schema=SIGNAL_DAILY.schema, orient="row")


def covered(
    expected: pl.LazyFrame, signals: pl.LazyFrame, costs: pl.LazyFrame = NO_COSTS
) -> pl.DataFrame:
    """Give mart_coverage_service, checked."""
    made = coverage.coverage_service(
        expected, signals, costs, environments=PRODUCTION, now=NOW, freshness_hours=24
    )
    return COVERAGE_SERVICE.check(made.collect())


def services(
    known: pl.LazyFrame, running: pl.LazyFrame | None = None, bill: pl.LazyFrame | None = None
) -> pl.LazyFrame:
    """Give core_service, checked."""
    made = coverage.services(
        known,
        workloads() if running is None else running,
        billed() if bill is None else bill,
        environments=PRODUCTION,
    )
    return SERVICE.check(made.collect()).lazy()


def states(frame: pl.DataFrame) -> dict[str, list[str]]:
    """Give the names in each list."""
    found: dict[str, list[str]] = {}
    for name, state in frame.select("service_name", "state").rows():
        found.setdefault(state, []).append(name)
    return {state: sorted(names) for state, names in found.items()}


def test_expected_from_three_sources(case: Any) -> None:
    """Catalogue, workloads and bill together, minus live exemptions; unregistered stays outside."""
    example = case("coverage-cardinality", "C04")
    given, want = example["input"], example["expected"]
    rows = [
        f",{name},service,t,2,"
        + (f"planned,{given['exempt'][name]}" if name in given["exempt"] else ",")
        for name in given["catalog"]
    ]
    running = workloads(*(f"ns/{name}" for name in given["k8s"]))
    expected = services(catalogue(*rows), running, billed(*given["billing"]))

    frame = covered(expected, heard(dict.fromkeys(given["complete_observed"], ALL)))

    found = states(frame)
    assert found["dark"] == want["dark"]
    assert found["unregistered"] == want["unregistered"]
    assert found["exempt"] == want["exempt"]
    assert sorted(found["complete"] + found["dark"]) == want["expected"]
    row = coverage.coverage_team(frame.lazy()).filter(pl.col("team") == "__all__").collect()
    assert row["coverage_ratio"].to_list() == [want["m7"]]


def test_signals_by_kind(case: Any) -> None:
    """A cron job sends logs, a datastore no traces; what is more is not less."""
    example = case("coverage-cardinality", "C06")
    given, want = example["input"]["services"], example["expected"]
    expected = services(catalogue(*(f",{item['n']},{item['kind']}" for item in given)))

    frame = covered(expected, heard({item["n"]: item["has"] for item in given}))

    missing = frame.filter(pl.col("missing_count") > 0).select("service_name", "missing_signals")
    assert sorted(missing.rows()) == sorted(map(tuple, want["missing"]))
    complete = frame.filter(pl.col("state") == "complete").height
    assert complete / frame.height == want["m7_expected"]


def test_a_bare_name_of_two_covers_neither(case: Any) -> None:
    """Telemetry without a namespace counts only where one service bears the name."""
    example = case("coverage-cardinality", "C11")
    rows = [name.replace("/", ",") for name in example["input"]["expected"]]
    observed = dict.fromkeys(example["input"]["complete_observed"], ALL)

    frame = covered(services(catalogue(*rows)), heard(observed))

    complete = frame.filter(pl.col("state") == "complete")
    names = [f"{a}/{b}" for a, b in complete.select("service_namespace", "service_name").rows()]
    assert names == example["expected"]["covered"]
    assert "unregistered" not in states(frame)


def test_the_organisation_pools_services(case: Any) -> None:
    """11 of 21, not the mean of 100 and 50 percent."""
    example = case("coverage-cardinality", "C03")
    rows, observed = [], {}
    for team, (complete, expected) in example["input"]["teams"].items():
        for number in range(expected):
            name = f"{team.lower()}{number}"
            rows.append(f",{name},service,{team}")
            if number < complete:
                observed[name] = ALL

    frame = covered(services(catalogue(*rows)), heard(observed))
    teams = COVERAGE_TEAM.check(coverage.coverage_team(frame.lazy()).collect())

    ratios = dict(zip(teams["team"], teams["coverage_ratio"], strict=True))
    want = example["expected"]
    assert ratios.pop("__all__") == pytest.approx(want["org"], abs=1e-5)
    assert ratios == want["teams"]
    rates = SLI_DAILY.check(sli.coverage_sli(teams.lazy(), DAY).collect())
    whole = rates.filter(pl.col("scope") == "__all__").row(0, named=True)
    assert (whole["numerator"], whole["denominator"]) == (Decimal(11), Decimal(21))


def test_distance_to_the_target(case: Any) -> None:
    """19 of 20 are needed, so one more; counted in whole numbers."""
    example = case("coverage-cardinality", "C01")
    given = example["input"]

    short = coverage.short_of_target(given["complete"], given["expected"], 95)

    assert short == example["expected"]["services_to_fix"]
    assert coverage.short_of_target(20, 20, 95) == 0


@pytest.mark.parametrize(
    ("age", "state"),
    [(timedelta(hours=24), "complete"), (timedelta(hours=24, microseconds=1), "dark")],
)
def test_the_window_is_inclusive(age: timedelta, state: str) -> None:
    """Received exactly 24 hours ago is fresh; a tick more is not."""
    frame = covered(services(catalogue("shop,web")), heard({"shop/web": ALL}, NOW - age))

    assert states(frame) == {state: ["web"]}
    assert frame["last_seen_at"].to_list() == [NOW - age]


def test_staging_does_not_cover_production() -> None:
    """The environment is part of a service's identity."""
    staging = heard({"shop/web": ALL}, environment="staging")

    assert states(covered(services(catalogue("shop,web")), staging)) == {"dark": ["web"]}


def test_an_exemption_that_is_over_counts_again() -> None:
    """The last day of an exemption still exempts; the day after, the service is expected."""
    rows = (
        f",{name},service,t,2,moving,{day}"
        for name, day in (("last", "2026-11-22"), ("over", "2026-11-21"))
    )

    assert states(covered(services(catalogue(*rows)), heard({}))) == {
        "exempt": ["last"],
        "dark": ["over"],
    }


def test_the_order_of_fixes() -> None:
    """Fewest missing first, then the tier, then the cost; each gains one service's part."""
    known = catalogue(",dear,service,t,2", ",cheap,service,t,2", ",first,service,t,1", ",near")
    costs = pl.LazyFrame(
        [("", "dear", Decimal(9)), ("", "cheap", Decimal(1))],
        schema=NO_COSTS.collect_schema(),
        orient="row",
    )

    frame = covered(services(known), heard({"near": ("logs", "metrics")}), costs)

    ordered = frame.sort("fix_rank")
    assert ordered["service_name"].to_list() == ["near", "first", "dear", "cheap"]
    assert ordered["gain"].to_list() == [0.25] * 4


def test_an_unregistered_service_changes_no_figure() -> None:
    """Neither numerator nor denominator moves when somebody unknown sends."""
    expected = services(catalogue("shop,web", "shop,api"))
    teams = [
        coverage.coverage_team(covered(expected, heard(observed)).lazy())
        .filter(pl.col("team") == "__all__")
        .select("complete_count", "expected_count", "coverage_ratio")
        .collect()
        for observed in ({"shop/web": ALL}, {"shop/web": ALL, "x/stranger": ALL})
    ]

    assert teams[0].equals(teams[1])


def test_nothing_expected_is_no_data() -> None:
    """An empty inventory gives null, neither 0 nor 100 percent, and no SLI row."""
    teams = coverage.coverage_team(covered(services(catalogue()), heard({"a": ALL})).lazy())

    assert teams.collect()["coverage_ratio"].to_list() == [None, None]
    assert sli.coverage_sli(teams, DAY).collect().is_empty()


def test_metrics_about_a_workload_cover_nobody(telemetry: Any) -> None:
    """By scope or by name; what a service measures itself does."""
    resource = {"service.name": "web", "service.namespace": "shop"}
    telemetry.add("container.cpu.time", resource, scope="otelcol/kubeletstatsreceiver/x")
    telemetry.add("queue.depth", resource, scope="otelcol/kubeletstatsreceiver/x")
    telemetry.add("k8s.pod.phase", resource)

    def seen(series: pl.LazyFrame) -> list[tuple[str, str, str]]:
        frame = coverage.signals_seen(
            series,
            SIGNAL.empty().lazy(),
            DAY,
            infrastructure_scopes=["*kubeletstatsreceiver*"],
            environment="production",
        ).collect()
        return SIGNAL_DAILY.check(frame).select(*coverage.IDENTITY[:2], "signal").rows()

    assert seen(telemetry.series) == []
    telemetry.add("queue.depth", resource, scope="shop.worker")
    assert seen(telemetry.series) == [("shop", "web", "metrics")]


@pytest.mark.parametrize("name", ["", "unknown_service:java"])
def test_a_workload_stands_in_for_a_missing_name(telemetry: Any, name: str) -> None:
    """Without a usable name the controller and its namespace are the identity."""
    telemetry.add(
        "http.requests",
        {"service.name": name, "k8s.deployment.name": "web", "k8s.namespace.name": "shop"},
    )

    frame = coverage.signals_seen(
        telemetry.series,
        SIGNAL.empty().lazy(),
        DAY,
        infrastructure_scopes=[],
        environment="production",
    ).collect()

    assert frame.select(coverage.IDENTITY).rows() == [("shop", "web", "production")]


def test_workloads_are_seen_by_the_cluster(telemetry: Any) -> None:
    """Infrastructure metrics name the topmost controller, its kind and its team's label."""
    telemetry.add(
        "k8s.pod.phase",
        {
            "k8s.cluster.name": "c",
            "k8s.namespace.name": "batch",
            "k8s.pod.name": "nightly-1-x",
            "k8s.job.name": "nightly-1",
            "k8s.cronjob.name": "nightly",
            "k8s.pod.label.team": "search",
        },
    )

    frame = WORKLOAD_DAILY.check(
        inventory.workloads_seen(telemetry.series, DAY, "production").collect()
    )

    row = frame.row(0, named=True)
    assert (row["namespace"], row["workload"], row["workload_kind"], row["team"]) == (
        "batch",
        "nightly",
        "CronJob",
        "search",
    )


def test_an_inventory_tells_all_its_findings() -> None:
    """Wrong kinds, tiers, days and half exemptions come with their lines."""
    wrong = (",a,production,robot,t,1,,", ",,production,service,t,x,why,", ",b,,service,t,1,w,soon")
    text = "\n".join([HEAD, *wrong])

    with pytest.raises(ConfigError) as caught:
        inventory.parse_inventory(text)

    assert [finding.key for finding in caught.value.findings] == [
        "inventory line 2",
        "inventory line 3",
        "inventory line 3",
        "inventory line 3",
        "inventory line 4",
    ]
    with pytest.raises(ConfigError, match="tier"):
        inventory.parse_inventory("service_name,team\na,b\n")
