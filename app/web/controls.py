"""The reader's choices: drawn in the sidebar before any page, kept in the URL.

Takes    what can be chosen in the current snapshot
Gives    a `Visit`, for the page that runs next
"""

from dataclasses import dataclass, replace
from typing import Final

import streamlit as st

from app.kit import words
from app.kit.choices import Choices, can_compare, choices, last_day
from app.kit.filters import ALL, COMPARISONS, COSTS, PERIODS, Filters, days_of
from app.kit.reader import Reader
from app.web import place
from meterbook.base.errors import NothingPublishedError

KEYS: Final = ("period", "compare", "team", "environment", "currency", "cost")
"""The parameters of the URL that hold on every page."""

_VISIT: Final = "meterbook visit"


@dataclass(frozen=True)
class Visit:
    """One run of a page: what it reads, and what was chosen."""

    reader: Reader
    filters: Filters


def draw() -> None:
    """Draw the choices and remember them for the page of this run."""
    try:
        reader = place.open_reader()
    except NothingPublishedError as exc:
        st.session_state[_VISIT] = exc
        return
    with st.sidebar:
        st.session_state[_VISIT] = Visit(reader, _filters(choices(reader), reader))


def visit() -> Visit:
    """Give what this run is about; where nothing is published, say so and end the page."""
    found: Visit | NothingPublishedError = st.session_state[_VISIT]
    if isinstance(found, NothingPublishedError):
        st.title("Nothing is published yet", anchor=False)
        st.write(words.md_escape(str(found)))
        st.stop()
    return found


def _filters(options: Choices, reader: Reader) -> Filters:
    period = st.selectbox(
        "Period",
        list(PERIODS),
        index=list(PERIODS).index("30d"),
        format_func=PERIODS.__getitem__,
        key="period",
        bind="query-params",
    )
    compare = st.selectbox(
        "Compare with",
        list(COMPARISONS),
        format_func=COMPARISONS.__getitem__,
        key="compare",
        bind="query-params",
    )
    team = st.selectbox(
        "Team",
        [ALL, *options.teams],
        format_func=lambda name: "All teams" if name == ALL else words.entity(name),
        key="team",
        bind="query-params",
    )
    environment = st.selectbox(
        "Environment",
        [ALL, *options.environments],
        format_func=lambda name: "All environments" if name == ALL else words.entity(name),
        key="environment",
        bind="query-params",
        help="Narrows coverage. Cost and series are those of all environments.",
    )
    currency = st.selectbox(
        "Currency",
        options.currencies,
        key="currency",
        bind="query-params",
        help="Currencies are never added up.",
    )
    cost = st.selectbox(
        "Cost",
        list(COSTS),
        format_func=COSTS.__getitem__,
        key="cost",
        bind="query-params",
        help="Effective spreads commitments and fees over what they cover; billed is the invoice.",
    )
    filters = Filters(
        *days_of(period, last_day(reader)),
        team=team,
        environment=environment,
        currency=currency,
        cost=cost,
    )
    return replace(filters, is_compared=compare == "previous" and can_compare(reader, filters))
