"""How a page shows figures: cards, charts, tables, and the way back to the data behind each.

Takes    figures
Gives    what the reader sees; text that came from outside is never read as markdown or HTML
"""

from collections.abc import Sequence
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import chart, colours, controls, place, table, words
from app.controls import Visit
from app.figure import Card, Figure, Make, csv, figure
from app.report import freshness

_TONES = {"good": "blue", "bad": "red", "neutral": "gray"}

_CSS = """
<style>
.stMainBlockContainer{padding:2.6rem 2.4rem 3rem;max-width:1560px}
[data-testid="stMetric"]{height:100%}
[data-testid="stMetricValue"]{font-variant-numeric:tabular-nums;font-size:1.85rem}
[data-testid="stMetricLabel"] *,[data-testid="stMetricDelta"] *{white-space:normal;overflow:visible}
@media (max-width:640px){[class*="st-key-cards"] [data-testid="stColumn"]{
 flex:1 1 calc(50% - .5rem);min-width:calc(50% - .5rem)}
 [data-testid="stMetricDelta"]{font-size:.72rem}}
.stMain h2{font-size:1.4rem;padding:.8rem 0 .2rem}
.mb-finding{font-size:.95rem;line-height:1.45;margin:0 0 .2rem}
.mb-lead{font-size:1.2rem;line-height:1.5;margin:0;max-width:60rem}
.mb-fresh{font-size:.84rem;opacity:.72;margin:0}
.mb-title{font-size:1.05rem;font-weight:650;margin:0;line-height:1.3}
"""


class Page:
    """One run of one page: its title, the state of its data, and its figures."""

    def __init__(self, title: str, question: str) -> None:
        """Draw the head: title, question, freshness, and warnings where the data needs one."""
        st.html(f"{_CSS}{table.CSS}</style>")
        self.visit: Visit = controls.visit()
        self.filters = self.visit.filters
        st.title(title, anchor=False)
        st.caption(f"{words.md_escape(question)}")
        self._freshness()

    def get(self, make: Make, *choices: str) -> Figure:
        """Give a figure for the reader's choices."""
        return figure(make, self.visit.reader, self.filters, *choices)

    def lead(self, *sentences: str) -> None:
        """Say what the page found, in a few sentences."""
        st.html(f'<p class="mb-lead">{escape(" ".join(sentences))}</p>')

    def cards(self, *made: Figure, labels: Sequence[str] = (), key: str = "cards") -> None:
        """Draw the cards of the figures in one row, all of one size; `labels` picks some.

        A second row of a page has a key of its own, which begins with `cards`.
        """
        cards = [card for one in made for card in one.cards if not labels or card.label in labels]
        if not cards:
            return
        with st.container(key=key):
            for column, card in zip(st.columns(len(cards)), cards, strict=True):
                with column:
                    _draw_card(card)

    def show_in(self, column: DeltaGenerator, made: Figure) -> None:
        """Draw a figure in a column of the page's own."""
        with column:
            _draw(made, self.choices_in_url(), height="stretch")

    def show(
        self, *made: Figure | tuple[Figure, ...], widths: Sequence[float] | None = None
    ) -> None:
        """Draw figures side by side; a tuple stands one above the other in its column."""
        query = self.choices_in_url()
        for column, group in zip(st.columns(widths or len(made)), made, strict=True):
            with column:
                *upper, last = group if isinstance(group, tuple) else (group,)
                for one in upper:
                    _draw(one, query)
                _draw(last, query, height="stretch")

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


def _draw_card(card: Card) -> None:
    st.metric(
        words.md_escape(card.label),
        words.md_escape(card.value),
        words.md_escape(card.note) if card.note else None,
        delta_color=_TONES[card.tone],  # type: ignore[arg-type] # one of the colours it names
        delta_arrow=card.direction,
        help=words.md_escape(card.help) if card.help else None,
        border=True,
        height="stretch",
    )


def _draw(made: Figure, query: dict[str, str], *, height: str = "content") -> None:
    with st.container(border=True, height=height, key=f"figure-{made.name}"):  # type: ignore[arg-type]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(f'<h3 class="mb-title">{escape(made.title)}</h3>', width="stretch")
            _draw_source(made)
        has_table = bool(made.shown and made.rows)
        if made.chart is None and not has_table:
            st.info(words.md_escape(made.empty), icon=":material/info:")
            return
        st.html(f'<p class="mb-finding">{escape(made.finding)}</p>')
        if made.chart is not None:
            st.vega_lite_chart(
                spec=chart.with_text(made.chart, _label_colour()),
                alt=made.alt,
                key=f"chart-{made.name}",
            )
        if has_table:
            st.html(table.render(made, query=query))
        if made.note:
            st.caption(words.md_escape(made.note))


def _label_colour() -> str:
    return colours.LABELS["dark" if st.context.theme.type == "dark" else "light"]


def _draw_source(made: Figure) -> None:
    with st.popover("</>", help="SQL, source and download", type="tertiary"):
        st.caption(words.md_escape(made.provenance))
        st.code(made.sql, language="sql", wrap_lines=True)
        st.download_button(
            "CSV",
            data=lambda: csv(made),
            file_name=f"{made.name}-{made.snapshot_id}.csv",
            mime="text/csv",
            on_click="ignore",
            key=f"csv-{made.name}",
            icon=":material/download:",
        )
