"""Cardinality: which metric exploded, which label did it, what dropping it saves."""

import streamlit as st

from app.figures.cardinality import advice, cardinality, one_metric, savings
from app.fixes import fixes
from app.kit import words
from app.web import show
from transforms.cardinality.advice import NAMES

page = show.Page("Cardinality", "Which metric exploded, which label did it, what do we save?")

# %% How many series, and what do they cost?
first = page.get(advice.advice)
metrics = page.get(cardinality.metrics)
page.lead(metrics.finding, first.finding)
page.cards(page.get(cardinality.headline), page.get(cardinality.price), first)
if not metrics.rows:
    page.show(metrics)
    st.stop()

# %%
page.part("What to do first?")
page.show(first)

# %%
page.part("Which metrics?")
page.show(page.get(cardinality.headline), page.get(savings.windows), widths=(2, 1))
order = st.segmented_control(
    "Order", ["Exploding first", "By money", "By growth"], default="Exploding first", key="order"
)
orders = {"By money": "money", "By growth": "growth"}
page.show(page.get(savings.hotspots, orders[order]) if order in orders else metrics)

# %%
page.part("Who sends them, and what does nobody use?")
left, right = st.columns(2)
page.show_in(left, page.get(savings.teams))
page.show_in(right, page.get(savings.unused))
page.show(page.get(advice.unused_labels))

# %%
page.part("What would be saved on one metric?")
names = metrics.data["metric"].to_list()
metric = st.selectbox("Metric", names, key="metric", bind="query-params", width=show.CHOICE)
what_if = page.get(one_metric.what_if, metric)
page.show(page.get(one_metric.growth, metric))
page.show(what_if)

# %% What if several were dropped, or values were fewer?
left, right = st.columns(2)
page.show_in(left, page.get(savings.sets, metric))
page.show_in(right, page.get(savings.rewrites, metric))

# %% Which values does it have, and how is it mended?
labels = what_if.data["label"].unique(maintain_order=True).to_list()
if not labels:
    st.stop()
page.part("Which values does a label have, and how is it mended?")
label = st.selectbox("Label", labels, key="label", width=show.CHOICE)
row = what_if.data.filter(what_if.data["label"] == label).row(0, named=True)
points = what_if.data.filter((what_if.data["level"] == "point") & (what_if.data["label"] != label))
facts = metrics.data.filter(metrics.data["metric"] == metric).row(0, named=True)
mended = fixes.Label(
    metric,
    label,
    row["level"],
    facts["metric_kind"],
    points["label"].to_list(),
    is_safe=row["verdict"] == "safe",
    use=page.get(savings.use, metric, label).finding,
)
changes = page.get(savings.rewrites, metric).data
mine = changes.filter(changes["label"] == label)["rewrite"].to_list()
if row["value_class"] not in NAMES:  # of ids none stands for the rest
    mine = [one for one in mine if one != "top_k"]
values = page.get(one_metric.values, metric, label)
bounds = [float(bound) for bound in facts["bounds"].split()]
costs = page.get(savings.backends, metric, label)
if costs.rows > 1:
    page.show(costs)
left, right = st.columns(2)
page.show_in(left, values)
with right, st.container(border=True, height="stretch"):
    st.html('<h3 class="mb-title">How to mend it</h3>')
    metric_use = page.get(savings.use, metric, "")
    is_used = metric_use.rows and metric_use.data["use_state"][0] == "used"
    label_fixes = (
        *fixes.fold(mended, mine, values.data["value"].to_list()),
        *fixes.drop(mended),
        *fixes.coarsen(metric, bounds, mended.use),
    )
    if not label_fixes:
        st.info("No fix of the label would be right: series of several senders would meet in one.")
    offered = label_fixes if is_used else (*label_fixes, *fixes.remove(metric, metric_use.finding))
    if not offered:
        st.stop()
    places = list(dict.fromkeys(fix.title.partition(":")[0] for fix in offered))
    place = st.segmented_control(
        "Where", places, default=places[0], required=True, key=f"place-{places}"
    )
    titles = [fix.title for fix in offered if fix.title.partition(":")[0] == place]
    title = st.selectbox("Fix", titles, key=place) if len(titles) > 1 else titles[0]
    fix = next(fix for fix in offered if fix.title == title)
    st.code(fix.text, language=fix.language, wrap_lines=True)
    st.warning(words.md_escape(fix.warning), icon=":material/warning:")
