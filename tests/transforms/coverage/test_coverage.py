"""Coverage: who is expected, who is seen, who is dark."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meterbook.base.settings import InventorySettings
from tests.transforms.coverage.listed import (
    DAY,
    NOW,
    PRODUCTION,
    billed,
    catalogue,
    services,
    workloads,
)
from transforms.coverage import coverage, expected
from transforms.coverage.findings import coverage_findings
from transforms.slo import sli
from warehouse.tables.core import SIGNAL_DAILY
from warehouse.tables.mart_coverage import (
    COVERAGE_SERVICE,
    COVERAGE_TEAM,
    SERVICE_COST,
    SLI_DAILY,
)

TERMS = expected.Expectations.of(InventorySettings())
NO_COSTS = SERVICE_COST.empty().lazy()
ALL = ("logs", "metrics", "traces")


def received(
    what: Mapping[str, Sequence[str]], at: datetime = NOW, environment: str = "production"
) -> pl.LazyFrame:
    """Give core_signal_daily of `namespace/name` or `name` with signals."""
    rows = []
    for name, sent in what.items():
        space, _, bare = name.rpartition("/")
        rows += [(DAY, space, bare, environment, signal, 1, at, 1, 1) for signal in sent]
    return pl.LazyFrame(rows, schema=SIGNAL_DAILY.schema, orient="row")


def covered(
    known: pl.LazyFrame, sent: pl.LazyFrame, costs: pl.LazyFrame = NO_COSTS
) -> pl.DataFrame:
    """Give mart_coverage_service, checked."""
    made = coverage.coverage_service(known, sent, costs, now=NOW, terms=TERMS)
    return COVERAGE_SERVICE.check(made.collect())


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
    known = services(catalogue(*rows), running, billed(*given["billing"]))

    frame = covered(known, received(dict.fromkeys(given["complete_observed"], ALL)))

    found = states(frame)
    assert found["dark"] == want["dark"]
    assert found["unregistered"] == want["unregistered"]
    assert found["exempt"] == want["exempt"]
    assert sorted(found["complete"] + found["dark"]) == want["expected"]
    row = coverage.coverage_team(frame.lazy(), TERMS).filter(pl.col("team") == "__all__").collect()
    assert row["coverage_ratio"].to_list() == [want["m7"]]


def test_signals_by_kind(case: Any) -> None:
    """A cron job sends logs, a datastore no traces; what is more is not less."""
    example = case("coverage-cardinality", "C06")
    given, want = example["input"]["services"], example["expected"]
    known = services(catalogue(*(f",{item['n']},{item['kind']}" for item in given)))

    frame = covered(known, received({item["n"]: item["has"] for item in given}))

    missing = frame.filter(pl.col("missing_count") > 0).select("service_name", "missing_signals")
    assert sorted(missing.rows()) == sorted(map(tuple, want["missing"]))
    complete = frame.filter(pl.col("state") == "complete").height
    assert complete / frame.height == want["m7_expected"]


def test_a_bare_name_of_two_covers_neither(case: Any) -> None:
    """Telemetry without a namespace counts only where one service bears the name."""
    example = case("coverage-cardinality", "C11")
    rows = [name.replace("/", ",") for name in example["input"]["expected"]]
    observed = dict.fromkeys(example["input"]["complete_observed"], ALL)

    frame = covered(services(catalogue(*rows)), received(observed))

    complete = frame.filter(pl.col("state") == "complete")
    names = [f"{a}/{b}" for a, b in complete.select("service_namespace", "service_name").rows()]
    want = example["expected"]
    assert names == want["covered"]
    assert "unregistered" not in states(frame)
    assert team_row(frame)["coverage_ratio"] == pytest.approx(want["m7"], abs=1e-6)
    found = coverage_findings(
        services(catalogue(*rows)),
        received(observed),
        frame.lazy(),
        now=NOW,
        environments=PRODUCTION,
    )
    ambiguous = found.filter(pl.col("finding") == "ambiguous").collect()
    assert ambiguous["service_name"].to_list() == want["ambiguous"]


def test_the_organisation_pools_services(case: Any) -> None:
    """11 of 21, not the mean of 100 and 50 percent."""
    example = case("coverage-cardinality", "C03")
    rows, observed = [], {}
    for team, (complete, size) in example["input"]["teams"].items():
        for number in range(size):
            name = f"{team.lower()}{number}"
            rows.append(f",{name},service,{team}")
            if number < complete:
                observed[name] = ALL

    frame = covered(services(catalogue(*rows)), received(observed))
    teams = COVERAGE_TEAM.check(coverage.coverage_team(frame.lazy(), TERMS).collect())

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

    names = [f"s{number}" for number in range(given["expected"])]
    known = services(catalogue(*(f",{name}" for name in names)))

    row = team_row(covered(known, received(dict.fromkeys(names[: given["complete"]], ALL))))
    whole = team_row(covered(known, received(dict.fromkeys(names, ALL))))

    want = example["expected"]
    assert row["short_count"] == want["services_to_fix"]
    assert row["complete_count"] + row["short_count"] == want["complete_needed"]
    assert (row["coverage_ratio"], row["target_ratio"]) == (want["m7"], given["target"])
    assert (row["coverage_ratio"] >= row["target_ratio"]) == want["meets_target"]
    assert whole["short_count"] == 0


@pytest.mark.parametrize(
    ("age", "state"),
    [(timedelta(hours=24), "complete"), (timedelta(hours=24, microseconds=1), "dark")],
)
def test_the_window_is_inclusive(age: timedelta, state: str) -> None:
    """Received exactly 24 hours ago is fresh; a tick more is not."""
    frame = covered(services(catalogue("shop,web")), received({"shop/web": ALL}, NOW - age))

    assert states(frame) == {state: ["web"]}
    assert frame["last_seen_at"].to_list() == [NOW - age]


def test_staging_does_not_cover_production() -> None:
    """The environment is part of a service's identity."""
    staging = received({"shop/web": ALL}, environment="staging")

    assert states(covered(services(catalogue("shop,web")), staging)) == {"dark": ["web"]}


