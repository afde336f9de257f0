"""Cardinality: which metric exploded, which label did it, what dropping it saves."""

import streamlit as st

from app import fixes, show
from app.figures import cardinality, savings

page = show.Page("Cardinality", "Which metric exploded, which label did it, what do we save?")

# %% How many series, and what do they cost?
page.cards(page.get(cardinality.headline), page.get(cardinality.price))
metrics = page.get(cardinality.metrics)
page.lead(metrics.finding)

# %% Which metrics?
page.show(page.get(cardinality.headline))
if not metrics.rows:
    page.show(metrics)
    st.stop()
order = st.segmented_control(
    "Order", ["Exploding first", "By money", "By growth"], default="Exploding first", key="order"
)
orders = {"By money": "money", "By growth": "growth"}
page.show(page.get(savings.hotspots, orders[order]) if order in orders else metrics)

# %% Who sends them, and what does nobody use?
left, right = st.columns(2)
page.show_in(left, page.get(savings.teams))
page.show_in(right, page.get(savings.unused))

# %% What if a label were dropped?
names = metrics.data["metric"].to_list()
metric = st.selectbox("Metric", names, key="metric", bind="query-params")
what_if = page.get(cardinality.what_if, metric)
page.show(page.get(cardinality.growth, metric))
page.show(what_if)

# %% What if several were dropped, or values were fewer?
left, right = st.columns(2)
page.show_in(left, page.get(savings.sets, metric))
page.show_in(right, page.get(savings.rewrites, metric))

# %% Which values does it have, and how is it mended?
labels = what_if.data["label"].unique(maintain_order=True).to_list()
if not labels:
    st.stop()
label = st.selectbox("Label", labels, key="label")
row = what_if.data.filter(what_if.data["label"] == label).row(0, named=True)
points = what_if.data.filter((what_if.data["level"] == "point") & (what_if.data["label"] != label))
mended = fixes.Label(
    metric,
    label,
    row["level"],
    metrics.data.filter(metrics.data["metric"] == metric)["metric_kind"][0],
    points["label"].to_list(),
    is_safe=row["verdict"] == "safe",
    use=page.get(savings.use, metric, label).finding,
)
left, right = st.columns(2)
page.show_in(left, page.get(cardinality.values, metric, label))
with right, st.container(border=True, height="stretch"):
    st.html('<h3 class="mb-title">How to mend it</h3>')
    ways = [*fixes.drop(mended), *(fixes.normalise(mended) if "path" in label else ())]
    if not ways:
        st.info("No fix would be right: series of several senders would meet in one.")
    for fix, tab in zip(ways, st.tabs([fix.title for fix in ways]) if ways else [], strict=True):
        with tab:
            st.code(fix.text, language=fix.language, wrap_lines=True)
            st.warning(fix.warning, icon=":material/warning:")
