"""What is expected to be seen, and how old the sources are that say so."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from meterbook.base.settings import InventorySettings
from tests.transforms.conftest import Bill
from tests.transforms.coverage.listed import DAY, NOW, billed, catalogue, services, workloads
from transforms.coverage import expected
from transforms.coverage.identity import IDENTITY
from transforms.coverage.inventory import parse_inventory
from warehouse.tables.core import SERVICE, WORKLOAD_DAILY
from warehouse.tables.mart_coverage import INVENTORY_SOURCE
from warehouse.tables.raw import COST_LINE

HOUR = timedelta(hours=1)


def seen(**ago: int) -> list[str]:
    """Give the services that are expected of workloads by how many days ago they ran."""
    blank = WORKLOAD_DAILY.sample(1).to_dicts()[0] | {"cluster": "c", "environment": "production"}
    rows = [
        {**blank, "workload": name, "day": DAY - timedelta(days=days)} for name, days in ago.items()
    ]
    billed = pl.LazyFrame(
        schema={name: SERVICE.schema[name] for name in SERVICE.key}
        | {name: SERVICE.schema[name] for name in ("first_seen_at", "last_seen_at")}
        | {"sources": pl.String()}
    )
    made = expected.services(
        parse_inventory(""),
        pl.LazyFrame(rows, schema=WORKLOAD_DAILY.schema),
        billed,
        environments=["production"],
    )
    return made.collect()["service_name"].sort().to_list()


def test_a_workload_is_expected_for_thirty_days() -> None:
    """The day its cluster was last heard of is the first of them: 29 days before it, not 30."""
    assert seen(now=0, last=29, gone=30) == ["last", "now"]


def tagged(*starts: datetime, now: datetime = NOW) -> list[str]:
    """Give the lines that name a service; each is of a day from its start on."""
    blank = dict.fromkeys(COST_LINE.schema.names())
    rows = [
        {
            **blank,
            "x_line_hash": f"line {number}",
            "tags": [{"key": "user:Service", "value": "web"}],
            "charge_period_start": start,
            "charge_period_end": start + timedelta(days=1),
        }
        for number, start in enumerate(starts)
    ]
    lines = pl.LazyFrame(rows, schema=COST_LINE.schema)
    found = expected.tagged_lines(lines, service_tag="service", now=now).collect()
    return found["x_line_hash"].sort().to_list()


def test_lines_of_the_last_thirty_days_billed_are_read() -> None:
    """They end with the last line: one that begins just 30 days before that is left out."""
    last = datetime(2026, 11, 10, tzinfo=UTC)
    edge = last + timedelta(days=1) - timedelta(days=30)

    assert tagged(last, edge, edge + timedelta(seconds=1)) == ["line 0", "line 2"]


def test_lines_of_the_future_do_not_move_the_thirty_days() -> None:
    """A charge that ends next year leaves the 30 days before now."""
    later = NOW + timedelta(days=200)
    edge = NOW - timedelta(days=30)

    assert tagged(later, edge, edge + timedelta(seconds=1)) == ["line 0", "line 2"]


@pytest.mark.parametrize("tag", ["service", "user:Service", "resource_tags_user_ser-vice"])
def test_a_tag_is_found_in_each_exporters_spelling(tag: str) -> None:
    """Without case, separators and the prefixes that exports put before it."""
    blank = dict.fromkeys(COST_LINE.schema.names())
    row = {**blank, "tags": [{"key": tag, "value": "web"}], "charge_period_start": NOW,
           "charge_period_end": NOW, "x_line_hash": "h"}  # fmt: skip
    lines = pl.LazyFrame([row], schema=COST_LINE.schema)

    found = expected.tagged_lines(lines, service_tag="Ser_vice", now=NOW).collect()

    assert found["service_name"].to_list() == ["web"]


def test_a_silent_cluster_keeps_its_members() -> None:
    """Members go 30 days after they left a cluster that still speaks, never by its silence."""
    last = workloads("shop/web")
    gone = last.with_columns(pl.col("day") - timedelta(days=31), pl.lit("left").alias("workload"))
    silent = last.with_columns(
        pl.col("day") - timedelta(days=90),
        pl.lit("far").alias("cluster"),
        pl.lit("api").alias("workload"),
    )

    made = services(catalogue(), pl.concat([last, gone, silent])).collect()

    assert made.select("service_name", "sources").rows() == [
        ("api", "workload:far"),
        ("web", "workload:c"),
    ]


def test_each_member_names_its_sources() -> None:
    """A service of all three sources says so, by the name of each."""
    made = services(catalogue("shop,web"), workloads("shop/web"), billed("web")).collect()

    assert made["sources"].to_list() == ["catalogue:inventory+workload:c+bill:service"]


def ages(updated: datetime, seen: datetime, billed: datetime, retired: str = "") -> pl.DataFrame:
    """Give the sources when a file, a cluster and the bill were last heard of."""
    files = pl.LazyFrame({"source": ["catalogue:a.csv"], "updated_at": [updated]})
    running = (
        WORKLOAD_DAILY.sample(1)
        .lazy()
        .with_columns(
            pl.lit("c").alias("cluster"),
            pl.lit(seen).cast(WORKLOAD_DAILY.schema["last_event_at"]).alias("last_event_at"),
        )
    )
    bill = pl.LazyFrame({"sources": ["bill:service"], "last_seen_at": [billed]})
    chosen = InventorySettings(retired_sources=(retired,))
    made = expected.sources(files, running, bill, chosen=chosen, now=NOW)
    return INVENTORY_SOURCE.check(made.collect())


def test_a_source_past_its_limit_is_stale() -> None:
    """Each kind has its own limit, inclusive; the hour of a workload ends an hour after."""
    hour = timedelta(hours=1)

    at_limit = ages(NOW - 35 * 24 * hour, NOW - 25 * hour, NOW - 96 * hour)
    beyond = ages(NOW - 35 * 24 * hour - hour, NOW - 26 * hour, NOW - 97 * hour)

    assert at_limit["source"].to_list() == ["bill:service", "catalogue:a.csv", "workload:c"]
    assert at_limit["age_hours"].to_list() == [96, 840, 24]
    assert at_limit["is_stale"].to_list() == [False] * 3
    assert beyond["is_stale"].to_list() == [True] * 3


def test_a_retired_source_is_not_stale() -> None:
    """A cluster that is gone says so once, and is looked at no more."""
    made = ages(NOW, NOW - timedelta(days=90), NOW, retired="workload:c")

    assert made["source"].to_list() == ["bill:service", "catalogue:a.csv"]


def test_a_source_of_the_future_has_no_age() -> None:
    """A clock that is ahead makes an age of zero, not less."""
    made = ages(NOW + timedelta(days=2), NOW, NOW)

    assert made.filter(kind="catalogue")["age_hours"].to_list() == [0]


def test_the_first_file_that_names_a_service_decides() -> None:
    """Team and tier of the first row; a service that nobody owns is `__unallocated__`."""
    known = pl.concat([catalogue("shop,web,,one,1"), catalogue("shop,web,,two,2", "shop,api,,,3")])
    known = known.with_columns(
        source=pl.Series(["catalogue:b", "catalogue:a", "catalogue:a"]),
        team=pl.Series(["one", "two", ""]),
    )

    made = services(known).collect()

    assert made.select("service_name", "team", "tier", "sources").rows() == [
        ("api", "__unallocated__", 3, "catalogue:a"),
        ("web", "one", 1, "catalogue:b+catalogue:a"),
    ]


def test_a_workload_that_is_not_catalogued_is_a_new_service() -> None:
    """Jobs alone make a cron job; a deployment of the name a service. Of tier 3, without owner."""
    two = workloads("shop/night", "shop/both", "shop/both")
    kinds = pl.Series(["CronJob", "Job", "Deployment"])
    made = services(catalogue(), two.with_columns(workload_kind=kinds)).collect()

    assert made.select("service_name", "kind", "tier", "team").rows() == [
        ("both", "service", 3, "__unallocated__"),
        ("night", "cronjob", 3, "__unallocated__"),
    ]


def test_a_bill_line_names_the_one_service_of_its_name_or_a_new_one() -> None:
    """Web of shop is the only web; api is in two namespaces, so it is neither and no new service.

    `lone` is new. Times of the bill widen those of the workload.
    """
    bill = billed("web", "api", "lone").with_columns(
        first_seen_at=pl.lit(NOW - 9 * HOUR), last_seen_at=pl.lit(NOW - HOUR)
    )

    made = services(catalogue("a,api", "b,api"), workloads("shop/web"), bill).collect()

    assert made.select("service_namespace", "service_name", "sources").rows() == [
        ("", "lone", "bill:service"),
        ("a", "api", "catalogue:inventory"),
        ("b", "api", "catalogue:inventory"),
        ("shop", "web", "workload:c+bill:service"),
    ]
    web = made.filter(service_name="web").row(0, named=True)
    assert (web["first_seen_at"], web["last_seen_at"]) == (NOW - 9 * HOUR, NOW)


def test_only_environments_in_scope_are_expected() -> None:
    """What runs in staging is nobody's gap."""
    staging = workloads("shop/web").with_columns(environment=pl.lit("staging"))

    assert services(catalogue(), staging).collect().is_empty()