def test_an_exemption_that_is_over_counts_again() -> None:
    """The last day of an exemption still exempts; the day after, the service is expected."""
    rows = (
        f",{name},service,t,2,moving,{day}"
        for name, day in (("last", "2026-11-22"), ("over", "2026-11-21"))
    )

    assert states(covered(services(catalogue(*rows)), received({}))) == {
        "exempt": ["last"],
        "dark": ["over"],
    }


def test_the_order_of_fixes() -> None:
    """Fewest missing first, then the tier, then the cost; each gains one service's part."""
    known = catalogue(",dear,service,t,2", ",cheap,service,t,2", ",first,service,t,1", ",near")
    costs = pl.LazyFrame(
        [
            ("", "dear", "production", "USD", Decimal(9), "", None),
            ("", "cheap", "production", "USD", Decimal(1), "", None),
        ],
        schema=SERVICE_COST.schema,
        orient="row",
    )

    frame = covered(services(known), received({"near": ("logs", "metrics")}), costs)

    ordered = frame.sort("fix_rank")
    assert ordered["service_name"].to_list() == ["near", "first", "dear", "cheap"]
    assert ordered["gain"].to_list() == [0.25] * 4
    assert ordered["ratio_after"].to_list() == [0.25, 0.5, 0.75, 1.0]


def test_what_coverage_becomes_by_the_fixes() -> None:
    """A team of one complete and one dark service is whole after its own first fix."""
    known = catalogue(",done,service,a", ",lost,service,a,3", ",gone,service,b,1")

    frame = covered(services(known), received({"done": ALL}))

    ordered = frame.filter(pl.col("fix_rank").is_not_null()).sort("fix_rank")
    columns = ["service_name", "gain", "ratio_after", "team_gain", "team_ratio_after"]
    assert ordered.select(columns).rows() == [
        ("gone", 1 / 3, 2 / 3, 1.0, 1.0),
        ("lost", 1 / 3, 1.0, 0.5, 1.0),
    ]


