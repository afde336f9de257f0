"""The static report: one HTML file with the figures of a snapshot, as a reader first sees them.

Takes    a snapshot
Gives    one file that needs nothing else: charts, tables and the SQL of each are inside
Holds    the same snapshot gives the same bytes; nothing is fetched when it is opened; the answer
         stands first, and every figure names its tables, snapshot and how final it is
"""

import json
from contextlib import closing
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

import vl_convert

from app.figures.cardinality import advice, cardinality
from app.figures.cost import allocation, budget, movers, outlook, spend
from app.figures.coverage import coverage, dark, score_cost, standing
from app.figures.platform import health
from app.kit import cards, table, words
from app.kit.choices import choices, first_look
from app.kit.figure import Figure, Make, figure, sources
from app.kit.filters import Filters
from app.kit.reader import Reader
from warehouse.store.snapshot import Snapshot


@dataclass(frozen=True)
class Section:
    """A part of the report: a page's first look, in rows of one or two figures."""

    title: str
    rows: tuple[tuple[Make, ...], ...]
    cards: tuple[Make, ...] = ()


SECTIONS: Final = (
    Section(
        "What did we spend, who spent it, will we stay in budget?",
        (
            (spend.daily,),
            (allocation.parts,),
            (spend.by_service, spend.by_namespace),
            (movers.movers,),
            (spend.teams,),
            (budget.against_budget,),
            (outlook.forecast,),
            (outlook.anomalies,),
        ),
        (
            spend.headline,
            outlook.forecast,
            budget.against_budget,
            allocation.parts,
            coverage.headline,
            cardinality.headline,
            allocation.reconciliation,
        ),
    ),
    Section("Is it the bill?", ((allocation.reconciliation,),)),
    Section(
        "Which services cannot be seen in an incident?",
        ((coverage.by_team, dark.dark), (standing.teams,), (coverage.fixes,)),
        (coverage.headline,),
    ),
    Section(
        "How good is the telemetry?",
        ((score_cost.against_cost,), (score_cost.first_fixes,)),
        (score_cost.against_cost,),
    ),
    Section(
        "Which metrics cost most, and what can be saved?",
        ((advice.advice,), (cardinality.headline,), (cardinality.metrics,)),
        (cardinality.headline, cardinality.price, advice.advice),
    ),
    Section(
        "Is the data fresh and sound?",
        ((health.freshness,), (health.deliveries,), (health.checks,)),
        (allocation.reconciliation, health.deliveries, health.runs, health.checks),
    ),
)
"""The cards of the first part stand above all, below the answer."""

ANSWERS: Final[dict[str, Make]] = {
    "Spend": spend.headline,
    "What moved": movers.movers,
    "Budgets": budget.against_budget,
    "Forecast": outlook.forecast,
    "Owners": allocation.parts,
    "The bill": allocation.reconciliation,
    "Coverage": coverage.headline,
    "Dark services": dark.dark,
    "Cost of series": advice.advice,
}
"""Whose findings are the answer, in their order, and what each is about."""

FIRST_CARDS: Final = frozenset(
    {
        "Spend",
        "Change",
        "A day",
        "Month end",
        budget.CARD,
        "Allocated",
        "Coverage M7",
        "Active series",
        "Bill \u2212 ledger",
    }
)
"""The cards of the first part, and of the page Executive."""

MOST_ROWS: Final = 15
"""So many rows of a table without a total are printed; the page has them all."""

