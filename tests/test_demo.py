"""The main job, end to end: the demo's figures against the world's own truth.

The world computes its truth from its own schedule with fractions; nothing of it comes from our
transforms.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from collector.billing.format import fx
from meterbook.answers import opencost
from meterbook.answers.explain import Question, as_json, explain
from meterbook.answers.opencost import Window
from meterbook.answers.rules import ownership_files, ownership_of
from meterbook.base.home import Home
from meterbook.base.settings_file import load_settings
from meterbook.build.closing import read_closed
from meterbook.build.inputs import Inputs, catalogue_ages, read_catalogue, read_uses
from meterbook.cli import main
from tests.by_hand import recomputed
from tests.on_disk import unlisted
from transforms import day_steps, whole_steps
from transforms.partition import Frames, Step, Terms, on
from transforms.score.rules import BY_ID
from warehouse.store.store import Store
from warehouse.tables import BY_NAME
from warehouse.tables.mart_coverage import COVERAGE_DAILY
from warehouse.tables.step import PARTITION, WHOLE_STEP

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def meterbook(home: Home, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as its user would."""
    program = [sys.executable, "-m", "meterbook.cli", "--home", str(home), *words]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("MB_")}
    return subprocess.run(program, capture_output=True, text=True, check=False, env=environ)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Run the small demo once for all tests of this file."""
    folder = Home(tmp_path_factory.mktemp("demo") / "home")
    done = meterbook(folder, "run", "--demo", "--once", "--size", "small")
    assert done.returncode == 0, done.stderr
    return folder


def ask(home: Home, sql: str) -> list[dict[str, Any]]:
    """Ask through the command, in this process, in JSON; money comes as text."""
    done = CliRunner().invoke(main, ["--home", str(home), "query", sql, "--format", "json"])
    assert done.exit_code == 0, done.output
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def truth(home: Home, name: str) -> pl.DataFrame:
    """Read what the world knows of itself."""
    return pl.read_parquet(home.sample / "truth" / f"{name}.parquet")


def test_ledger_equals_bill_equals_truth(home: Home) -> None:
    """Sums of bill and ledger are the world's own, and no day differs by an atom."""
    row = ask(
        home,
        "SELECT sum(bill_cost) AS bill, sum(ledger_cost) AS ledger,"
        " max(abs(difference)) AS difference, sum(bill_billed_cost) AS billed"
        " FROM mart_reconciliation_daily",
    )[0]
    total = truth(home, "bill_total")

    assert Decimal(row["difference"]) == 0
    assert Decimal(row["bill"]) == Decimal(row["ledger"]) == total["effective_cost"].sum()
    assert Decimal(row["billed"]) == total["billed_cost"].sum()


def test_each_team_pays_what_the_world_says(home: Home) -> None:
    """Per team and month the ledger is the truth, to a millionth of the bill."""
    rows = ask(
        home,
        "SELECT strftime(charge_date, '%Y-%m') AS month, team, sum(effective_cost) AS cost"
        " FROM mart_cost_daily_team GROUP BY ALL",
    )
    got = {(row["month"], row["team"]): Decimal(row["cost"]) for row in rows}
    want = {
        (row["month"], row["team"]): row["effective_cost"]
        for row in truth(home, "team_month").to_dicts()
    }
    bill = truth(home, "bill_total")["effective_cost"].sum()

    far = {
        key: (got.get(key), want.get(key))
        for key in got.keys() | want.keys()
        if abs(got.get(key, Decimal(0)) - want.get(key, Decimal(0))) > bill / 1_000_000
    }
    assert far == {}


def test_silent_hours_are_in_their_bucket_and_nowhere_else(home: Home) -> None:
    """What the silent node's hours cost is `__no_telemetry__`, hour by hour."""
    rows = ask(
        home,
        "SELECT node, charge_hour AS hour, sum(effective_cost) AS cost FROM core_cost_ledger"
        " WHERE namespace = '__no_telemetry__' GROUP BY ALL ORDER BY hour",
    )
    want = truth(home, "no_telemetry").sort("hour")

    got = [Decimal(row["cost"]) for row in rows]
    assert len(got) == want.height
    assert all(
        abs(a - b) < Decimal("0.000001") for a, b in zip(got, want["cost"].to_list(), strict=True)
    )