def test_fixes_are_not_ordered_by_amounts_of_two_currencies() -> None:
    """The dearest of each currency come before the second of any, whatever the numbers say."""
    paid = {"e1": ("EUR", 9), "e2": ("EUR", 8), "y1": ("JPY", 9000), "y2": ("JPY", 7000)}
    costs = pl.LazyFrame(
        [("", name, "production", *cost, "", None) for name, cost in paid.items()],
        schema=SERVICE_COST.schema,
        orient="row",
    )

    frame = covered(services(catalogue(*(f",{name}" for name in paid))), received({}), costs)

    assert frame.sort("fix_rank")["service_name"].to_list() == ["e1", "y1", "e2", "y2"]


def test_an_unregistered_service_changes_no_figure() -> None:
    """Neither numerator nor denominator moves when somebody unknown sends."""
    known = services(catalogue("shop,web", "shop,api"))
    teams = [
        coverage.coverage_team(covered(known, received(observed)).lazy(), TERMS)
        .filter(pl.col("team") == "__all__")
        .select("complete_count", "expected_count", "coverage_ratio")
        .collect()
        for observed in ({"shop/web": ALL}, {"shop/web": ALL, "x/stranger": ALL})
    ]

    assert teams[0].equals(teams[1])


def test_nothing_expected_is_no_data() -> None:
    """An empty inventory gives null, neither 0 nor 100 percent, and no SLI row."""
    teams = coverage.coverage_team(
        covered(services(catalogue()), received({"a": ALL})).lazy(), TERMS
    )

    assert teams.collect()["coverage_ratio"].to_list() == [None, None]
    assert sli.coverage_sli(teams, DAY).collect().is_empty()


def team_row(frame: pl.DataFrame, team: str = "__all__") -> dict[str, Any]:
    """Give a team's row of mart_coverage_team."""
    made = COVERAGE_TEAM.check(coverage.coverage_team(frame.lazy(), TERMS).collect())
    return made.row(by_predicate=pl.col("team") == team, named=True)


def test_the_weighted_index(case: Any) -> None:
    """Tiers weigh 4, 2 and 1, each signal gives credit; M7 beside it counts whole services."""
    example = case("coverage-cardinality", "C08")
    given, want = example["input"]["services"], example["expected"]
    known = services(catalogue(*(f",{item['n']},service,t,{item['tier']}" for item in given)))

    row = team_row(covered(known, received({item["n"]: ALL[: item["have"]] for item in given})))

    assert row["weighted_index"] == pytest.approx(want["weighted_index"], abs=1e-6)
    assert row["coverage_ratio"] == want["m7"]
    assert row["has_tier_1_gap"]
    assert row["short_count"] == 2


def test_the_literal_figure_stands_beside_the_headline(case: Any) -> None:
    """All three signals, whatever the kind: only the api of four."""
    example = case("coverage-cardinality", "C06")
    given = example["input"]["services"]
    known = services(catalogue(*(f",{item['n']},{item['kind']}" for item in given)))

    frame = covered(known, received({item["n"]: item["has"] for item in given}))

    assert team_row(frame)["literal_ratio"] == example["expected"]["m7_literal"]
    cells = [
        int((frame["wanted_count"] - frame["missing_count"]).sum()),
        int(frame["wanted_count"].sum()),
    ]
    assert cells == example["expected"]["signal_cells"]


@pytest.mark.parametrize(
    ("alias", "sent"), [("old/cart", "old/cart"), ("cart", "any/cart"), ("x;cart", "cart")]
)
def test_an_alias_comes_first(alias: str, sent: str) -> None:
    """What a service is called elsewhere covers it, not the one that bears the name itself."""
    known = services(catalogue(f"shop,basket,,,,,,{alias}", "old,cart", "any,cart"))

    frame = covered(known, received({sent: ALL}))

    complete = frame.filter(pl.col("state") == "complete")
    assert complete.select("service_name", "matched_by").rows() == [("basket", "alias")]


