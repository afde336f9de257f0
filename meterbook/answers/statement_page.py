"""A statement as one HTML file: read in a browser, printed on paper, kept in a folder.

Takes    a `Statement`
Gives    HTML without scripts and without anything fetched
"""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from typing import Final

from meterbook.answers.statement import Line, Statement

SECTIONS: Final = {
    "direct": "Your own cost",
    "shared": "Your part of shared cost",
    "idle": "Idle capacity",
    "no_telemetry": "Hours without telemetry",
    "unmounted": "Volumes and load balancers without a pod",
    "credit": "Credits",
    "closed": "As the month was closed",
}

MINUS: Final = "\u2212"

CSS: Final = """
:root{color-scheme:light}
body{font:15px/1.45 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:62rem;
 margin:2.5rem auto;padding:0 1.5rem}
h1{font-size:1.5rem;margin:0 0 .2rem}h2{font-size:1.05rem;margin:2rem 0 .5rem}
.sub{color:#555;margin:0 0 1.5rem}.big{font-size:2.2rem;font-weight:650;margin:.2rem 0}
.facts{display:flex;flex-wrap:wrap;gap:1rem 3rem;border-top:2px solid #1a1a1a;
 border-bottom:1px solid #ccc;padding:1rem 0}
.facts div span{display:block;color:#555;font-size:.8rem}
.est{background:#fff6dd;border-left:4px solid #997700;padding:.5rem .8rem;margin:1rem 0}
.w{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.86rem}
th,td{text-align:left;padding:.32rem .8rem .32rem 0;border-bottom:1px solid #e3e3e3;
 vertical-align:top}
th{color:#555;font-weight:600;font-size:.78rem}td.n,th.n{text-align:right;
 font-variant-numeric:tabular-nums;white-space:nowrap;padding-right:0}
tr.sum td{font-weight:650;border-top:2px solid #888;border-bottom:0}
footer{margin-top:2.5rem;color:#555;font-size:.8rem;border-top:1px solid #ccc;padding-top:.8rem}
@media print{body{margin:0;max-width:none;font-size:11px}thead{display:table-header-group}
 tr{break-inside:avoid}h2{break-after:avoid}@page{margin:16mm}}
"""


def page(made: Statement) -> str:
    """Give the whole document."""
    title = f"Statement {made.period}: {made.name}"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(title)}</title>",
        f'<meta name="viewport" content="width=device-width"><style>{CSS}</style></head><body>',
        f"<h1>{escape(made.name)}</h1>",
        f'<p class="sub">Statement for {escape(made.period)} · {escape(made.cost)} cost</p>',
        _facts(made),
        _estimated(made),
        _overview(made),
        _teams(made),
        *(
            _section(name, [line for line in made.lines if line.section == name])
            for name in made.sections
        ),
        _adjustments(made),
        _notes(made),
        "</body></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _amount(cents: int) -> str:
    return (
        f"{Decimal(abs(cents)) / 100:,.2f}"
        if cents >= 0
        else f"{MINUS}{Decimal(-cents) / 100:,.2f}"
    )


def _facts(made: Statement) -> str:
    change = ""
    if made.previous:
        ratio = (made.exact - made.previous) / abs(made.previous) * 100
        sign = "+" if ratio >= 0 else MINUS
        before = f"{made.previous:,.2f} {escape(made.currency)}"
        change = (
            f"<div><span>Against the month before ({before})</span>{sign}{abs(ratio):.1f} %</div>"
        )
    share = Decimal(made.cents) / made.bill_cents * 100 if made.bill_cents else Decimal(0)
    return (
        f'<p class="big">{_amount(made.cents)} {escape(made.currency)}</p><div class="facts">'
        f"<div><span>Cost centre</span>{escape(made.cost_center) or 'none'}</div>"
        f"<div><span>Receiver</span>{escape(made.team)}</div>{change}"
        f"<div><span>Part of the bill of {_amount(made.bill_cents)}</span>{share:.1f} %</div></div>"
    )


def _estimated(made: Statement) -> str:
    if not made.is_estimated:
        return ""
    return (
        '<p class="est">Some days of this month are estimated: the provider may still change them. '
        "Print it again when the month is closed.</p>"
    )