def test_the_dark_list_is_the_dark_services(home: Home) -> None:
    """Each service is in the list the world put it in, and M7 is the world's."""
    rows = ask(home, "SELECT service_namespace, service_name, state FROM mart_coverage_service")
    got = {(row["service_namespace"], row["service_name"]): row["state"] for row in rows}
    want = {
        (row["service_namespace"], row["service_name"]): row["state"]
        for row in truth(home, "service").to_dicts()
    }
    assert {key for key, state in got.items() if state == "dark"} == {
        key for key, state in want.items() if state == "dark"
    }
    assert got == want

    m7 = ask(
        home,
        "SELECT complete_count, expected_count FROM mart_coverage_team WHERE team = '__all__'",
    )[0]
    per_team = truth(home, "coverage_team").filter(pl.col("team") != "__all__")
    assert m7 == {
        "complete_count": per_team["complete_count"].sum(),
        "expected_count": per_team["expected_count"].sum(),
    }


def test_services_cost_what_the_world_says(home: Home) -> None:
    """Each expected service, and the dark ones together, cost the truth's last 30 days."""
    built = ask(home, "SELECT max(day) AS day FROM mart_coverage_daily")[0]["day"]
    since = date.fromisoformat(built) - timedelta(days=30)
    rows = ask(
        home,
        "SELECT c.service_namespace, c.service_name, c.monthly_cost, c.currency, s.state"
        " FROM mart_service_cost c JOIN mart_coverage_service s"
        " USING (service_namespace, service_name, environment)"
        " WHERE s.state IN ('complete', 'partial', 'dark')",
    )
    place = ["service_namespace", "service_name"]
    states = truth(home, "service").filter(pl.col("state").is_in(["complete", "partial", "dark"]))
    days = truth(home, "service_day").filter(pl.col("charge_date") > since)
    cost = pl.col("effective_cost").sum()
    sums = days.join(states, on=place).group_by(*place, "state").agg(cost).to_dicts()
    want = {(row["service_namespace"], row["service_name"]): row for row in sums}
    got = {(row["service_namespace"], row["service_name"]): row for row in rows}

    far = {
        key: (got.get(key), want.get(key))
        for key in got.keys() | want.keys()
        if key not in got
        or key not in want
        or abs(Decimal(got[key]["monthly_cost"]) - want[key]["effective_cost"]) > Decimal("1e-6")
    }
    assert far == {}
    assert {row["currency"] for row in rows} == {"USD"}
    dark = sum(row["effective_cost"] for row in sums if row["state"] == "dark")
    assert dark > 0
    assert {row["service_name"] for row in rows if row["state"] == "dark"} >= {"ledger-db"}


def test_continuity_is_the_hours_the_world_sent(home: Home) -> None:
    """Of the 168 hours before the build each signal has those of the truth; one has gaps."""
    built = ask(home, "SELECT max(started_at) AS at FROM mart_run")[0]["at"]
    end = datetime.fromisoformat(built).replace(minute=0, second=0, microsecond=0)
    start = end - timedelta(hours=168)
    rows = ask(
        home,
        "SELECT service_name, logs_hours, metrics_hours, traces_hours, has_gaps"
        " FROM mart_coverage_service WHERE state IN ('complete', 'partial')",
    )
    sent = truth(home, "service_hour").filter(pl.col("hour").is_between(start, end, "left"))
    counted = sent.group_by("service_name", "signal").len().rows()
    counts = {(name, signal): count for name, signal, count in counted}

    far = {
        (row["service_name"], signal): row[f"{signal}_hours"]
        for row in rows
        for signal in ("logs", "metrics", "traces")
        if row[f"{signal}_hours"] != counts.get((row["service_name"], signal), 0)
    }
    assert far == {}
    assert [row["service_name"] for row in rows if row["has_gaps"]] == ["pricing"]


def test_the_score_finds_what_is_badly_instrumented(home: Home) -> None:
    """The rules that fail are those that the world breaks, and no others; so the points are known.

    SPA-003 is never evaluated: 480 points are all there are.
    """
    failed = ask(
        home,
        "SELECT service_name, rule FROM mart_score_rule WHERE window_days = 30"
        " AND state = 'failed' ORDER BY ALL",
    )
    scored = ask(home, "SELECT * FROM mart_score_service WHERE window_days = 30")
    odd = ask(home, "SELECT service_name, advisory FROM mart_advisory ORDER BY ALL")
    broken = truth(home, "score_rule")
    lost = {
        name: sum(BY_ID[rule].weight for rule in of_service["rule"])
        for (name,), of_service in broken.group_by("service_name")
    }

    assert [(row["service_name"], row["rule"]) for row in failed] == broken.rows()
    assert {row["service_name"]: row["points"] for row in scored} == {
        row["service_name"]: 480 - lost.get(row["service_name"], 0) for row in scored
    }
    assert {row["max_points"] for row in scored} == {480}
    assert [(row["service_name"], row["advisory"]) for row in odd] == truth(home, "advisory").rows()
    assert lost["reports"] == 20 + 30 + 30 + 30 + 30
    assert lost["recommend"] == 20 + 30 + 30 + 30
    assert lost["search"] == 30 + 20 + 30


