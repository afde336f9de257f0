"""The forms of chart the book uses.

Takes    rows that were summed in SQL, headings, colours by name
Gives    Vega-Lite specifications as dicts, with their data inside; nothing is fetched
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import altair as alt

from app.kit import colours, words

Rows = list[dict[str, Any]]
Spec = dict[str, Any]

BAR_STEP: Final = 26
ESTIMATED_OPACITY: Final = 0.5
LABEL_LIMIT: Final = 230


def money_axis(currency: str) -> str:
    """Give the format of an axis of money: `$579k`."""
    return "$,.3~s" if currency == "USD" else ",.3~s"


def money_tip(currency: str) -> str:
    """Give the format of money in a tooltip: to the cent."""
    return "$,.2f" if currency == "USD" else ",.2f"


def stacked_days(
    rows: Rows, order: Sequence[str], palette: Mapping[str, str], currency: str
) -> Spec:
    """Draw a bar a day, stacked by `name`; columns charge_date, name, cost, place, is_estimated."""
    chart = (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            x=_days(),
            y=alt.Y("cost:Q", title=None, axis=alt.Axis(format=money_axis(currency), tickCount=5)),
            color=_colour("name", order, palette),
            order=alt.Order("place:Q"),
            opacity=alt.condition("datum.is_estimated", alt.value(ESTIMATED_OPACITY), alt.value(1)),
            tooltip=[
                alt.Tooltip("charge_date:T", title="Day", format="%-d %b %Y"),
                alt.Tooltip("name:N", title="Who"),
                alt.Tooltip("cost:Q", title="Cost", format=money_tip(currency)),
            ],
        )
        .properties(height=300)
    )
    return _spec(chart)


def budgeted_days(
    rows: Rows, palette: Mapping[str, str], currency: str, daily: float | None
) -> Spec:
    """Draw a bar a day, direct under shared, with the budget per day as a dashed line."""
    spec = stacked_days(rows, list(palette), palette, currency)
    if daily is None:
        return spec
    rule = {
        "data": {"values": [{"budget": daily}]},
        "mark": {"type": "rule", "strokeDash": [5, 4], "color": colours.UP, "size": 2},
        "encoding": {"y": {"field": "budget", "type": "quantitative"}},
    }
    frame = {key: spec.pop(key) for key in ("mark", "encoding", "data")}
    return {**spec, "layer": [frame, rule]}


def bars(
    rows: Rows, value_format: str, colour: str | Mapping[str, str] = colours.SERIES[0]
) -> Spec:
    """Draw horizontal bars in the order given; columns name, value, label."""
    order = [row["name"] for row in rows]
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=_names()),
        x=alt.X("value:Q", title=None, axis=None, scale=alt.Scale(padding=0)),
        tooltip=[
            alt.Tooltip("name:N", title="Name"),
            alt.Tooltip("value:Q", title="Value", format=value_format),
        ],
    )
    fill = (
        {"color": alt.value(colour)}
        if isinstance(colour, str)
        else {"color": _colour("name", order, colour, legend=False)}
    )
    bar = base.mark_bar(cornerRadiusEnd=2, height={"band": 0.7}).encode(**fill)
    text = base.mark_text(align="left", dx=5).encode(text="label:N")
    return _spec((bar + text).properties(height={"step": BAR_STEP}), room_right=64)


def money_bars(
    costs: Sequence[tuple[str, Decimal]],
    currency: str,
    colour: str = colours.SERIES[0],
) -> Spec | None:
    """Draw the cost of each name as a bar, in the order given; nothing without any."""
    rows = [
        {"name": name, "value": float(cost), "label": words.money(cost, currency)}
        for name, cost in costs
    ]
    return bars(rows, money_tip(currency), colour) if rows else None


def movers(rows: Rows, value_format: str) -> Spec:
    """Draw bars round zero, up to the right, down to the left; columns name, value, label."""
    order = [row["name"] for row in rows]
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=_names()),
        x=alt.X("value:Q", title=None, axis=None, scale=alt.Scale(domain=_even(rows))),
        tooltip=[
            alt.Tooltip("name:N", title="Name"),
            alt.Tooltip("value:Q", title="Change", format=f"+{value_format}"),
            alt.Tooltip("label:N", title="In words"),
        ],
    )
    bar = base.mark_bar(cornerRadiusEnd=2, height={"band": 0.7}).encode(
        color=alt.condition("datum.value >= 0", alt.value(colours.UP), alt.value(colours.DOWN))
    )
    right = base.transform_filter("datum.value >= 0").mark_text(align="left", dx=5)
    left = base.transform_filter("datum.value < 0").mark_text(align="right", dx=-5)
    zero = alt.Chart(_data([{"zero": 0}])).mark_rule(color=colours.OTHER).encode(x="zero:Q")
    chart = bar + right.encode(text="label:N") + left.encode(text="label:N") + zero
    return _spec(chart.properties(height={"step": BAR_STEP}))


def bullets(rows: Rows, currency: str) -> Spec:
    """Draw spent against budget and forecast, as parts of the budget.

    Columns name, spent_ratio, forecast_ratio, state, label.
    """
    order = [row["name"] for row in rows]
    name = alt.Y("name:N", sort=order, title=None, axis=_names())
    far = max((max(row["spent_ratio"], row["forecast_ratio"], 1.0) for row in rows), default=1.0)
    across = alt.Scale(domain=[0, far * 1.22])
    base = alt.Chart(_data(rows)).encode(
        y=name,
        tooltip=[
            alt.Tooltip("name:N", title="Team"),
            alt.Tooltip("spent:Q", title="Spent", format=money_tip(currency)),
            alt.Tooltip("forecast:Q", title="Forecast", format=money_tip(currency)),
            alt.Tooltip("budget:Q", title="Budget", format=money_tip(currency)),
        ],
    )
    percent = alt.Axis(format="%", grid=False, tickCount=5)
    forecast = base.mark_bar(height={"band": 0.72}, opacity=0.3).encode(
        x=alt.X("forecast_ratio:Q", title=None, axis=percent, scale=across), color=_state("state")
    )
    spent = base.mark_bar(height={"band": 0.4}).encode(
        x=alt.X("spent_ratio:Q", scale=across), color=_state("state")
    )
    text = base.mark_text(align="left", dx=5).encode(
        x=alt.X("furthest:Q", scale=across), text="label:N"
    )
    line = (
        alt.Chart(_data([{"one": 1}]))
        .mark_rule(color=colours.OTHER, strokeDash=[4, 3], size=1.5)
        .encode(x=alt.X("one:Q", scale=across))
    )
    return _spec((forecast + spent + line + text).properties(height={"step": 30}))


def parts(rows: Rows, order: Sequence[str], palette: Mapping[str, str], tip_format: str) -> Spec:
    """Draw one bar of 100 %; columns name, value, place."""
    chart = (
        alt.Chart(_data(rows))
        .mark_bar(height=44)
        .encode(
            x=alt.X(
                "value:Q",
                stack="normalize",
                title=None,
                axis=alt.Axis(format="%", grid=False, tickCount=5),
            ),
            color=_colour("name", order, palette, columns=2),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("name:N", title="Part"),
                alt.Tooltip("value:Q", title="Cost", format=tip_format),
                alt.Tooltip("label:N", title="Share"),
            ],
        )
        .properties(height=64)
    )
    return _spec(chart)


def stacked_bars(rows: Rows, order: Sequence[str], palette: Mapping[str, str]) -> Spec:
    """Draw counts per name, stacked by `part`; columns name, part, value, place."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    chart = (
        alt.Chart(_data(rows))
        .mark_bar(height={"band": 0.7})
        .encode(
            y=alt.Y("name:N", sort=names, title=None, axis=_names()),
            x=alt.X("value:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=6)),
            color=_colour("part", order, palette, columns=3),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("name:N", title="Team"),
                alt.Tooltip("part:N", title="State"),
                alt.Tooltip("value:Q", title="Services"),
            ],
        )
        .properties(height={"step": BAR_STEP})
    )
    return _spec(chart)


