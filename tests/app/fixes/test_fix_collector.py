"""Fixes for a Collector are what a Collector takes: components, keys, functions, statements.

There is no Collector to ask here, so they are held against its grammar and its schema, as far as
our fixes use them: the lexer and the rules of `pkg/ottl/grammar.go` (editors begin with a small
letter and stand only at the head; converters with a capital), the paths of a context, how many
arguments a function takes, the keys of each processor.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from app.fixes import fix_collector
from app.fixes.fixes import Label, coarsen, drop, fold, remove
from app.fixes.snippets import Fix
from transforms.cardinality.value_shapes import status_class, template

TOKENS = re.compile(
    r"""(?P<bytes>0x[a-fA-F0-9]+)|(?P<float>[-+]?\d*\.\d+(?:[eE][-+]?\d+)?)|(?P<int>[-+]?\d+)
    |(?P<string>"(?:\\.|[^\\"])*")|(?P<word>\b(?:not|or|and|where|nil|true|false)\b)
    |(?P<compare>==|!=|>=|<=|>|<)|(?P<punct>[(){}:,.\[\]=])
    |(?P<name>[A-Za-z][A-Za-z0-9_]*)|(?P<space>\s+)""",
    re.VERBOSE,
)
EDITORS = {
    "set": (2, {"metric", "datapoint"}),
    "replace_pattern": (3, {"metric", "datapoint"}),
    "aggregate_on_attributes": (2, {"metric"}),
    "merge_histogram_buckets": (1, {"datapoint"}),
}
CONVERTERS = {"IsMatch": 2}
PATHS = {
    "metric": {"metric": {"name", "type", "unit"}, "resource": {"attributes"}},
    "datapoint": {
        "datapoint": {"attributes"},
        "metric": {"name", "type", "unit"},
        "resource": {"attributes"},
    },
}
ESCAPES = set('"\\nrtabfvxuU01234567')


class OttlError(Exception):
    """Not what a Collector takes."""


@dataclass
class Parser:
    """One statement, token by token."""

    text: str
    context: str
    tokens: list[tuple[str, str]] = field(default_factory=list)
    called: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Cut it into tokens, all of it."""
        place = 0
        while place < len(self.text):
            match = TOKENS.match(self.text, place)
            if match is None:
                raise OttlError(f"no token at {self.text[place:]!r}")
            if match.lastgroup != "space":
                self.tokens.append((str(match.lastgroup), match.group()))
            place = match.end()

    def statement(self) -> list[str]:
        """Read an editor, perhaps with a condition."""
        kind, name = self.take()
        if kind != "name" or name not in EDITORS:
            raise OttlError(f"no editor: {name}")
        count, contexts = EDITORS[name]
        if self.context not in contexts:
            raise OttlError(f"{name} is not there in the context {self.context}")
        self.call(name, count)
        if self.tokens and self.peek() == "where":
            self.take()
            self.expression()
        return self.done()

    def condition(self) -> list[str]:
        """Read a condition alone."""
        self.expression()
        return self.done()

    def done(self) -> list[str]:
        """Give what was called; nothing may be left."""
        if self.tokens:
            raise OttlError(f"left over: {self.tokens}")
        return self.called

    def peek(self) -> str:
        """Give the next token, without taking it."""
        return self.tokens[0][1] if self.tokens else ""

    def take(self, wanted: str = "") -> tuple[str, str]:
        """Take the next token, this one if it is named."""
        if not self.tokens or (wanted and self.peek() != wanted):
            raise OttlError(f"want {wanted or 'more'}, have {self.tokens[:1]}")
        return self.tokens.pop(0)

    def call(self, name: str, count: int) -> None:
        """Read arguments, as many as the function takes."""
        self.take("(")
        given = 0
        while self.peek() != ")":
            if given:
                self.take(",")
            self.value()
            given += 1
        self.take(")")
        if given != count:
            raise OttlError(f"{name} takes {count}, has {given}")
        self.called.append(name)

    def expression(self) -> None:
        """Read comparisons and converters, joined by and / or, each perhaps with not."""
        while True:
            if self.peek() == "not":
                self.take()
            if self.peek() == "(":
                self.take()
                self.expression()
                self.take(")")
            else:
                is_converter = self.peek() in CONVERTERS
                self.value()
                if self.tokens and self.tokens[0][0] == "compare":
                    self.take()
                    self.value()
                elif not is_converter:
                    raise OttlError("a path alone is no condition")
            if self.peek() not in {"and", "or"}:
                return
            self.take()

    def value(self) -> None:
        """Read a literal, a list, a converter or a path."""
        kind, text = self.take()
        if kind in {"float", "int"} or text in {"nil", "true", "false"}:
            return
        if kind == "string":
            _unquoted(text)
        elif text == "[":
            while self.peek() != "]":
                self.value()
                if self.peek() != "]":
                    self.take(",")
            self.take("]")
        elif text in CONVERTERS:
            self.call(text, CONVERTERS[text])
        elif kind == "name":
            self.path(text)
        else:
            raise OttlError(f"no value: {text}")

    def path(self, context: str) -> None:
        """Read a path of this context with its keys."""
        self.take(".")
        _, name = self.take()
        if name not in PATHS[self.context].get(context, set()):
            raise OttlError(f"{context}.{name} is not there in the context {self.context}")
        while self.peek() == "[":
            self.take()
            kind, _ = self.take()
            if kind not in {"string", "int"}:
                raise OttlError("a key is a string or a number")
            self.take("]")