def test_the_exploding_label_stands_first(home: Home) -> None:
    """On the last day the world's exploding label saves most, and is the root cause on its day."""
    explosion = truth(home, "explosion").sort("day")
    last = explosion.row(-1, named=True)
    first = explosion.filter(pl.col("day") >= pl.col("from_day")).row(0, named=True)

    top = ask(
        home,
        "SELECT metric, label, level, series_without_count FROM mart_cardinality_label"
        " WHERE day = (SELECT max(day) FROM mart_cardinality_label"
        f" WHERE day <= DATE '{last['day']}')"
        " ORDER BY saved_count DESC, metric, label LIMIT 1",
    )[0]
    causes = ask(
        home,
        "SELECT root_cause_label FROM mart_churn_metric"
        f" WHERE metric = '{first['metric']}' AND day = DATE '{first['day']}'",
    )

    assert top == {
        "metric": last["metric"],
        "label": last["label"],
        "level": last["level"],
        "series_without_count": last["series_without_count"],
    }
    assert causes == [{"root_cause_label": first["label"]}]


def test_the_surge_is_out_of_the_ordinary(home: Home) -> None:
    """The database that cost three times the usual for two days, and nothing else, is told."""
    rows = ask(home, "SELECT charge_date, team, service_name, scope FROM mart_cost_anomaly")
    want = truth(home, "surge")

    found = {(row["charge_date"], row["team"], row["service_name"]) for row in rows}
    assert found == {(str(day), team, service) for day, team, service in want.rows()}


def test_the_blown_budget_is_seen(home: Home) -> None:
    """The team that the world lets overspend is over or at risk; the others are not over."""
    rows = ask(home, "SELECT period, team, state FROM mart_budget")
    blown = {
        (row["month"], row["team"])
        for row in truth(home, "budget").filter(pl.col("is_blown")).to_dicts()
    }

    assert {(row["period"], row["team"]) for row in rows if row["state"] == "over"} == blown


def test_a_figure_is_explained_to_its_bill_lines(home: Home) -> None:
    """What `explain` lists for a team and day sums to the team's figure."""
    chosen = ask(
        home,
        "SELECT charge_date, team, effective_cost FROM mart_cost_daily_team"
        " WHERE team NOT LIKE '\\_\\_%' ESCAPE '\\' ORDER BY effective_cost DESC LIMIT 1",
    )[0]

    done = meterbook(
        home, "explain", "--team", chosen["team"], "--day", chosen["charge_date"], "--json"
    )

    rows = json.loads(done.stdout)
    assert sum(Decimal(row["effective_cost"]) for row in rows) == Decimal(chosen["effective_cost"])
    assert all(row["x_line_hash"] and row["config_hash"] for row in rows)


def test_fifty_figures_are_recomputed_by_hand(home: Home) -> None:
    """For 50 teams and days picked at random, the printed shares give the same digits again.

    Among them are figures of every kind of line: nodes and GPUs, volumes, traffic, pools.
    """
    sql = (
        "SELECT team, charge_date, effective_cost FROM mart_cost_daily_team"
        " ORDER BY charge_date, team"
    )
    picks = random.Random(5).sample(ask(home, sql), 50)  # noqa: S311 - a seed, not a secret
    far, kinds = [], set()

    for pick in picks:
        day = date.fromisoformat(pick["charge_date"])
        made = explain(home, Question(day, day, team=pick["team"]))
        rows = json.loads(as_json(made))
        costs = [recomputed(row) for row in rows]
        total = sum(costs, Decimal(0))
        is_same = costs == [Decimal(row["effective_cost"]) for row in rows]
        kinds |= {step["name"] for step in steps_of(rows)}
        if total != Decimal(pick["effective_cost"]) or not is_same:
            far.append((pick, total))

    assert far == []
    assert kinds >= {
        *("use: a over D", "left idle: D less all a, over D", "hour seen"),
        *("pods that had it mounted", "hour in which the volume was heard of"),
        "time that its pods stood behind it, in µs",
        *("bytes sent (internet)", "bytes sent (cross_zone)", "bytes sent (unknown)"),
    }


