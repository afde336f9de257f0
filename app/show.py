"""How a page shows figures: cards, charts, tables, and the way back to the data behind each.

Takes    figures
Gives    what the reader sees; text that came from outside is never read as markdown or HTML
"""

from collections.abc import Sequence
from html import escape
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import cards, chart, colours, controls, place, table, words
from app.controls import Visit
from app.figure import Figure, Make, csv, figure, sources
from app.report import freshness

CHOICE: Final = 420
"""The width of a choice that belongs to a part of a page, in pixels."""
_CSS = """
.stMainBlockContainer{padding:3.3rem 2.4rem 3rem;max-width:1560px}
.stMain h1{font-size:2.1rem;padding:.2rem 0 0}
.stMain h2{font-size:1.3rem;font-weight:650;padding:0;margin:1rem 0 0;line-height:1.3}
[class*="st-key-figure-"]{gap:.55rem}
.mb-finding{font-size:.95rem;line-height:1.45;margin:.25rem 0 .1rem;max-width:72rem}
.mb-lead{font-size:1.15rem;line-height:1.5;margin:0;max-width:64rem}
.mb-fresh,.mb-note,.mb-source{font-size:.82rem;line-height:1.4;margin:0;
 color:#5d646e;color:light-dark(#5d646e,#a2a9b3)}
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
        """Give a figure for the reader's choices."""
        return figure(make, self.visit.reader, self.filters, *choices)

    def lead(self, *sentences: str) -> None:
        """Say what the page found, in a few sentences."""
        st.html(f'<p class="mb-lead">{escape(" ".join(sentences))}</p>')

    def part(self, question: str) -> None:
        """Begin a part of the page with the question that it answers."""
        st.html(f'<h2 class="mb-part">{escape(question)}</h2>')

    def cards(self, *made: Figure, labels: Sequence[str] = (), key: str = "cards") -> None:
        """Draw the cards of the figures in a row, with their source; `labels` picks some.

        A second row of a page has a key of its own, which begins with `cards`.
        """
        chosen = [
            (one, [card for card in one.cards if not labels or card.label in labels])
            for one in made
        ]
        drawn = [card for _, found in chosen for card in found]
        if not drawn:
            return
        with st.container(key=key, gap="xsmall"):
            st.html(cards.render(drawn))
            _draw_source([one for one, found in chosen if found], key)

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


def _draw(made: Figure, query: dict[str, str], *, height: str = "content") -> None:
    with st.container(border=True, height=height, key=f"figure-{made.name}"):  # type: ignore[arg-type]
        has_table = bool(made.shown and made.rows)
        is_empty = made.chart is None and not has_table
        st.html(
            f'<h3 class="mb-title">{escape(made.title)}</h3>'
            f'<p class="mb-finding">{escape(made.empty if is_empty else made.finding)}</p>'
        )
        if made.chart is not None:
            st.vega_lite_chart(
                spec=chart.with_text(made.chart, _label_colour()),
                alt=made.alt,
                key=f"chart-{made.name}",
            )
        notes = [f"{made.alt}."] if made.chart is not None else []
        notes += [made.note] if made.note and not is_empty else []
        said = f'<p class="mb-note">{escape(" ".join(notes))}</p>' if notes else ""
        if has_table or said:
            st.html((table.render(made, query=query) if has_table else "") + said)
        _draw_source([made], "figure")


def _label_colour() -> str:
    return colours.LABELS["dark" if st.context.theme.type == "dark" else "light"]


def _draw_source(made: Sequence[Figure], spot: str) -> None:
    """Say where figures come from, and let their SQL be read and their rows be taken."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        st.html(f'<p class="mb-source">{escape(sources(made))}</p>', width="stretch")
        with st.popover("SQL", help="The question behind it, and its rows", type="tertiary"):
            for one in made:
                st.caption(words.md_escape(f"{one.title}: {one.provenance}"))
                st.code(one.sql, language="sql", wrap_lines=True)
                _draw_download(one, spot)


def _draw_download(made: Figure, spot: str) -> None:
    st.download_button(
        "CSV",
        data=lambda: csv(made),
        file_name=f"{made.name}-{made.snapshot_id}.csv",
        mime="text/csv",
        on_click="ignore",
        key=f"csv-{spot}-{made.name}",
        icon=":material/download:",
    )
