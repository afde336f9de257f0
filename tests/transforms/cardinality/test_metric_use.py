"""What dashboards and rules use, by the names that a backend gives to metrics."""

import json
from datetime import date

import polars as pl
import pytest

from transforms.cardinality.metric_use import (
    Row,
    UnreadableUseError,
    metric_use,
    read_dashboard,
    read_rules,
    uses,
)
from warehouse.tables.mart_cardinality import CARDINALITY_LABEL, CARDINALITY_METRIC, METRIC_USE

DASHBOARD = {
    "dashboard": {
        "title": "Shop",
        "templating": {
            "list": [{"query": {"query": "label_values(queue_depth, queue)"}}, {"query": "a,b"}]
        },
        "panels": [
            {
                "title": "row",
                "panels": [
                    {
                        "title": "Latency",
                        "targets": [
                            {
                                "expr": "sum by (le) (rate(http_server_duration_seconds_bucket"
                                '{job="shop"}[5m]))',
                                "legendFormat": "{{http_route}}",
                            }
                        ],
                    }
                ],
            },
            {
                "title": "SQL",
                "targets": [{"rawSql": "SELECT count(x) FROM y", "query": "SELECT a(1)"}],
            },
        ],
    }
}
RULES = """
groups:
  - name: shop
    rules:
      - alert: Errors
        expr: sum(rate(orders_total{status="failed"}[5m])) by (team) > 1
        annotations: {summary: "{{ $labels.team }} at {{ $labels.zone }}"}
      - record: shop:orders
        expr: sum(orders_total)
---
route:
  group_by: [team, "..."]
  routes: [{matchers: ['severity="page"'], match: {region: eu}}]
"""


def rows_of(name: str, rows: list[Row]) -> set[tuple[str, str]]:
    """Give metric and label of a kind."""
    return {(row[2], row[4]) for row in rows if row[0] == name}


def test_a_dashboard_names_its_panels() -> None:
    """Queries of nested panels, legends and variables count; SQL does not."""
    rows = read_dashboard(json.dumps(DASHBOARD), "shop.json")

    bucket = "http_server_duration_seconds_bucket"
    assert rows_of("dashboard", rows) == {
        *((bucket, label) for label in ("", "le", "job", "http_route")),
        ("queue_depth", ""),
        ("queue_depth", "queue"),
    }
    assert {row[1] for row in rows} == {"shop.json: Latency", "shop.json: Shop"}


def test_rules_alerts_and_routes() -> None:
    """Expressions, templates of alerts, and what an Alertmanager groups by and matches."""
    rows = read_rules(RULES, "rules.yaml")

    assert rows_of("alert", rows) == {
        ("orders_total", label) for label in ("", "status", "team", "zone")
    }
    assert rows_of("recording", rows) == {("orders_total", "")}
    assert rows_of("alertmanager", rows) == {("", "team"), ("", "severity"), ("", "region")}
    assert {row[1] for row in rows if row[0] == "alert"} == {"rules.yaml: Errors"}


def test_rules_of_an_operator() -> None:
    """A PrometheusRule has its groups one level down."""
    rows = read_rules("spec: {groups: [{rules: [{record: r, expr: up}]}]}", "p.yaml")

    assert rows == [("recording", "p.yaml: r", "up", False, "")]


@pytest.mark.parametrize(("read", "text"), [(read_dashboard, "{"), (read_rules, "a: [")])
def test_a_broken_file_is_named(read: object, text: str) -> None:
    """The message says which file it is and what is wanted."""
    with pytest.raises(UnreadableUseError, match=r"(?s)f\.x: no .*want"):
        read(text, "f.x")  # type: ignore[operator]


def states(rows: list[Row], *, is_known: bool) -> dict[tuple[str, str], str]:
    """Give the state by metric and label, of three metrics with two labels each."""
    day = date(2026, 10, 1)
    names = [("http.server.duration", "s"), ("orders", "{order}"), ("queue.depth", "1")]
    labels = [(name, label) for name, _ in names for label in ("http.route", "service.name")]

    def filled(table: object, count: int, **columns: list[object]) -> pl.LazyFrame:
        sample = table.sample(1)  # type: ignore[attr-defined]
        frame = pl.concat([sample] * count).with_columns(day=pl.lit(day))
        return frame.with_columns(pl.Series(k, v) for k, v in columns.items()).lazy()

    metrics = filled(
        CARDINALITY_METRIC, 3, metric=[n for n, _ in names], unit=[unit for _, unit in names]
    )
    given = filled(
        CARDINALITY_LABEL,
        6,
        metric=[name for name, _ in labels],
        label=[label for _, label in labels],
        level=["point", "resource"] * 3,
    )
    made = METRIC_USE.check(metric_use(metrics, given, uses(rows), is_known=is_known).collect())
    return {(row[0], row[2]): row[3] for row in made.rows()}


def test_names_meet_through_what_an_exporter_makes_of_them() -> None:
    """Unit and suffix are added, dots are underscores, `job` is the service."""
    rows = read_dashboard(json.dumps(DASHBOARD), "d") + read_rules(RULES, "r")

    got = states(rows, is_known=True)

    assert got == {
        ("http.server.duration", ""): "used",
        ("http.server.duration", "http.route"): "used",
        ("http.server.duration", "service.name"): "used",
        ("orders", ""): "used",
        ("orders", "http.route"): "unused",
        ("orders", "service.name"): "unused",
        ("queue.depth", ""): "used",
        ("queue.depth", "http.route"): "unused",
        ("queue.depth", "service.name"): "unused",
    }


def test_a_variable_uses_every_label_and_a_pattern_every_metric() -> None:
    """Where a dashboard lets one choose the label, none of them counts as unused."""
    row = ("dashboard", "d", "queue_.*", True, "*")

    got = states([row, (*row[:4], "")], is_known=True)

    assert {key: state for key, state in got.items() if key[0] == "queue.depth"} == {
        ("queue.depth", label): "used" for label in ("", "http.route", "service.name")
    }
    assert {state for key, state in got.items() if key[0] != "queue.depth"} == {"unused"}


def test_without_files_nothing_is_called_unused() -> None:
    """Use is unknown until a dashboard or rule is given."""
    assert set(states([], is_known=False).values()) == {"unknown"}