def named_by(bill: Bill, now: datetime, tag: str = "service") -> list[str]:
    """Give the services that lines name by a tag."""
    made = expected.tagged_lines(bill.lines, service_tag=tag, now=now).collect()
    return sorted(made["service_name"])


@pytest.mark.parametrize(
    ("key", "tag", "want"),
    [
        ("service", "service", ["web"]),
        ("user:Service", "service", ["web"]),
        ("resource_tags_user_service_name", "service.name", ["web"]),
        ("aws:service", "service", ["web"]),
        ("services", "service", []),
        ("service-name", "service", []),
    ],
)
def test_a_tag_is_known_however_exports_write_it(key: str, tag: str, want: list[str]) -> None:
    """Without case, signs and prefix, and whole."""
    assert named_by(Bill().add("1", tags={key: "web"}), NOW, tag) == want


def test_services_of_lines_have_the_times_of_their_lines() -> None:
    """From the first start to the last end, without a namespace, by the tag's own spelling."""
    bill = Bill().add("1", 0, 24, tags={"service": "web"}).add("1", 48, 24, tags={"service": "web"})
    lines = expected.tagged_lines(bill.lines, service_tag="service", now=NOW)

    made = expected.billed_services(lines, service_tag="service", environment="production")

    row = made.collect().row(0, named=True)
    assert [row[name] for name in IDENTITY] == ["", "web", "production"]
    assert row["last_seen_at"] - row["first_seen_at"] == timedelta(days=3)
    assert row["sources"] == "bill:service"


def test_expectations_are_read_from_the_settings() -> None:
    """Signals by kind in their order, weights by tier; ratios are exact."""
    terms = expected.Expectations.of(
        InventorySettings(expected_signals=("service=logs+traces", "cronjob=logs"),
                          tier_weights=("1=9", "2=1"), target_ratio="0.95")
    )  # fmt: skip

    assert terms.signals == {"service": ("logs", "traces"), "cronjob": ("logs",)}
    assert (terms.weights, terms.target) == ({1: 9, 2: 1}, Decimal("0.95"))