def line_days(rows: Rows, order: Sequence[str], palette: Mapping[str, str]) -> Spec:
    """Draw a line per name over days; columns day, name, value."""
    chart = (
        alt.Chart(_data(rows))
        .mark_line(point=len(rows) <= 40 * max(1, len(order)), strokeWidth=2)
        .encode(
            x=alt.X("day:T", title=None, axis=alt.Axis(format="%-d %b", grid=False, tickCount=8)),
            y=alt.Y("value:Q", title=None, axis=alt.Axis(format=",.3~s", tickCount=5)),
            color=_colour("name", order, palette, legend=len(order) > 1),
            tooltip=[
                alt.Tooltip("day:T", title="Day", format="%-d %b %Y"),
                alt.Tooltip("name:N", title="What"),
                alt.Tooltip("value:Q", title="Count", format=","),
            ],
        )
        .properties(height=240)
    )
    return _spec(chart)


def parts_of_usual(rows: Rows, order: Sequence[str], palette: Mapping[str, str]) -> Spec:
    """Draw a line per name over days round 100, which is usual; columns as of `line_days`."""
    spec = line_days(rows, order, palette)
    values = [row["value"] for row in rows]
    spec["encoding"]["y"] |= {
        "title": "Median of each = 100",
        "scale": {"domain": [min(90, *values), max(110, *values)], "zero": False, "nice": True},
    }
    return spec


