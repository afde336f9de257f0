"""Costs out of the ordinary: services of teams, and namespaces that run away.

Reads    mart_cost_daily_service
Writes   mart_cost_anomaly    one row per day and series that alerts
Units    Decimal(38, 12)
Holds    a series without a rise has no row; drivers are parts of it, the greatest rise first

Formulas. Expected = median of the same weekday in the six weeks before (three at least). Score =
(cost - expected) / (1.4826 MAD + floor), floor = 2 % of expected plus a tenth of the least impact.
A day is unusual when score > 3.5 and the impact is above the least amount and the least part of
expected. It alerts when the day before was unusual too, or its score is above 8. Estimated days are
judged too: they may still grow, hardly shrink.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import polars as pl

from transforms.outlook.outlook import ATOM, median
from warehouse.tables.mart_outlook import ANOMALY

WEEKS: Final = 6
LEAST_WEEKS: Final = 3
MAD_SCALE: Final = Decimal("1.4826")
UNUSUAL: Final = Decimal("3.5")
ALARMING: Final = Decimal(8)
DRIVERS: Final = 3

Days = Mapping[date, Decimal]


@dataclass(frozen=True)
class Limits:
    """What is worth telling."""

    least_cost: Decimal = Decimal(5)
    least_ratio: Decimal = Decimal("0.20")
    days: int = 14
    """Days looked at, up to the last with cost."""


@dataclass(frozen=True)
class Comparison:
    """A day of a series: what was expected, and how far off it is."""

    cost: Decimal
    expected: Decimal
    score: Decimal
    is_unusual: bool


def cost_anomaly(service_daily: pl.LazyFrame, limits: Limits) -> pl.LazyFrame:
    """Give mart_cost_anomaly of the last days, for teams by service and for namespaces."""
    costs = service_daily.select(
        "charge_date", "team", "service_name", "cluster", "namespace", "currency", "effective_cost"
    ).collect()
    in_cluster = costs.filter(
        (pl.col("namespace") != "-") & ~pl.col("namespace").str.starts_with("__")
    )
    rows = [
        *_scope(costs, ["team", "service_name"], ["cluster", "namespace"], limits),
        *_scope(in_cluster, ["cluster", "namespace"], ["team", "service_name"], limits),
    ]
    return pl.DataFrame(rows, schema=ANOMALY.schema, orient="row").lazy().sort(ANOMALY.key)


def _scope(
    costs: pl.DataFrame, key: list[str], part: list[str], limits: Limits
) -> list[tuple[object, ...]]:
    """Give the alerts of one kind of series; `part` names what drives them."""
    if costs.is_empty():
        return []
    first, last = min(costs["charge_date"]), max(costs["charge_date"])
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    whole = _series(costs, [*key, "currency"], every)
    parts: dict[tuple[str, ...], Days] | None = None
    rows: list[tuple[object, ...]] = []
    for name, days in sorted(whole.items()):
        run, before = 0, False
        for day in every[-limits.days :]:
            compared = compare(days, day, limits)
            is_unusual = compared is not None and compared.is_unusual
            run = run + 1 if is_unusual else 0
            if compared is not None and is_unusual and (before or compared.score > ALARMING):
                if parts is None:
                    parts = _series(costs, [*key, "currency", *part], every)
                reported = _drivers(name, day, parts)
                rows.append(_row(day, key, name, compared, run, reported))
            before = is_unusual
    return rows


def _series(
    costs: pl.DataFrame, key: Sequence[str], every: Sequence[date]
) -> dict[tuple[str, ...], Days]:
    """Give a cost for every day from the first on which the series has one; none is zero."""
    found: dict[tuple[str, ...], dict[date, Decimal]] = {}
    sums = costs.group_by(*key, "charge_date").agg(pl.col("effective_cost").sum())
    for *name, day, cost in sums.select(*key, "charge_date", "effective_cost").rows():
        found.setdefault(tuple(name), {})[day] = cost
    return {
        name: {day: days.get(day, Decimal(0)) for day in every if day >= min(days)}
        for name, days in found.items()
    }


def compare(days: Days, day: date, limits: Limits) -> Comparison | None:
    """Judge a day by the same weekday of the weeks before; None with less than three of them."""
    before = [d for n in range(1, WEEKS + 1) if (d := day - timedelta(weeks=n)) in days]
    if day not in days or len(before) < LEAST_WEEKS:
        return None
    expected = median([days[d] for d in before])
    mad = median([abs(days[d] - expected) for d in before])
    base = MAD_SCALE * mad + abs(expected) / 50 + limits.least_cost / 10
    impact = days[day] - expected
    is_large = impact > max(limits.least_cost, abs(expected) * limits.least_ratio)
    score = impact / base
    return Comparison(days[day], expected, score, is_large and score > UNUSUAL)


def _drivers(name: tuple[str, ...], day: date, parts: Mapping[tuple[str, ...], Days]) -> str:
    """Name the three parts that rose most; one without history rose by all it costs."""
    rises = []
    for key, days in parts.items():
        if key[: len(name)] != name or day not in days:
            continue
        before = [days.get(day - timedelta(weeks=n), Decimal(0)) for n in range(1, WEEKS + 1)]
        rise = days[day] - median(before[: max(LEAST_WEEKS, sum(1 for cost in before if cost))])
        label = " / ".join(text for text in key[len(name) :] if text != "-") or "outside clusters"
        rises.append((-rise, label))
    return "; ".join(f"{label} {-rise:+.2f}" for rise, label in sorted(rises)[:DRIVERS] if rise < 0)


def _row(  # noqa: PLR0913, PLR0917 - one per fact
    day: date,
    key: Sequence[str],
    name: tuple[str, ...],
    compared: Comparison,
    run: int,
    drivers: str,
) -> tuple[object, ...]:
    place = dict(zip([*key, "currency"], name, strict=True))
    names = [place.get(part, "") for part in ("team", "service_name", "cluster", "namespace")]
    return (
        day, "team" if key[0] == "team" else "namespace", *names, place["currency"],
        compared.cost, compared.expected.quantize(ATOM),
        (compared.cost - compared.expected).quantize(ATOM),
        float(compared.score), run, drivers,
    )  # fmt: skip
