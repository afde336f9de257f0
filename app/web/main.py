"""The site's entry script: the reader's choices first, then the page."""

from pathlib import Path

import streamlit as st

from app.web import controls

PAGES = Path(__file__).parents[1] / "pages"

st.set_page_config(
    page_title="meterbook",
    page_icon=str(Path(__file__).parent / "icon.png"),
    layout="wide",
    initial_sidebar_state=248,
)

page = st.navigation(
    [
        st.Page(
            PAGES / "executive.py", title="Executive", icon=":material/monitoring:", default=True
        ),
        st.Page(PAGES / "team.py", title="Team", icon=":material/groups:"),
        st.Page(PAGES / "cost.py", title="Cost", icon=":material/payments:"),
        st.Page(PAGES / "workloads.py", title="Workloads", icon=":material/deployed_code:"),
        st.Page(PAGES / "explain.py", title="Explain", icon=":material/account_tree:"),
        st.Page(PAGES / "coverage.py", title="Coverage", icon=":material/radar:"),
        st.Page(
            PAGES / "cardinality.py", title="Cardinality", icon=":material/stacked_line_chart:"
        ),
        st.Page(PAGES / "debug.py", title="Debug", icon=":material/build:"),
        st.Page(PAGES / "method.py", title="Method", icon=":material/menu_book:"),
    ]
)
controls.draw()
page.run()