def test_an_alias_of_two_covers_neither() -> None:
    """An alias that two services claim is ambiguous."""
    known = services(catalogue("shop,a,,,,,,old", "shop,b,,,,,,old"))

    assert states(covered(known, received({"old": ALL}))) == {"dark": ["a", "b"]}


@pytest.mark.parametrize(
    ("period", "age", "state"),
    [
        ("", timedelta(hours=48), "complete"),
        ("", timedelta(hours=48, microseconds=1), "dark"),
        ("168", timedelta(hours=336), "complete"),
        ("168", timedelta(hours=337), "dark"),
    ],
)
def test_a_cron_job_has_two_periods(period: str, age: timedelta, state: str) -> None:
    """A nightly one may miss a night, a weekly one a week; both ends are inclusive."""
    known = services(catalogue(f"batch,nightly,cronjob,t,3,,,,{period}"))

    frame = covered(known, received({"batch/nightly": ["logs"]}, NOW - age))

    assert states(frame) == {state: ["nightly"]}
    assert frame["logs_state"].to_list() == ["fresh" if state == "complete" else "stale"]


def test_an_unknown_service_matches_nothing() -> None:
    """It covers nobody and is not unregistered, even where a service is called so."""
    known = services(catalogue("shop,web"), workloads("shop/unknown_service:java"))

    found = states(
        covered(known, received({"unknown_service:java": ALL, "x/unknown_service": ALL}))
    )

    assert found == {"dark": ["unknown_service:java", "web"]}


SENT = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.sets(st.sampled_from(ALL)))
KNOWN = ("s,a,service,one", "s,b,service,one,1", "s,c,datastore,two", "s,d,cronjob,,3")


@settings(deadline=None, max_examples=30)
@given(SENT, SENT)
def test_more_telemetry_never_lowers_coverage(
    before: dict[str, set[str]], more: dict[str, set[str]]
) -> None:
    """Whatever arrives besides, M7 and the weighted index stay or rise."""
    after = {name: before.get(name, set()) | more.get(name, set()) for name in {*before, *more}}
    known = services(catalogue(*KNOWN))

    rows = [
        team_row(
            covered(known, received({f"s/{name}": sorted(sent) for name, sent in what.items()}))
        )
        for what in (before, after)
    ]

    assert rows[0]["complete_count"] <= rows[1]["complete_count"]
    assert rows[0]["weighted_index"] <= rows[1]["weighted_index"]
    assert rows[0]["expected_count"] == rows[1]["expected_count"] == 4


@settings(deadline=None, max_examples=30)
@given(SENT, st.sets(st.sampled_from(range(4))))
def test_exempting_takes_from_the_expected_alone(
    sent: dict[str, set[str]], chosen: set[int]
) -> None:
    """The others keep their states, teams add up to the organisation, the lists part all."""
    signals_ = received({f"s/{name}": sorted(what) for name, what in sent.items()})
    rows = [
        ",".join([*line.split(","), *[""] * 5][:5]) + (",why,2027-01-01" if n in chosen else "")
        for n, line in enumerate(KNOWN)
    ]
    plain = covered(services(catalogue(*KNOWN)), signals_)

    frame = covered(services(catalogue(*rows)), signals_)

    names = ["service_name", "state"]
    kept = frame.filter(pl.col("state") != "exempt").select(names)
    assert kept.equals(
        plain.filter(pl.col("service_name").is_in(kept["service_name"].to_list())).select(names)
    )
    teams = coverage.coverage_team(frame.lazy(), TERMS).collect()
    counts = pl.col("^.*_count$").exclude("short_count").sum()
    parts = teams.filter(pl.col("team") != "__all__").select(counts).row(0)
    assert parts == teams.filter(pl.col("team") == "__all__").select(counts).row(0)
    row = team_row(frame)
    assert row["expected_count"] == 4 - len(chosen)
    assert row["complete_count"] + row["partial_count"] + row["dark_count"] == row["expected_count"]