FOOTER: Final = (
    "Cards have three significant figures, tables cents; where a table has a total, what is read "
    "adds up to it. A dash is zero. Percentages are rounded down, parts of a cost "
    "to the nearest. Days are UTC days; a day is "
    "estimated until 48 hours after its end or the provider's final mark. Every figure comes from "
    "the snapshot named above: `meterbook query` asks it again, with the SQL that this file holds "
    "below each figure."
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
    sections = "".join(
        _section(section, reader, filters, charts, place)
        for place, section in enumerate(SECTIONS, 1)
    )
    page = _TEMPLATE.read_text(encoding="utf-8")
    for name, text in {
        "period": escape(filters.period_text),
        "subtitle": escape(f"{filters.period_text}, {filters.team_text}"),
        "facts": _facts(reader, filters),
        "snapshot": escape(reader.snapshot.id),
        "card_css": cards.CSS,
        "table_css": table.CSS,
        "answer": _answer(reader, filters),
        "sections": sections,
        "footer": escape(FOOTER),
        "charts": _json(charts),
        "bundle": _bundle(),
    }.items():
        page = page.replace(f"<!--{name}-->", text)
    return page


def _facts(reader: Reader, filters: Filters) -> str:
    """Say what the report is about, what is final of it, and where it comes from."""
    known = choices(reader)
    since = known.estimated_from
    facts = {
        "Period": f"{filters.period_text} (UTC)",
        "Compared with": filters.previous_text
        if filters.is_compared
        else "nothing, the bill does not reach back",
        "Currency": filters.currency,
        "Cost": f"{filters.cost} (FOCUS)",
        "State": f"estimated from {words.day(since)} on, final before" if since else "final",
        "Cost known for": words.span(known.since, known.through)
        if known.since and known.through
        else "no day yet",
        "Built": words.instant(reader.snapshot.built_at),
        "Snapshot": reader.snapshot.id,
    }
    return "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items()
    )


def _answer(reader: Reader, filters: Filters) -> str:
    """Give what was found in sentences, the cards, and where to read on."""
    made = {about: figure(make, reader, filters) for about, make in ANSWERS.items()}
    sentence = "".join(
        f"<li><b>{escape(about)}.</b> {escape(one.finding)}</li>"
        for about, one in made.items()
        if one.rows and (one.chart is not None or one.name != "movers")
    )
    links = "".join(
        f'<li><a href="#part-{place}">{escape(section.title)}</a></li>'
        for place, section in enumerate(SECTIONS, 1)
    )
    return (
        f'<section class="answer"><h2>The answer</h2><ol>{sentence}</ol>'
        f"{_cards(SECTIONS[0], reader, filters)}"
        f'<nav aria-label="Contents"><ol>{links}</ol></nav></section>'
    )


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


def _section(
    section: Section, reader: Reader, filters: Filters, charts: dict[str, object], place: int
) -> str:
    drawn = _cards(section, reader, filters) if place > 1 else ""
    rows = [[figure(make, reader, filters) for make in row] for row in section.rows]
    body = "".join(
        f'<div class="row">{"".join(_figure(made, charts) for made in row)}</div>' for row in rows
    )
    return f'<section id="part-{place}"><h2>{escape(section.title)}</h2>{drawn}{body}</section>'


def _cards(section: Section, reader: Reader, filters: Filters) -> str:
    made = [figure(make, reader, filters) for make in section.cards]
    drawn = [
        card
        for one in made
        for card in one.cards
        if section is not SECTIONS[0] or card.label in FIRST_CARDS
    ]
    if not drawn:
        return ""
    return (
        f'<div class="cards">{cards.render(drawn)}'
        f'<p class="source">{escape(sources(made))}</p></div>'
    )


def _figure(made: Figure, charts: dict[str, object]) -> str:
    parts = [f"<h3>{escape(made.title)}</h3>"]
    parts.append(f'<p class="finding">{escape(made.sentence)}</p>')
    if made.chart is not None:
        charts[made.name] = made.chart
        parts.append(
            f'<div class="chart" id="{made.name}" role="img" aria-label="{escape(made.alt)}"></div>'
        )
    if made.has_table:
        parts.append(table.render(made, most=MOST_ROWS))
    if made.notes:
        parts.append(f'<p class="note">{escape(made.notes)}</p>')
    parts.append(
        f'<p class="source">{escape(made.provenance)}</p>'
        f"<details><summary>SQL</summary><pre>{escape(made.sql)}</pre></details>"
    )
    return f"<article>{''.join(parts)}</article>"


def _json(value: object) -> str:
    """Give JSON that cannot end the script element it stands in."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _bundle() -> str:
    """Give Vega, Vega-Lite and Vega-Embed as one script; they come with vl-convert."""
    return vl_convert.javascript_bundle(_WINDOW).replace("</script", "<\\/script")