def _unquoted(text: str) -> None:
    """Go unquotes it: a backslash stands before what Go knows."""
    for escape in re.findall(r"\\(.)", text[1:-1].replace("\\\\", "")):
        if escape not in ESCAPES:
            raise OttlError(f"no escape: {escape} in {text}")
    if "\n" in text:
        raise OttlError("a string is one line")


def statement(text: str, context: str) -> list[str]:
    """Check a statement."""
    return Parser(text, context).statement()


def condition(text: str, context: str) -> list[str]:
    """Check a condition."""
    return Parser(text, context).condition()


LABEL = Label("http.server.duration", "url.path", "point", "sum", ("route",), is_safe=True)
EVERY = ("path_template", "status_class", "top_k")
KEYS = {
    "metricstransform": {"transforms"},
    "transform": {"metric_statements", "error_mode"},
    "filter": {"error_mode", "metrics"},
    "resource": {"attributes"},
}


def collectors(label: Label, values: Any = ("a", "b"), bounds: Any = (1.0, 2.0)) -> list[Fix]:
    """Give every fix for a Collector."""
    fixes = [
        *drop(label),
        *drop(replace(label, level="resource")),
        *fold(label, EVERY, values),
        *coarsen(label.metric, bounds),
        *remove(label.metric),
    ]
    return [fix for fix in fixes if fix.title.startswith("Collector: ")]


def check(fix: Fix) -> list[str]:
    """Check a fix as a Collector would at its start; give the functions that it calls."""
    assert "$" not in fix.text.replace("$$", ""), "a variable would be put in"
    made = yaml.safe_load(fix.text.replace("$$", "$"))
    ((ident, body),) = made["processors"].items()
    kind = ident.partition("/")[0]
    assert set(made) == {"processors"}
    assert set(body) <= KEYS[kind]
    return {"transform": _transform, "filter": _filter, "resource": _resource,
            "metricstransform": _metricstransform}[kind](body)  # fmt: skip


def _transform(body: Any) -> list[str]:
    called = []
    for group in body["metric_statements"]:
        assert set(group) == {"context", "conditions", "statements"}
        for text in group["conditions"]:
            condition(text, group["context"])
        for text in group["statements"]:
            called += statement(text, group["context"])
    return called


def _filter(body: Any) -> list[str]:
    assert body["error_mode"] in {"ignore", "silent", "propagate"}
    assert set(body["metrics"]) == {"metric"}
    for text in body["metrics"]["metric"]:
        condition(text.replace("name ==", "metric.name =="), "metric")
    return []


def _resource(body: Any) -> list[str]:
    for one in body["attributes"]:
        assert set(one) == {"key", "action"}
        assert one["key"]
        assert one["action"] in {"insert", "update", "upsert", "delete", "hash", "extract"}
    return []


def _metricstransform(body: Any) -> list[str]:
    for one in body["transforms"]:
        assert set(one) == {"include", "match_type", "action", "operations"}
        assert one["match_type"] in {"strict", "regexp"}
        assert one["action"] in {"insert", "update", "combine", "group"}
        for step in one["operations"]:
            assert set(step) == {"action", "label_set", "aggregation_type"}
            assert step["action"] == "aggregate_labels"
            assert all(isinstance(name, str) for name in step["label_set"])
            assert step["aggregation_type"] in {"sum", "mean", "min", "max", "count", "median"}
    return []


