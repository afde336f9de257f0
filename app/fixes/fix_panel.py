"""The panel under a list of fixes: one of them, what it helps, and what to paste.

Takes    a figure of fixes (`coverage.fixes`), in their order
Gives    a choice, the gain in words, the environment of an SDK and a Collector's pipeline
Never    lets a name from telemetry be read as markdown
"""

from typing import Any, Final

import streamlit as st

from app.fixes import collector_snippets, snippets
from app.kit import words
from app.kit.figure import Figure

WIDTH: Final = 420


def draw(fixes: Figure) -> None:
    """Draw the panel of the chosen fix; the first one at first, nothing without fixes."""
    if not fixes.rows:
        return
    rows = fixes.data.to_dicts()
    names = [f"{row['fix_rank']}. {row['service_name']}" for row in rows]
    with st.container(border=True, key="figure-fix-panel"):
        st.html('<h3 class="mb-title">How to mend it</h3>')
        place = st.selectbox(
            "Service", range(len(names)), format_func=lambda n: names[n], key="fix", width=WIDTH
        )
        chosen = rows[place or 0]
        st.markdown(words.md_escape(gain_text(chosen)))
        with st.expander(f"What to paste for {words.md_escape(chosen['service_name'])}"):
            _draw_snippets(chosen)


def _draw_snippets(fix: dict[str, Any]) -> None:
    who = (fix["service_name"], fix["service_namespace"], fix["environment"])
    missing = fix["missing_signals"]
    if fix["kind"] in {"datastore", "third_party"}:
        st.caption("It sends nothing by itself: a Collector beside it does.")
    else:
        st.caption("Set this and restart it; or let a Collector send it, as below.")
        st.code(snippets.instrument(*who, missing), language="bash")
    st.code(collector_snippets.collector_pipeline(*who, fix["kind"], missing), language="yaml")


def gain_text(fix: dict[str, Any]) -> str:
    """Say what a fix helps."""
    missing = words.listed(fix["missing_signals"].split("+"))
    return (
        f"It misses {missing}. Mended, it adds {words.points(fix['team_gain'])} to the coverage of "
        f"{words.entity(fix['team'])}, and {words.points(fix['gain'])} to that of all teams. With "
        f"all fixes before it in the list, {words.entity(fix['team'])} is then at "
        f"{words.ratio(fix['team_ratio_after'])}, and all teams are at "
        f"{words.ratio(fix['ratio_after'])}."
    )
