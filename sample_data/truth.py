"""The world's truth on disk: what a right report of it must show.

Takes    a World, a folder
Gives    `truth/*.parquet`: team_day, team_month, namespace_day, bill_total, service, service_day,
         service_hour, coverage_team, explosion, no_telemetry, surge, budget, owner,
         score_rule, advisory
Units    USD, Decimal(38, 12), rounded half to even from exact fractions; UTC
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import polars as pl

from sample_data.books import books, charge_owner, owner
from sample_data.charges import SURGE_DAYS, SURGING, charges
from sample_data.faults import broken_rules, reported_beside
from sample_data.model import UNALLOCATED, Service, World
from sample_data.records import SIGNAL_HOURS, log_entries, span_entries
from sample_data.signals import explosion_days
from warehouse.table import INSTANT, USD

ATOMS: Final = 10**12
ALL_TEAMS: Final = "__all__"


@dataclass(frozen=True)
class Budget:
    """What a team may spend in a month, and what it spent."""

    month: str
    team: str
    amount: Decimal
    spent: Decimal


def money(cost: Fraction) -> Decimal:
    """Round an exact cost to twelve places, half to even."""
    return Decimal(round(cost * ATOMS)).scaleb(-12)


def write_truth(world: World, out: Path) -> None:
    """Write every table of the truth to `out/truth`."""
    folder = out / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in truth(world).items():
        frame.write_parquet(folder / f"{name}.parquet", compression="zstd", statistics=False)


def truth(world: World) -> dict[str, pl.DataFrame]:
    """Give every table of the truth by name."""
    return {
        "team_day": _team_day(world),
        "team_month": _team_month(world),
        "namespace_day": _namespace_day(world),
        "bill_total": _bill_total(world),
        "service": _service(world),
        "service_day": _service_day(world),
        "service_hour": _service_hour(world),
        "coverage_team": _coverage_team(world),
        "explosion": _explosion(world),
        "no_telemetry": _no_telemetry(world),
        "surge": _surge(world),
        "budget": _budget(world),
        "owner": _owner(world),
        "score_rule": _frame(broken_rules(world), service_name=pl.String, rule=pl.String),
        "advisory": _frame(reported_beside(world), service_name=pl.String, advisory=pl.String),
    }


def _frame(rows: Iterable[Sequence[Any]], **schema: Any) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def _team_day(world: World) -> pl.DataFrame:
    return _frame(
        (
            (world.day(day), team, money(cost))
            for (day, team), cost in books(world).team_days().items()
        ),
        charge_date=pl.Date,
        team=pl.String,
        effective_cost=USD,
    )


def team_months(world: World) -> dict[tuple[str, str], Fraction]:
    """Give the exact cost per month and team or bucket."""
    found: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for (day, team), cost in books(world).team_days().items():
        found[world.day(day).strftime("%Y-%m"), team] += cost
    return dict(sorted(found.items()))


def _team_month(world: World) -> pl.DataFrame:
    return _frame(
        ((month, team, money(cost)) for (month, team), cost in team_months(world).items()),
        month=pl.String,
        team=pl.String,
        effective_cost=USD,
    )


def _namespace_day(world: World) -> pl.DataFrame:
    return _frame(
        (
            (world.day(day), cluster, namespace, money(cost))
            for (day, cluster, namespace), cost in sorted(books(world).places.items())
        ),
        charge_date=pl.Date,
        cluster=pl.String,
        namespace=pl.String,
        effective_cost=USD,
    )


def bill_totals(world: World) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """Give the effective and the billed cost per month and source, exact."""
    found: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}

    def add(day: int, cloud: str, effective: Decimal, billed: Decimal) -> None:
        key = (world.day(day).strftime("%Y-%m"), cloud)
        before = found.get(key, (Decimal(0), Decimal(0)))
        found[key] = (before[0] + effective, before[1] + billed)

    for charge in charges(world):
        add(charge.day, charge.cloud, charge.effective, charge.billed)
    for node in world.nodes:
        machine = node.machine
        items = machine.core_price * machine.cores + machine.gib_price * machine.memory_gib
        billed = items + (machine.hour_price if node.plan_price is None else 0)
        effective = items + (machine.hour_price if node.plan_price is None else node.plan_price)
        for hour in range(node.start, node.end):
            add(hour // 24, node.cluster.cloud, effective, billed)
    return dict(sorted(found.items()))


def _bill_total(world: World) -> pl.DataFrame:
    return _frame(
        ((*key, *costs) for key, costs in bill_totals(world).items()),
        month=pl.String,
        source=pl.String,
        effective_cost=USD,
        billed_cost=USD,
    )


def in_scope(world: World) -> list[Service]:
    """List the services of the production environment, in order of name."""
    found = [service for service in world.services if service.environment == "production"]
    return sorted(found, key=lambda service: (service.namespace, service.name))


def _service(world: World) -> pl.DataFrame:
    return _frame(
        (
            (
                *(service.namespace, service.name, service.environment),
                *(service.team or UNALLOCATED, service.kind, service.tier, service.state),
                *("logs" in service.signals, "metrics" in service.signals),
                "traces" in service.signals,
            )
            for service in in_scope(world)
        ),
        service_namespace=pl.String,
        service_name=pl.String,
        environment=pl.String,
        team=pl.String,
        kind=pl.String,
        tier=pl.Int32,
        state=pl.String,
        has_logs=pl.Boolean,
        has_metrics=pl.Boolean,
        has_traces=pl.Boolean,
    )


def service_days(world: World) -> dict[tuple[int, str, str], Fraction]:
    """Give the exact cost of services by day: what their workloads took, and what is tagged so.

    A part of the clusters themselves is paid by all who run there, so it costs nothing of its own.
    """
    found: dict[tuple[int, str, str], Fraction] = defaultdict(Fraction)
    services = in_scope(world)
    for service in services:
        if service.workload is not None and service.workload.namespace.how != "system":
            for day in range(world.spec.days):
                key = (day, service.namespace, service.name)
                found[key] += books(world).workloads.get(key, Fraction(0))
    names = {service.name: service for service in services}
    for charge in charges(world):
        name = dict(charge.tags).get("service", "")
        if name in names:
            cost = Fraction(charge.effective) / charge.days
            for day in range(charge.day, charge.day + charge.days):
                found[day, names[name].namespace, name] += cost
    return dict(sorted(found.items()))


def _service_day(world: World) -> pl.DataFrame:
    return _frame(
        (
            (world.day(day), namespace, name, money(cost))
            for (day, namespace, name), cost in service_days(world).items()
            if cost
        ),
        charge_date=pl.Date,
        service_namespace=pl.String,
        service_name=pl.String,
        effective_cost=USD,
    )


def _service_hour(world: World) -> pl.DataFrame:
    """Tell in which hours of the last week each service sent which signal."""
    hours = range(world.hours - SIGNAL_HOURS, world.hours)
    rows = []
    for service in in_scope(world):
        sent = {
            "logs": [hour for hour in hours if log_entries(world, service, hour)],
            "metrics": list(hours) if "metrics" in service.signals else [],
            "traces": [hour for hour in hours if span_entries(world, service, hour)],
        }
        rows += [
            (service.namespace, service.name, signal, world.instant(hour))
            for signal, at in sent.items()
            for hour in at
        ]
    return _frame(
        rows,
        service_namespace=pl.String,
        service_name=pl.String,
        signal=pl.String,
        hour=INSTANT,
    )


def _coverage_team(world: World) -> pl.DataFrame:
    counts: dict[str, list[int]] = {ALL_TEAMS: [0, 0]}
    for service in in_scope(world):
        if service.state in {"complete", "partial", "dark"}:
            for team in (ALL_TEAMS, service.team or UNALLOCATED):
                count = counts.setdefault(team, [0, 0])
                count[0] += service.state == "complete"
                count[1] += 1
    return _frame(
        ((team, *count) for team, count in sorted(counts.items())),
        team=pl.String,
        complete_count=pl.Int64,
        expected_count=pl.Int64,
    )


def _explosion(world: World) -> pl.DataFrame:
    plan = world.explosion
    return _frame(
        (
            (world.day(day), plan.metric, "point", plan.label, series, left, world.day(plan.day))
            for day, series, left in explosion_days(world)
        ),
        day=pl.Date,
        metric=pl.String,
        level=pl.String,
        label=pl.String,
        series_count=pl.Int64,
        series_without_count=pl.Int64,
        from_day=pl.Date,
    )


def _no_telemetry(world: World) -> pl.DataFrame:
    return _frame(
        (
            (world.silence.node.cluster.name, node, world.instant(hour), money(cost))
            for (node, hour), cost in sorted(books(world).silent.items())
        ),
        cluster=pl.String,
        node=pl.String,
        hour=INSTANT,
        cost=USD,
    )


def _surge(world: World) -> pl.DataFrame:
    """Tell who pays more than usual on which days, for what."""
    return _frame(
        (
            (world.day(charge.day), charge_owner(world, charge), charge.service_name)
            for charge in charges(world)
            if charge.meter == SURGING and world.spec.days - charge.day in SURGE_DAYS
        ),
        charge_date=pl.Date,
        team=pl.String,
        service_name=pl.String,
    )


def budgets(world: World) -> list[Budget]:
    """Give every team a budget that it keeps with ease; one is too small for the last month."""
    months = world.months()
    last, spent = months[-1][0], team_months(world)
    found = []
    for team in sorted(team.id for team in world.teams):
        paces = [spent[month, team] / (stop - first) * 31 for month, first, stop in months]
        amount = Decimal(int(max(paces) * Fraction("1.5") / 50) * 50 + 50)
        if team == world.blown_team:
            amount = money(spent[last, team] * Fraction("0.85")).quantize(Decimal(1))
        found += [Budget(month, team, amount, money(spent[month, team])) for month, _, _ in months]
    return found


def _budget(world: World) -> pl.DataFrame:
    return _frame(
        (
            (item.month, item.team, item.amount, item.spent, item.spent > item.amount)
            for item in budgets(world)
        ),
        month=pl.String,
        team=pl.String,
        budget_cost=USD,
        spent_cost=USD,
        is_blown=pl.Boolean,
    )


def _owner(world: World) -> pl.DataFrame:
    """Tell who owns each workload, from which day to which (inclusive)."""
    rows = []
    for work in world.workloads:
        place = work.namespace
        changes = [0, world.change.day] if place.how == "changed" else [0]
        for first, stop in zip(changes, [*changes[1:], world.spec.days], strict=True):
            days = (world.day(first), world.day(stop) - timedelta(days=1))
            team = owner(world, work, first)
            rows.append((place.cluster.name, place.name, work.name, team, place.how, *days))
    return _frame(
        sorted(rows),
        cluster=pl.String,
        namespace=pl.String,
        workload=pl.String,
        team=pl.String,
        how=pl.String,
        from_day=pl.Date,
        until_day=pl.Date,
    )
