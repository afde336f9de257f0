"""How a page shows figures: cards, charts, tables, and the way back to the data behind each.

Takes    figures
Gives    what the reader sees; text that came from outside is never read as markdown or HTML
"""

from collections.abc import Collection, Sequence
from html import escape
from typing import Final

import duckdb
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.kit import cards, chart, colours, table, words
from app.kit.figure import Figure, Make, figure, sources
from app.kit.reader import Reader
from app.report import freshness
from app.web import controls, place
from app.web.controls import Visit

CHOICE: Final = 420
"""The width of a choice that belongs to a part of a page, in pixels."""
OUTDATED: Final = (
    "This snapshot was built by an earlier version and lacks what this part shows. "
    "`meterbook build` makes a new one."
)
MOST_ROWS: Final = 30
"""So many rows of a table without a total are on the page; the CSV has all."""
_CSS = """
.stMainBlockContainer{padding:3.3rem 2.4rem 3rem;max-width:1560px}
.stMain h1{font-size:2.1rem;padding:.2rem 0 0}
.stMain h2{font-size:1.3rem;font-weight:650;padding:0;margin:1rem 0 0;line-height:1.3}
[class*="st-key-figure-"]{gap:.55rem}
.mb{--mb-head:#fff;--mb-head:light-dark(#fff,#12151a)}
.mb-finding{font-size:.95rem;line-height:1.45;margin:.25rem 0 .5rem;max-width:72rem}
.mb-lead{font-size:1.15rem;line-height:1.5;margin:0;max-width:64rem}
.mb-fresh,.mb-note,.mb-source{font-size:.82rem;line-height:1.4;margin:0;
 color:#5d646e;color:light-dark(#5d646e,#a2a9b3)}
@media (max-width:1180px){.stMain [data-testid="stColumn"]:has([class*="st-key-figure-"]){
 min-width:100%}}
details.mb-source{margin:.5rem 0 0}
.mb-source summary{cursor:pointer;list-style:none}
.mb-source summary::-webkit-details-marker{display:none}
.mb-source u{text-underline-offset:3px}
.mb-source pre{white-space:pre-wrap;overflow-wrap:anywhere;user-select:all;font-size:.78rem;
 padding:.7rem;margin:.3rem 0 0;border:1px solid rgba(128,128,128,.3);border-radius:6px}
.mb-note{margin:.45rem 0 0;max-width:72rem}
.mb-title{font-size:1.05rem!important;font-weight:650;margin:0;padding:0!important;line-height:1.3}
"""
_STYLE = f"<style>{_CSS}{cards.CSS}{table.CSS}</style>"


class Page:
    """One run of one page: its title, the state of its data, and its figures."""

    def __init__(self, title: str, question: str) -> None:
        """Draw the head: title, question, freshness, and warnings where the data needs one."""
        st.html(_STYLE)
        self.visit: Visit = controls.visit()
        self.filters = self.visit.filters
        st.title(title, anchor=False)
        st.caption(f"{words.md_escape(question)}")
        self._freshness()

    def get(self, make: Make, *choices: str) -> Figure:
        """Give a figure for the reader's choices; where a table of it is missing, end the page."""
        try:
            return figure(make, self.visit.reader, self.filters, *choices)
        except (duckdb.CatalogException, duckdb.BinderException):
            st.warning(OUTDATED, icon=":material/update:")
            st.stop()

    def lead(self, *sentences: str) -> None:
        """Say what the page found, in a few sentences."""
        st.html(f'<p class="mb-lead">{escape(" ".join(sentences))}</p>')

    def part(self, question: str) -> None:
        """Begin a part of the page with the question that it answers."""
        st.html(f'<h2 class="mb-part">{escape(question)}</h2>')

    def cards(self, *made: Figure, labels: Collection[str] = ()) -> None:
        """Draw the cards of the figures in a row, with their source; `labels` picks some."""
        chosen = [
            (one, [card for card in one.cards if not labels or card.label in labels])
            for one in made
        ]
        drawn = [card for _, found in chosen for card in found]
        if not drawn:
            return
        source = _source([one for one, found in chosen if found])
        st.html(f"{cards.render(drawn)}{source}")

    def show_in(self, column: DeltaGenerator, made: Figure) -> None:
        """Draw a figure in a column of the page's own."""
        with column:
            _draw(self.visit.reader, made, self.choices_in_url(), height="stretch")

    def show(
        self, *made: Figure | tuple[Figure, ...], widths: Sequence[float] | None = None
    ) -> None:
        """Draw figures side by side; a tuple stands one above the other in its column."""
        query = self.choices_in_url()
        if len(made) == 1 and isinstance(made[0], Figure):
            _draw(self.visit.reader, made[0], query)
            return
        for column, group in zip(st.columns(widths or len(made)), made, strict=True):
            with column:
                *upper, last = group if isinstance(group, tuple) else (group,)
                for one in upper:
                    _draw(self.visit.reader, one, query)
                _draw(self.visit.reader, last, query, height="stretch")

    def choices_in_url(self) -> dict[str, str]:
        """Give the choices as they stand in the URL, for links to keep."""
        return {key: st.query_params[key] for key in controls.KEYS if key in st.query_params}

    def _freshness(self) -> None:
        reader = self.visit.reader
        st.html(f'<p class="mb-fresh">{escape(freshness(reader, self.filters))}</p>')
        if reader.problem:
            st.warning(words.md_escape(reader.problem), icon=":material/warning:")
        if place.is_stale(reader):
            st.warning(
                f"These figures are {words.age(place.age(reader))} old: nothing was published "
                f"since {words.instant(reader.snapshot.built_at)}. "
                "`meterbook build` makes a new snapshot.",
                icon=":material/schedule:",
            )


def _draw(reader: Reader, made: Figure, query: dict[str, str], *, height: str = "content") -> None:
    with st.container(border=True, height=height, key=f"figure-{made.name}"):  # type: ignore[arg-type]
        head, below = reader.kept(
            ("html", made.token, *query.items()), lambda: (_head(made), _below(made, query))
        )
        if made.chart is None:
            st.html(head + below)
            return
        st.html(head)
        st.vega_lite_chart(
            spec=chart.with_text(made.chart, _label_colour()),
            alt=made.alt,
            key=f"chart-{made.name}",
        )
        st.html(below)


def _head(made: Figure) -> str:
    return (
        f'<h3 class="mb-title">{escape(made.title)}</h3>'
        f'<p class="mb-finding">{escape(made.sentence)}</p>'
    )


def _below(made: Figure, query: dict[str, str]) -> str:
    """Give what stands below a chart: the table, what is shown, and where it comes from."""
    notes = f'<p class="mb-note">{escape(made.notes)}</p>' if made.notes else ""
    rows = table.render(made, query=query, most=MOST_ROWS) if made.has_table else ""
    return f"{rows}{notes}{_source([made])}"


def _label_colour() -> str:
    return colours.LABELS["dark" if st.context.theme.type == "dark" else "light"]


def _source(made: Sequence[Figure]) -> str:
    """Say where figures come from; opened, it gives their SQL and links to their rows."""
    asked = "".join(
        f'<p class="mb-note">{escape(one.title)} · '
        f'<a href="rows/{one.snapshot_id}/{one.token}.csv" download>all rows as CSV</a></p>'
        f'<pre tabindex="0">{escape(one.sql)}</pre>'
        for one in made
    )
    return (
        f'<details class="mb-source"><summary>{escape(sources(made))} · <u>SQL and rows</u>'
        f"</summary>{asked}</details>"
    )
