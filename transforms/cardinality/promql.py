"""Which metrics and labels a PromQL query names. Not a whole parser: enough to know what is used.

Takes    the text of a query, also with the variables of Grafana
Gives    the metrics (or patterns of names) and the labels it names
Never    fails: text that is no PromQL names nothing

Read are selectors with matchers, `{__name__=~"…"}` and quoted names, `by`, `on`, `group_left` and
`group_right` with their labels, `label_values`, and the source of `label_replace`. Labels of
`without` and `ignoring` are not used: they may go. A label in `by` counts for every metric of the
query. A variable (`$x`, `${x}`, `[[x]]`) stands for anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

ANY: Final = "\u01c1"  # stands for a variable; a letter that no metric has
_VARIABLE: Final = re.compile(r"\$\{[^}]*\}|\$__\w+|\$\w+|\[\[\w+\]\]")
_TOKEN: Final = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*)
    |(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    |(?P<range>\[[^\]]*\])
    |(?P<name>[A-Za-z_:ǁ][\w:.ǁ]*)
    |(?P<number>\d[\w.]*)
    |(?P<op>=~|!~|!=|==|>=|<=|.)""",
    re.VERBOSE | re.DOTALL,
)
_WORDS: Final = frozenset(
    {
        *("and", "or", "unless", "bool", "offset", "atan2", "inf", "nan", "default", "if", "ifnot"),
        *("sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values"),
        *("bottomk", "topk", "quantile", "limitk", "limit_ratio", "keep_metric_names"),
    }
)
_KEPT: Final = frozenset({"by", "on", "group_left", "group_right"})
_GONE: Final = frozenset({"without", "ignoring"})
_MATCH: Final = frozenset({"=", "!=", "=~", "!~"})


@dataclass
class Named:
    """What a query names; a name that has `ANY` in it, or is in `patterns`, is a pattern."""

    metrics: set[str] = field(default_factory=set)
    patterns: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)

    def metric(self, name: str) -> None:
        """Note a metric."""
        if ANY in name:
            self.patterns.add(".*".join(re.escape(part) for part in name.split(ANY)))
        elif name:
            self.metrics.add(name)

    def label(self, name: str) -> None:
        """Note a label; `*` for one that a variable names."""
        if name:
            self.labels.add("*" if ANY in name else name)


Token = tuple[str, str]


def named(query: str) -> Named:
    """Read a query."""
    found = Named()
    _read(list(_tokens(query)), found)
    return found


def _tokens(query: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(_VARIABLE.sub(ANY, query)):
        kind = match.lastgroup or "op"
        if kind == "text":
            yield kind, _unquoted(match.group())
        elif kind not in {"skip", "range"}:
            yield kind, match.group()


def _unquoted(text: str) -> str:
    return text[1:-1] if text[0] == "`" else re.sub(r"\\(.)", r"\1", text[1:-1])


def _read(tokens: list[Token], found: Named) -> None:
    place = 0
    while place < len(tokens):
        kind, text = tokens[place]
        after = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        word = text.lower()
        if text == "{" and kind == "op":
            place = _matchers(tokens, place + 1, found)
        elif kind != "name":
            place += 1
        elif word in _KEPT | _GONE:
            place = _grouping(tokens, place + 1, found, is_kept=word in _KEPT)
        elif after == "(" and word in {"label_values", "label_names", "metrics"}:
            place = _variable_query(tokens, place + 1, found)
        elif after == "(" and word in {"label_replace", "label_join"}:
            _replaced(tokens, place + 1, found)
            place += 1
        else:
            if after != "(" and word not in _WORDS and set(text) != {ANY}:
                found.metric(text)
            place += 1


def _matchers(tokens: list[Token], place: int, found: Named) -> int:
    """Read what stands in braces; give the place after them."""
    while place < len(tokens) and tokens[place] != ("op", "}"):
        kind, text = tokens[place]
        following = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        if kind in {"name", "text"} and following in _MATCH and place + 2 < len(tokens):
            _matched(text, following, tokens[place + 2][1], found)
            place += 3
        else:
            if kind == "text":
                found.metric(text)
            place += 1
    return place + 1


def _matched(label: str, how: str, value: str, found: Named) -> None:
    if label != "__name__":
        found.label(label)
    elif how == "=":
        found.metric(value)
    elif how == "=~":
        found.patterns.add(value.replace(ANY, ".*"))


def _inside(tokens: list[Token], place: int) -> tuple[list[Token], int]:
    """Give the tokens within the parenthesis that opens here, and the place after it."""
    if place >= len(tokens) or tokens[place] != ("op", "("):
        return [], place
    depth, first = 0, place + 1
    for at in range(place, len(tokens)):
        depth += (tokens[at] == ("op", "(")) - (tokens[at] == ("op", ")"))
        if depth == 0:
            return tokens[first:at], at + 1
    return tokens[first:], len(tokens)


def _grouping(tokens: list[Token], place: int, found: Named, *, is_kept: bool) -> int:
    inner, after = _inside(tokens, place)
    for kind, text in inner:
        if is_kept and kind in {"name", "text"}:
            found.label(text)
    return after


def _variable_query(tokens: list[Token], place: int, found: Named) -> int:
    """Read `label_values(metric, label)` of a dashboard: its last name is a label."""
    inner, after = _inside(tokens, place)
    if tokens[place - 1][1] == "metrics":
        found.patterns.add("".join(text for _, text in inner))
        return after
    if inner and inner[-1][0] in {"name", "text"} and tokens[place - 1][1] == "label_values":
        found.label(inner.pop()[1])
    _read(inner, found)
    return after


def _replaced(tokens: list[Token], place: int, found: Named) -> None:
    """Note the labels from which others are made."""
    inner, _ = _inside(tokens, place)
    texts = [text for kind, text in inner if kind == "text"]
    is_replace = tokens[place - 1][1] == "label_replace"
    # (v, "to", "replacement", "from", "regex") or (v, "to", "separator", "from", …)
    sources = texts[-2:-1] if is_replace else texts[2:]
    for name in sources:
        found.label(name)
