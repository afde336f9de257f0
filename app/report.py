"""The static report: one HTML file with the figures of a snapshot, as a reader first sees them.

Takes    a snapshot
Gives    one file that needs nothing else: charts, tables and the SQL of each are inside
Holds    the same snapshot gives the same bytes; nothing is fetched when it is opened
"""

import json
from contextlib import closing
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

import vl_convert

from app import table, words
from app.choices import choices, first_look
from app.figure import Card, Figure, Make, figure
from app.figures import (
    advice,
    allocation,
    budget,
    cardinality,
    coverage,
    dark,
    health,
    outlook,
    score_cost,
    spend,
    standing,
)
from app.filters import Filters
from app.reader import Reader
from warehouse.snapshot import Snapshot


@dataclass(frozen=True)
class Section:
    """A part of the report: a page's first look, in rows of one or two figures."""

    title: str
    rows: tuple[tuple[Make, ...], ...]
    cards: tuple[Make, ...] = ()
    labels: tuple[str, ...] = ()
    """The cards that are shown; empty: all."""


SECTIONS: Final = (
    Section(
        "Executive",
        (
            (spend.daily,),
            (spend.by_namespace, spend.by_service),
            (spend.movers, allocation.parts),
            (budget.against_budget,),
            (outlook.forecast,),
            (outlook.anomalies,),
            (spend.teams,),
            (allocation.reconciliation,),
        ),
        (
            spend.headline,
            budget.against_budget,
            allocation.parts,
            coverage.headline,
            cardinality.headline,
        ),
        ("Spend", "Change", "Forecast", "Allocated", "Coverage M7", "Active series"),
    ),
    Section(
        "Coverage",
        ((coverage.by_team, dark.dark), (standing.teams,), (coverage.fixes,)),
        (coverage.headline,),
    ),
    Section(
        "Quality of telemetry",
        ((score_cost.against_cost,), (score_cost.first_fixes,)),
        (score_cost.against_cost,),
    ),
    Section(
        "Cardinality",
        ((advice.advice,), (cardinality.headline,), (cardinality.metrics,)),
        (cardinality.headline, cardinality.price, advice.advice),
    ),
    Section(
        "State of the data",
        ((health.freshness,), (health.deliveries,), (health.checks,)),
        (allocation.reconciliation, health.deliveries, health.runs, health.checks),
    ),
)

_WINDOW: Final = "window.vegaEmbed = vegaEmbed;"
_TEMPLATE: Final = Path(__file__).parent / "report.html"


def write_report(snapshot: Snapshot, out: Path) -> None:
    """Write the report of a snapshot to `out`."""
    with closing(Reader(snapshot)) as reader:
        out.write_text(_page(reader), encoding="utf-8")


def _page(reader: Reader) -> str:
    filters = first_look(reader)
    charts: dict[str, object] = {}
    sections = "".join(_section(section, reader, filters, charts) for section in SECTIONS)
    page = _TEMPLATE.read_text(encoding="utf-8")
    for name, text in {
        "period": escape(filters.period_text),
        "freshness": escape(freshness(reader, filters)),
        "snapshot": escape(reader.snapshot.id),
        "table_css": table.CSS,
        "sections": sections,
        "charts": _json(charts),
        "bundle": _bundle(),
    }.items():
        page = page.replace(f"<!--{name}-->", text)
    return page


def freshness(reader: Reader, filters: Filters) -> str:
    """Say which days are shown, how far they are final, and which snapshot they come from."""
    known = choices(reader)
    compared = f" against {filters.previous_text}" if filters.is_compared else ""
    parts = [f"{filters.period_text}{compared}", filters.team_text]
    span = words.span(known.since, known.through) if known.since and known.through else ""
    parts.append(f"cost known for {span}" if span else "no cost yet")
    if known.estimated_from:
        parts.append(f"estimated from {words.day(known.estimated_from)} on")
    parts.append(f"built {words.instant(reader.snapshot.built_at)}")
    parts.append(f"snapshot {reader.snapshot.id}")
    return " · ".join(parts)


def _section(section: Section, reader: Reader, filters: Filters, charts: dict[str, object]) -> str:
    cards = [
        card
        for make in section.cards
        for card in figure(make, reader, filters).cards
        if not section.labels or card.label in section.labels
    ]
    drawn = f'<div class="cards">{"".join(map(_card, cards))}</div>' if cards else ""
    rows = [[figure(make, reader, filters) for make in row] for row in section.rows]
    body = "".join(
        f'<div class="row">{"".join(_figure(made, charts) for made in row)}</div>' for row in rows
    )
    return f"<section><h2>{escape(section.title)}</h2>{drawn}{body}</section>"


def _card(card: Card) -> str:
    arrow = {"up": "▲ ", "down": "▼ ", "off": ""}[card.direction]
    return (
        f'<div class="card" title="{escape(card.help)}">'
        f'<div class="label">{escape(card.label)}</div>'
        f'<div class="value">{escape(card.value)}</div>'
        f'<div class="note {card.tone}">{arrow}{escape(card.note)}</div></div>'
    )


def _figure(made: Figure, charts: dict[str, object]) -> str:
    parts = [f"<h3>{escape(made.title)}</h3>", f"<p>{escape(made.finding)}</p>"]
    if made.chart is not None:
        charts[made.name] = made.chart
        parts.append(
            f'<div class="chart" id="{made.name}" role="img" aria-label="{escape(made.alt)}"></div>'
        )
    if made.shown and made.rows:
        parts.append(table.render(made))
    elif made.chart is None:
        parts.append(f'<p class="empty">{escape(made.empty)}</p>')
    parts.append(
        f"<details><summary>{escape(made.provenance)}</summary>"
        f"<pre>{escape(made.sql)}</pre></details>"
    )
    return f"<article>{''.join(parts)}</article>"


def _json(value: object) -> str:
    """Give JSON that cannot end the script element it stands in."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _bundle() -> str:
    """Give Vega, Vega-Lite and Vega-Embed as one script; they come with vl-convert."""
    return vl_convert.javascript_bundle(_WINDOW).replace("</script", "<\\/script")