def _overview(made: Statement) -> str:
    rows = [
        f'<tr><td>{SECTIONS[name]}</td><td class="n">{_amount(cents)}</td></tr>'
        for name, cents in made.sections.items()
    ]
    places: dict[tuple[str, str], int] = {}
    for line in made.lines:
        key = (line.service, line.environment)
        places[key] = places.get(key, 0) + line.cents
    services = [
        f"<tr><td>{escape(service)}</td><td>{escape(environment)}</td>"
        f'<td class="n">{_amount(cents)}</td></tr>'
        for (service, environment), cents in sorted(places.items(), key=lambda x: (-x[1], x[0]))
    ]
    total = f'<td class="n">{_amount(made.cents)}</td></tr>'
    return (
        "<h2>In short</h2><div class=w><table><tbody>" + "".join(rows)
        + f'<tr class="sum"><td>Total</td>{total}</tbody></table></div>'
        + "<h2>By service and environment</h2><div class=w><table><thead><tr><th>Service</th>"
        + '<th>Environment</th><th class="n">Amount</th></tr></thead><tbody>' + "".join(services)
        + f'<tr class="sum"><td>Total</td><td></td>{total}</tbody></table></div>'
    )  # fmt: skip


def _teams(made: Statement) -> str:
    """Give what each team of a department owes; nothing on a team's own statement."""
    sums: dict[str, int] = {}
    for line in made.lines:
        sums[line.team] = sums.get(line.team, 0) + line.cents
    if set(sums) <= {""}:
        return ""
    rows = "".join(
        f'<tr><td>{escape(team)}</td><td class="n">{_amount(cents)}</td></tr>'
        for team, cents in sorted(sums.items(), key=lambda x: (-x[1], x[0]))
    )
    return (
        '<h2>By team</h2><div class=w><table><thead><tr><th>Team</th><th class="n">Amount</th>'
        f'</tr></thead><tbody>{rows}<tr class="sum"><td>Total</td>'
        f'<td class="n">{_amount(made.cents)}</td></tr></tbody></table></div>'
    )


def _section(name: str, lines: "Sequence[Line]") -> str:
    rows = [
        "<tr>"
        + "".join(
            f"<td>{escape(text)}</td>"
            for text in (
                x.service,
                x.environment,
                _place(x.cluster, x.namespace),
                f"{x.team}: {x.method}" if x.team else x.method,
            )
        )
        + f'<td class="n">{_amount(x.cents)}</td></tr>'
        for x in sorted(lines, key=lambda x: -x.cents)
    ]
    total = _amount(sum(x.cents for x in lines))
    return (
        f"<h2>{SECTIONS[name]}</h2><div class=w><table><thead><tr><th>Service</th>"
        '<th>Environment</th><th>Cluster / namespace</th><th>Method</th><th class="n">Amount</th>'
        f'</tr></thead><tbody>{"".join(rows)}<tr class="sum"><td colspan="4">Sum</td>'
        f'<td class="n">{total}</td></tr></tbody></table></div>'
    )


def _place(cluster: str, namespace: str) -> str:
    if cluster == "-":
        return "outside clusters"
    return cluster if namespace.startswith("__") else f"{cluster} / {namespace}"


def _adjustments(made: Statement) -> str:
    head = "<h2>Adjustments of earlier months</h2>"
    if not made.adjustments:
        return f"{head}<p>None in this statement.</p>"
    name = f"{made.cost}_cost"
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{escape(text)}</td>" for text in (row["original_period"], row["what"],
                                                          row["why"]))
        + f'<td class="n">{_exact(row[name])}</td></tr>'
        for row in made.adjustments
    )  # fmt: skip
    total = _exact(sum((row[name] for row in made.adjustments), Decimal(0)))
    return (
        f"{head}<p>What changed of months that were closed. It is not in the total above, which "
        "adds up to this month's bill; every digit is in the CSV of adjustments beside this file."
        "</p><div class=w><table><thead><tr><th>Month</th><th>What changed</th><th>Why</th>"
        f'<th class="n">Amount</th></tr></thead><tbody>{rows}<tr class="sum"><td colspan="3">Sum'
        f'</td><td class="n">{total}</td></tr></tbody></table></div>'
    )


def _exact(amount: Decimal) -> str:
    """Write what is not rounded to the statement's cents: to the cent, or that it is less."""
    text = f"{abs(amount):,.2f}" if abs(amount) >= Decimal("0.005") else "<0.01"
    return escape(f"{MINUS if amount < 0 else ''}{text}" if amount else "0.00")


def _notes(made: Statement) -> str:
    of_team = next((line.team for line in made.lines if line.team), made.team)
    return (
        "<footer>Amounts are rounded once, by largest remainder, so that the statements of all "
        f"receivers add up to the bill of {_amount(made.bill_cents)} {escape(made.currency)}. "
        "The CSV beside this file has every digit. Snapshot "
        f"{escape(made.snapshot_id)}, ownership file {escape(made.config_hash)}. "
        "Each line down to the bill: <code>meterbook explain --team "
        f"{escape(of_team)} --period {escape(made.period)}</code></footer>"
    )