def steps_of(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give every printed step."""
    for row in rows:
        for way in row["ways"]:
            for resource in way["resources"]:
                yield from resource["steps"]


def test_opencosts_shape_has_the_ledgers_money(home: Home) -> None:
    """Per namespace the costs in OpenCost's shape are the ledger's, part by part, to the digit."""
    kinds = {
        "pvCost": "volume",
        "networkCost": "traffic",
        "loadBalancerCost": "balancer",
        "externalCost": "other",
    }
    days = ask(home, "SELECT max(charge_date) AS last FROM core_cost_ledger")[0]
    last = date.fromisoformat(days["last"])
    window = Window(last - timedelta(days=8), last)
    rows = ask(
        home,
        "SELECT if(namespace = '-', '__external__', namespace) AS name, line_kind,"
        " sum(effective_cost) AS cost FROM core_cost_ledger"
        f" WHERE charge_date >= DATE '{window.first}' GROUP BY ALL",
    )

    sets = opencost.allocations(home, window, "namespace", by_day=False)

    (made,) = json.loads(opencost.as_json(sets), parse_float=Decimal)["data"]
    want: dict[str, dict[str, Decimal]] = {}
    for row in rows:
        want.setdefault(row["name"], {})[row["line_kind"]] = Decimal(row["cost"])
    assert {name: one["totalCost"] for name, one in made.items()} == {
        name: sum(parts.values()) for name, parts in want.items()
    }
    for name, one in made.items():
        assert {key: one[key] for key in kinds} == {
            key: want[name].get(kind, Decimal(0)) for key, kind in kinds.items()
        }
        on_nodes = sum(one[key] for key in ("cpuCost", "ramCost", "gpuCost"))
        assert on_nodes == want[name].get("node", Decimal(0))
    assert made["catalog-us"]["gpuHours"] > 0
    assert made["orders"]["pvByteHours"] > 0


def test_statements_add_up_to_the_bill(home: Home, tmp_path: Path) -> None:
    """The cents of all statements of a month are the rounded bill of the world's truth."""
    month = str(truth(home, "team_month")["month"].max())

    done = meterbook(home, "statement", "--all", "--period", month, "--out", str(tmp_path))

    assert done.returncode == 0, done.stderr
    summary = pl.read_csv(tmp_path / f"{month}-summary.csv", infer_schema=False).to_dicts()
    parts = [Decimal(row["amount"]) for row in summary if row["team"] != "bill"]
    bill = next(Decimal(row["amount"]) for row in summary if row["team"] == "bill")
    whole = truth(home, "team_month").filter(pl.col("month") == month)["effective_cost"].sum()
    assert sum(parts) == bill
    assert abs(bill - Decimal(str(whole))) <= Decimal("0.02")


def kept(home: Home, day: date) -> dict[str, pl.DataFrame]:
    """Give a day's rows of every table that is built by the day."""
    with Store(home.warehouse) as store:
        tables = [table for table in store.tables if table.partition and table != PARTITION]
        return {table.name: store.read_day(table, day) for table in tables}


def built_at(home: Home, day: date) -> dict[str, datetime]:
    """Tell when each step of a day was last built."""
    with Store(home.warehouse) as store:
        return dict(store.read_day(PARTITION, day).select("step", "built_at").rows())


def whole_built_at(home: Home) -> dict[str, datetime]:
    """Tell when each step over all days last ran."""
    with Store(home.warehouse) as store:
        return dict(store.read(WHOLE_STEP).select("step", "built_at").rows())


def test_a_part_that_is_built_is_what_a_whole_build_gives(home: Home) -> None:
    """A rule of one day builds the steps of cost of that day, on what the store has of the others.

    Building that day whole gives the same rows, to the last digit; usage was left alone.
    """
    rules = home.sample / "ownership.yaml"
    text = rules.read_text(encoding="utf-8")
    day = truth(home, "team_day")["charge_date"].max()
    assert isinstance(day, date)
    match = "match: {namespace: orders}, team: search"
    rule = f"  - {{id: one-day, {match}, from: {day}, until: {day}}}"
    head, tail = text.split("rules:\n", 1)
    before, built = kept(home, day), built_at(home, day)
    try:
        rules.write_text(f"{head}rules:\n{rule}\n{tail}", encoding="utf-8")
        part = meterbook(home, "build")
        after, rebuilt = kept(home, day), built_at(home, day)
        whole = meterbook(home, "build", "--from", str(day), "--to", str(day))
        again = kept(home, day)
    finally:
        rules.write_text(text, encoding="utf-8")
        back = meterbook(home, "build")

    assert part.returncode == whole.returncode == back.returncode == 0, part.stderr + whole.stderr
    assert part.stdout.startswith("1 day(s) built ")
    same = {step for step, at in rebuilt.items() if at == built[step]}
    assert {"usage", "lines", "seen", "cardinality"} <= same
    assert same.isdisjoint({"ledger", "workloads", "costs"})
    assert "one-day" in after["core_cost_ledger"]["rule_id"].to_list()
    assert [name for name, rows in after.items() if not rows.equals(again[name])] == []
    restored = kept(home, day)
    assert [name for name, rows in before.items() if not rows.equals(restored[name])] == []


def shuffled(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Give the rows in another order."""
    return frame.collect().sample(fraction=1.0, shuffle=True, seed=7).lazy()


def from_shuffled(which: Sequence[Step], given: Frames, terms: Terms) -> dict[str, pl.DataFrame]:
    """Run steps on shuffled rows; tables go on shuffled, what is no table goes on in its order."""
    frames = {name: shuffled(frame) for name, frame in given.items()}
    made: dict[str, pl.DataFrame] = {}
    for step in which:
        lazy = step.make({name: frames[name] for name in step.reads}, terms)
        for name in step.writes:
            rows = lazy[name].collect()
            frames[name] = rows.lazy()
            if name in BY_NAME:
                made[name], frames[name] = rows.sort(BY_NAME[name].key), shuffled(rows.lazy())
    return made


def test_the_order_of_rows_changes_nothing(home: Home) -> None:
    """Each table of a day, and each of all days, is the same to the last bit from shuffled rows."""
    settings = load_settings(home.config, {}, {"home": str(home)})
    ownership = ownership_of(ownership_files(settings.ownership, settings.base))
    with Store(home.warehouse) as store:
        done = store.read(PARTITION)
        last = done["day"].max()
        now = max(*done["built_at"], *store.read(WHOLE_STEP)["built_at"])
        assert isinstance(last, date)
        assert isinstance(now, datetime)
        day = last - timedelta(days=3)
        terms = Terms(day, now, settings, ownership)
        made = from_shuffled(day_steps.DAY, Inputs(home).of_day(day), terms)
        kept = {name: store.read_day(BY_NAME[name], day) for name in made}
        read = {name for step in whole_steps.WHOLE for name in step.reads} & BY_NAME.keys()
        given = {
            **{
                name: store.read(BY_NAME[name]).lazy()
                for name in read - set(whole_steps.WHOLE_WRITES)
            },
            "catalogue": read_catalogue(settings.inventory, settings.base),
            "catalogue_ages": catalogue_ages(settings.inventory, settings.base),
            "metric_uses": read_uses(settings.cardinality, settings.base),
            "fx_rates": fx.read_rates(settings.billing).lazy(),
            "closed": read_closed(home).lazy(),
            COVERAGE_DAILY.name: store.read(COVERAGE_DAILY).lazy(),
        }
        made |= from_shuffled(whole_steps.WHOLE, given, on(terms, now.date()))
        kept |= {name: store.read(BY_NAME[name]) for name in made.keys() - kept.keys()}

    assert len(made) > len(day_steps.DAY) + len(whole_steps.WHOLE)
    assert [name for name, rows in made.items() if not rows.equals(kept[name])] == []


def test_a_second_build_finds_nothing_to_do(home: Home) -> None:
    """The same input builds no day again, and over all days only what the clock may change."""
    done = meterbook(home, "build")
    before = whole_built_at(home)
    again = meterbook(home, "build")

    assert done.returncode == again.returncode == 0, done.stderr + again.stderr
    assert again.stdout.startswith("0 day(s) built")
    clocked = {step.name for step in whole_steps.WHOLE if step.holds_until}
    later = {step for step, at in whole_built_at(home).items() if at != before[step]}
    assert later <= {*clocked, "coverage_team", "grade", "service_cost"}


def test_the_architecture_page_lists_what_lies_in_a_home(home: Home) -> None:
    """Each file that the demo left is named, with who writes it and whether it may be deleted."""
    assert unlisted(home.root) == []


def test_the_report_and_status_are_there(home: Home) -> None:
    """The static report names the snapshot; status and check find the book sound."""
    report = (home.report).read_text(encoding="utf-8")
    status = json.loads(meterbook(home, "status", "--json").stdout)

    assert "snapshot" in report
    assert status["reconciliation"][0]["greatest_difference"] == "0.000000000000"
    assert meterbook(home, "check").returncode == 0


def test_columns_have_the_values_that_their_texts_list(home: Home) -> None:
    """In every table of the demo, a column of a few values has no other."""
    with Store(home.warehouse) as store:
        found = {
            (table.name, column.name): set(
                store.ask(f'SELECT DISTINCT "{column.name}" AS value FROM "{table.name}"')["value"]
            )
            - {None, *column.values}
            for table in store.tables
            for column in table.columns
            if column.values
        }

    assert len(found) > 40
    assert {column: others for column, others in found.items() if others} == {}