def scatter(rows: Rows, order: Sequence[str], palette: Mapping[str, str], currency: str) -> Spec:
    """Draw services by cost and score over lines of the bands, with names where `label` has one.

    Columns service_name, team, coverage, monthly_cost, score_applicable, band_applicable, label.
    """
    base = alt.Chart(_data(rows)).encode(
        x=alt.X(
            "monthly_cost:Q",
            title=f"Cost a month, {currency}",
            scale=alt.Scale(type="sqrt", nice=True),
            axis=alt.Axis(format=money_axis(currency), grid=False, tickCount=6),
        ),
        y=alt.Y(
            "score_applicable:Q",
            title="Score",
            scale=alt.Scale(domain=[0, 100], padding=8),
            axis=alt.Axis(values=[0, 25, 50, 75, 90, 100], grid=False),
        ),
    )
    dots = base.mark_point(filled=True, size=90, opacity=0.85).encode(
        color=_colour("coverage", order, palette, columns=5),
        shape=alt.Shape("coverage:N", scale=alt.Scale(domain=list(order)), legend=None),
        tooltip=[
            alt.Tooltip("service_name:N", title="Service"),
            alt.Tooltip("team:N", title="Owner"),
            alt.Tooltip("coverage:N", title="Coverage"),
            alt.Tooltip("monthly_cost:Q", title="Cost a month", format=money_tip(currency)),
            alt.Tooltip("score_applicable:Q", title="Score"),
            alt.Tooltip("band_applicable:N", title="Band"),
        ],
    )
    names = base.mark_text(align="left", dx=9, limit=LABEL_LIMIT).encode(text="label:N")
    bands = [{"from": 90}, {"from": 75}, {"from": 50}]
    lines = (
        alt.Chart(_data(bands))
        .mark_rule(color=colours.OTHER, strokeDash=[3, 4], opacity=0.6)
        .encode(y="from:Q")
    )
    return _spec((lines + dots + names).properties(height=320), room_right=24)


def _days() -> alt.X:
    return alt.X(
        "charge_date:T",
        timeUnit="utcyearmonthdate",
        title=None,
        axis=alt.Axis(format="%-d %b", grid=False, tickCount=8, labelOverlap=True),
    )


def _names() -> alt.Axis:
    return alt.Axis(
        labelLimit=LABEL_LIMIT, labelOverlap=False, ticks=False, domain=False, grid=False
    )


def _colour(
    field: str,
    order: Sequence[str],
    palette: Mapping[str, str],
    *,
    legend: bool = True,
    columns: int = 4,
) -> alt.Color:
    scale = alt.Scale(
        domain=list(order), range=[palette.get(name, colours.OTHER) for name in order]
    )
    fitting = alt.ExprRef(f"width < 300 ? 2 : {columns}")
    below = alt.Legend(
        title=None, orient="bottom", columns=fitting, labelLimit=LABEL_LIMIT, offset=6
    )
    return alt.Color(f"{field}:N", scale=scale, legend=below if legend else None)


def _state(field: str) -> alt.Color:
    scale = alt.Scale(domain=["ok", "at_risk", "over"], range=[colours.DOWN, "#997700", colours.UP])
    return alt.Color(f"{field}:N", scale=scale, legend=None)


def _even(rows: Rows) -> list[float]:
    far = max((abs(row["value"]) for row in rows), default=1.0) or 1.0
    return [-far * 2, far * 2]


def _data(rows: Rows) -> alt.InlineData:
    return alt.InlineData(values=rows)


def with_text(spec: Spec, colour: str) -> Spec:
    """Give the chart with its labels in a colour that reads on the page's background."""
    return spec | {"config": {"text": {"color": colour}}}


def _spec(chart: alt.TopLevelMixin, *, room_right: int = 8) -> Spec:
    spec: Spec = chart.to_dict(validate=False)
    spec.pop("config", None)
    spec["width"] = "container"
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec["padding"] = {"left": 4, "right": room_right, "top": 8, "bottom": 4}
    return spec
