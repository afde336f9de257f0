"""The reader's choices: drawn in the sidebar before any page, kept in the URL.

Takes    what can be chosen in the current snapshot
Gives    a `Visit`, for the page that runs next
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

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
    at_first = list(PERIODS).index("30d")
    period = _choose("period", "Period", PERIODS, PERIODS.__getitem__, index=at_first)
    compare = _choose("compare", "Compare with", COMPARISONS, COMPARISONS.__getitem__)
    filters = Filters(
        *days_of(period, last_day(reader)),
        team=_choose("team", "Team", [ALL, *options.teams], _or_all("All teams")),
        environment=_environment(options),
        currency=_currency(options),
        cost=_cost(),
    )
    return replace(filters, is_compared=compare == "previous" and can_compare(reader, filters))


def _environment(options: Choices) -> str:
    return _choose(
        "environment",
        "Environment",
        [ALL, *options.environments],
        _or_all("All environments"),
        help="Narrows coverage. Cost and series are those of all environments.",
    )


def _currency(options: Choices) -> str:
    return _choose(
        "currency", "Currency", options.currencies, help="Currencies are never added up."
    )


def _cost() -> str:
    return _choose(
        "cost",
        "Cost",
        COSTS,
        COSTS.__getitem__,
        help="Effective spreads commitments and fees over what they cover; billed is the invoice.",
    )


def _or_all(text: str) -> Callable[[str], str]:
    """Give how names are written in a choice that has one for all of them."""
    return lambda name: text if name == ALL else words.entity(name)


def _choose(
    key: str, label: str, options: Iterable[str], write: Callable[[str], str] = str, **more: Any
) -> str:
    """Draw a choice that is kept in the URL under its key."""
    chosen: str = st.selectbox(
        label, list(options), format_func=write, key=key, bind="query-params", **more
    )
    return chosen
