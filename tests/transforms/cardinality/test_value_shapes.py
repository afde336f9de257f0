"""Shapes of values: one class each, thresholds to the value, and nothing personal left."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.cardinality.value_shapes import classes, redacted, sampled, status_class, template

UUID = "3f2b8c1e-9d4a-4b7e-8f21-{:012x}"
SHAPES = {
    "uuid": UUID,
    "email": "user{}@example.org",
    "ip": "10.1.{}.7",
    "iso_time": "2026-10-01T00:{:02}:00Z",
    "epoch": "17953056{:02}",
    "hex_id": "4bf92f3577b34da6{:04x}",
    "k8s_pod": "payments-7d9f8b6c5d-x2{:03}",
    "url_path": "/orders/{}",
    "small_number": "{}",
    "number": "{}.25",
    "prefixed_id": "order-{:04}",
}


def shape_of(values: list[str], **terms: Any) -> tuple[str, str]:
    """Give class and personal data of one label."""
    frame = pl.LazyFrame({"label": "l", "value": values})
    return classes(frame, ["label"], **terms).collect().row(0)[1:]


def test_the_worked_example(case: Any) -> None:
    """Each label has the class of the worked example; mail and peer name people or machines."""
    example = case("coverage-cardinality", "K09")
    rows = [(label, v) for label, values in example["input"]["labels"].items() for v in values]
    frame = pl.LazyFrame(rows, schema=["label", "value"], orient="row")

    got = classes(frame, ["label"], minimum=1).collect()

    assert dict(got.select("label", "value_class").rows()) == example["expected"]["class"]
    personal = got.filter(pl.col("personal_data") != "")["label"].to_list()
    assert personal == example["expected"]["pii"]
    paths = pl.Series("value", example["input"]["labels"]["path"])
    templates = pl.select(template(pl.lit(paths))).to_series().unique().to_list()
    assert templates == example["expected"]["path_template"]


@pytest.mark.parametrize("name", SHAPES)
def test_a_class_at_its_thresholds(name: str) -> None:
    """It is declared from 50 distinct values of which 90 % match; not at 49, not at 89 %."""
    fits = [SHAPES[name].format(n) for n in range(50)]
    odd = [f"Odd {chr(97 + n % 26)}{chr(97 + n // 26)}!" for n in range(11)]

    assert shape_of(fits)[0] == name
    assert shape_of(fits[:49])[0] == "enum"
    assert shape_of(fits[:45] + odd[:5])[0] == name
    assert shape_of((fits + fits_more(name))[:89] + odd)[0] == "enum"


def fits_more(name: str) -> list[str]:
    """Give fifty more values of a class."""
    return [SHAPES[name].format(n) for n in range(50, 100)]


def test_long_sentences_are_free_text() -> None:
    """Messages and statements have spaces or are long."""
    assert shape_of(["SELECT * FROM a WHERE b = 1", "no such file: x"])[0] == "free_text"
    assert shape_of(["x" * 41])[0] == "free_text"


def test_forty_characters_and_half_the_values_are_an_enum() -> None:
    """A mean of just 40, and spaces in just half of the values, are no free text."""
    assert shape_of(["x" * 40])[0] == "enum"
    assert shape_of(["x" * 39, "y" * 42])[0] == "free_text"
    assert shape_of(["a b", "c"])[0] == "enum"
    assert shape_of(["a b", "c d", "e"])[0] == "free_text"


@pytest.mark.parametrize(
    ("kind", "personal"),
    [
        ("ip", [f"10.1.2.{n}" for n in range(9)]),
        ("phone", [f"+49 30 123456{n}" for n in range(9)]),
        ("card", ["4111 1111 1111 1111", "5500-0000-0000-0004", "4012888888881881",
                  "4222222222222220", "5105105105105100", "6011111111111117", "3530111333300000",
                  "30569309025904", "378282246310005"]),
    ],
)  # fmt: skip
def test_nine_tenths_of_the_values_name_people(kind: str, personal: list[str]) -> None:
    """Nine of ten are enough, eight of nine are not; one e-mail address is, of any number."""
    assert shape_of([*personal, "other"])[1] == kind
    assert shape_of([*personal[1:], "other"])[1] == ""
    assert shape_of([*personal[2:], "ann@example.org"])[1] == "email"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ann@example.org", "email"),
        ("10.1.2.3:80", "ip"),
        ("2001:db8:0:0:0:0:0:1", "ip"),
        ("+49 30 1234567", "phone"),
        ("4111 1111 1111 1111", "card"),
        ("5500-0000-0000-0004", "card"),
    ],
)
def test_what_names_people_is_taken_out(text: str, kind: str) -> None:
    """Each kind of personal data is told, and no digit of it is shown."""
    shown = pl.select(redacted(pl.lit(text))).item()

    assert shape_of([text] * 2, minimum=1)[1] == kind
    assert not any(part in shown for part in ("ann", "10.1", "db8", "1234", "4111", "5500"))


def test_a_number_that_fails_the_luhn_sum_is_no_card() -> None:
    """One digit off: an order number, not a card."""
    assert shape_of(["4111111111111112"], minimum=1)[1] == ""
    assert pl.select(redacted(pl.lit("4111111111111112"))).item() == "4111111111111112"


@given(
    before=st.text("xyz /=", max_size=8),
    name=st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.(org|io)", fullmatch=True),
    after=st.text("xyz /=", max_size=8),
)
def test_no_address_is_left(before: str, name: str, after: str) -> None:
    """Wherever an address stands in a value, nothing with an @ remains."""
    shown = pl.select(redacted(pl.lit(f"{before} {name} {after}"))).item()

    assert "@" not in shown


def test_templates_and_classes_of_status() -> None:
    """Digits, ids and queries fold; words, versions and other numbers stay."""
    paths = pl.Series(["/a/1/2/3", "/v2/x?y=1", f"/o/{UUID.format(1)}", "/t/0af7651916cd43dd"])
    codes = pl.Series(["200", "404", "20", "OK"])

    assert pl.select(template(pl.lit(paths))).to_series().to_list() == [
        "/a/{n}/{n}/{n}",
        "/v2/x",
        "/o/{id}",
        "/t/{id}",
    ]
    assert pl.select(status_class(pl.lit(codes))).to_series().to_list() == [
        "2xx",
        "4xx",
        "20",
        "OK",
    ]


def test_a_sample_is_always_the_same() -> None:
    """The thousand of lowest hash, whatever the order of the rows."""
    frame = pl.LazyFrame({"label": "l", "value": [str(n) for n in range(3000)]}).with_columns(
        hash=pl.int_range(3000).reverse()
    )

    first, second = (sampled(f, ["label"]).collect() for f in (frame, frame.reverse()))

    assert first.equals(second)
    assert first["hash"].to_list() == list(range(1000))
