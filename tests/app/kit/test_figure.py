"""What every figure can: rows for a chart, rows as CSV, and how final it is."""

import csv as csv_reader
import io
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from app.figures.cardinality import one_metric
from app.figures.cost import allocation, budget, spend
from app.figures.coverage import coverage
from app.kit.choices import first_look
from app.kit.figure import MAX_CHART_ROWS, chart_rows, csv, sources
from app.kit.filters import Filters, days_of
from app.kit.reader import Reader


def test_a_chart_of_too_many_rows_is_refused() -> None:
    """5,001 rows are an error of ours, not a slow page."""
    with pytest.raises(ValueError, match="5001 rows"):
        chart_rows(pl.DataFrame({"n": range(MAX_CHART_ROWS + 1)}))


def test_the_csv_has_every_row_and_digit(book: Any, reader: Reader) -> None:
    """The rows that are downloaded add up to the card, in twelve decimals."""
    filters = first_look(reader)

    text = csv(spend.teams(reader, filters)).decode()

    rows = list(csv_reader.DictReader(io.StringIO(text)))
    assert sum(Decimal(row["cost"]) for row in rows) == book.sum(filters.start, filters.end)


def test_a_cell_that_looks_like_a_formula_is_text(reader: Reader) -> None:
    """A value that begins with `=` from telemetry is no formula in a spreadsheet."""
    made = one_metric.values(reader, first_look(reader), "checkout.cart.events", "user_id")

    text = csv(made).decode()

    rows = list(csv_reader.DictReader(io.StringIO(text)))
    assert {row["value"][:2] for row in rows} == {"'="}


def test_every_figure_says_how_final_it_is(reader: Reader) -> None:
    """The last two days are estimated, last month is final, a budget holds a forecast."""
    look = first_look(reader)
    past = Filters(*days_of("last-month", date(2026, 11, 22)), currency=look.currency)

    assert "contains estimated days" in spend.headline(reader, look).provenance
    assert "contains estimated days" in allocation.reconciliation(reader, look).provenance
    assert "final" in spend.headline(reader, past).provenance
    assert "final" in allocation.reconciliation(reader, past).provenance
    assert "forecast" in budget.against_budget(reader, look).provenance
    assert "counted, not estimated" in coverage.headline(reader, look).provenance
    several = sources([spend.headline(reader, look), coverage.headline(reader, look)])
    assert several.endswith("contains estimated days")
    assert "mart_cost_daily_team, mart_coverage_service" in several