def test_every_fix_is_taken() -> None:
    """All eight, and each does what its title says."""
    called = {fix.title.removeprefix("Collector: "): check(fix) for fix in collectors(LABEL)}

    added = ["aggregate_on_attributes"]
    assert called == {
        "metricstransform": [],
        "transform": added,
        "resource": [],
        "templates": ["replace_pattern"] * 5 + added,
        "status classes": ["set", "IsMatch"] * 5 + added,
        "top values": ["set", "IsMatch", *added],
        "fewer bounds": ["merge_histogram_buckets"],
        "drop the metric": [],
    }


names = st.text(min_size=1, max_size=12) | st.just("${env:HOME}\"]) or 'x'\\")


@given(
    metric=names,
    label=names,
    others=st.lists(names, max_size=3),
    values=st.lists(names, min_size=1),
)
def test_no_name_breaks_out(metric: str, label: str, others: list[str], values: list[str]) -> None:
    """Whatever telemetry is named, the fix parses, and nothing in it is taken for a variable."""
    odd = replace(LABEL, metric=metric, label=label, others=others)

    for fix in collectors(odd, values):
        check(fix)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e300, allow_subnormal=False), min_size=2, max_size=8, unique=True))
def test_every_second_bound_is_merged_away(bounds: list[float]) -> None:
    """What stays in the SDK's fix and what goes in the Collector's are all the bounds."""
    bounds = sorted(bounds)

    fixes = {fix.title: fix.text for fix in coarsen("m", bounds)}

    check(Fix("", "yaml", fixes["Collector: fewer bounds"], ""))
    gone = [float(n) for n in re.findall(r"buckets\((.*?)\)", fixes["Collector: fewer bounds"])]
    views = yaml.safe_load(fixes["SDK View: declarative"])["meter_provider"]["views"]
    kept = views[0]["stream"]["aggregation"]["explicit_bucket_histogram"]["boundaries"]
    assert sorted([*gone, *map(float, kept)]) == bounds
    assert len(kept) == len(bounds) // 2


@settings(deadline=None)
@given(st.lists(st.sampled_from(["/", "a", "12", "4f3a9c21b7", "?q=1", "#x", "/7/", "v2"])))
def test_the_template_fix_is_what_the_what_if_counts(parts: list[str]) -> None:
    """The five patterns give the template that `path_template` counts."""
    path = "/" + "".join(parts)
    ident = "123e4567-e89b-12d3-a456-426614174000"

    for value in (path, f"{path}/{ident}", f"{path}/{ident}/x"):
        got = value
        for pattern, new in fix_collector.TEMPLATES:
            got = re.sub(pattern, new.replace("$1", r"\1"), got)
        assert got == pl.select(template(pl.lit(value))).item()


@pytest.mark.parametrize("code", ["200", "404", "599", "99", "2000", "ok", ""])
def test_the_status_fix_is_what_the_what_if_counts(code: str) -> None:
    """Three digits of the five classes are folded, nothing else is."""
    fix = next(fix for fix in fold(LABEL, ["status_class"]))
    sets = re.findall(r'set\(.*?, "(.xx)"\).*?"(\^.*?)\$\$"', fix.text)

    got = next((new for new, pattern in sets if re.search(pattern + "$", code)), code)

    assert got == pl.select(status_class(pl.lit(code))).item()


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("merge_histogram_buckets(1.0)", "metric"),  # knows data points only
        ('delete_key(datapoint.attributes, "x")', "datapoint"),  # not one of ours
        ('set(datapoint.attributes["x"], 1)', "metric"),
        ('set(datapoint.attributes["x"])', "datapoint"),
        ("merge_histogram_buckets(1e-05)", "datapoint"),  # the lexer wants a point
        ('set(datapoint.attributes["x"], "\\d")', "datapoint"),  # Go knows no such escape
        ('IsMatch(metric.name, "x")', "metric"),  # a converter is no statement
    ],
)
def test_the_grammar_refuses(text: str, context: str) -> None:
    """What a Collector would not start with."""
    with pytest.raises(OttlError):
        statement(text, context)


def test_top_values_that_name_people_are_not_written_out() -> None:
    """A redacted value would match nothing, and its fix is not offered."""
    assert fold(LABEL, ["top_k"], ["…redacted…", "a"]) == ()
    assert fold(LABEL, ["top_k"]) == ()
    assert fold(replace(LABEL, kind="gauge"), EVERY, ["a"]) == ()
    assert fold(replace(LABEL, level="resource"), EVERY, ["a"]) == ()
    assert coarsen("m", [1.0]) == ()
