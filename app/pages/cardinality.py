"""Cardinality: which metric exploded, which label did it, what dropping it saves."""

import streamlit as st

from app import show, snippets
from app.figures import cardinality

page = show.Page("Cardinality", "Which metric exploded, which label did it, what do we save?")

# %% How many series?
page.cards(page.get(cardinality.headline), page.get(cardinality.price))
metrics = page.get(cardinality.metrics)
page.lead(metrics.finding)

# %% Which metrics?
page.show(page.get(cardinality.headline))
page.show(metrics)
if not metrics.rows:
    st.stop()

# %% What if a label were dropped?
names = metrics.data["metric"].to_list()
metric = st.selectbox("Metric", names, key="metric", bind="query-params")
what_if = page.get(cardinality.what_if, metric)
page.show(page.get(cardinality.growth, metric))
page.show(what_if)

# %% Which values does it have, and how is it mended?
labels = what_if.data["label"].unique(maintain_order=True).to_list()
if not labels:
    st.stop()
label = st.selectbox("Label", labels, key="label")
row = what_if.data.filter(what_if.data["label"] == label).row(0, named=True)
kind = metrics.data.filter(metrics.data["metric"] == metric)["metric_kind"][0]
left, right = st.columns(2)
page.show_in(left, page.get(cardinality.values, metric, label))
with right, st.container(border=True, height="stretch"):
    st.html('<h3 class="mb-title">How to drop it</h3>')
    fixes = snippets.drop_label(metric, label, row["level"], kind, is_safe=row["verdict"] == "safe")
    for fix, tab in zip(fixes, st.tabs([fix.title for fix in fixes]), strict=True):
        with tab:
            st.code(fix.text, language=fix.language, wrap_lines=True)
            st.warning(fix.warning, icon=":material/warning:")
