"""Lines with their receivers, before they are split: who weighs what, and who is alone."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.ledger.one_line import frame, line, lines, received
from transforms.exact.money import split
from transforms.ledger.shares import LINE, RECEIVER, ROW, silence, summed, weighed

BUCKET = ("__unmounted__", "unmounted")
LIKE = {"cluster": "", "node": "", "namespace": "", "workload": "", "labels": "", "weight": 0}


def takers(*rows: tuple[str, int], key: str = "k") -> pl.LazyFrame:
    """Give receivers by workload, each with its weight."""
    who = {"cluster": "c", "node": "n", "namespace": "shop", "labels": "{}", "key": key}
    made: list[dict[str, Any]] = [{**who, "workload": name, "weight": w} for name, w in rows]
    return frame(made, {**LIKE, "key": ""})


def held(amount: int, key: str = "k") -> pl.LazyFrame:
    """Give a line that is known by `key`, of node `own` and workload `disk`."""
    return lines(line(amount, node="own", workload="disk", key=key))


def given_to(bill: pl.LazyFrame, receivers: pl.LazyFrame) -> pl.DataFrame:
    """Give each line with its receivers."""
    return weighed(bill, receivers, on=["cluster", "key"], bucket=BUCKET).collect()


def test_weights_of_one_receiver_are_added() -> None:
    """Web weighs 2 and 3: once, 5; who weighs nothing receives nothing."""
    made = given_to(held(10), takers(("web", 2), ("api", 1), ("web", 3), ("none", 0)))

    assert sorted(made.select("workload", "node", "weight", "reason").rows()) == [
        ("api", "n", 1, "workload"),
        ("web", "n", 5, "workload"),
    ]


@pytest.mark.parametrize("receivers", [takers(), takers(("web", 0)), takers(("web", 7), key="x")])
def test_a_line_that_nobody_receives_goes_to_its_bucket(receivers: pl.LazyFrame) -> None:
    """Nobody is known, weighs anything, or is of this line: the bucket, at the line's place."""
    made = given_to(held(10), receivers)

    assert made.select(*RECEIVER, "weight", "reason").rows() == [
        ("c", "own", "__unmounted__", "disk", "", 1, "unmounted")
    ]


def test_rows_of_one_line_hour_receiver_and_reason_are_one() -> None:
    """3 and 4 of a are 7, billed 1 and 2 are 3; another reason is apart, the daily line last."""
    rows = pl.concat(
        [
            lines(line(3, node="n", workload="a")),
            lines(line(4, node="n", workload="a")),
            lines(line(5, None, node="n", workload="a")),
        ]
    ).with_columns(namespace=pl.lit("shop"), labels=pl.lit(""), reason=pl.lit("workload"))
    other = rows.head(1).with_columns(reason=pl.lit("idle"))

    made = summed(pl.concat([rows, other])).collect()

    assert made.select("reason", "effective", "billed").rows() == [
        ("idle", 3, 1),
        ("workload", 7, 3),
        ("workload", 5, 2),
    ]
    assert made["charge_hour"].is_null().to_list() == [False, False, True]


def test_silence_is_of_no_node_and_of_no_team() -> None:
    """Whatever the line said of its node, labels and workload."""
    made = lines(line(1, node="n", workload="w")).with_columns(silence()).collect()

    assert made.select("node", "namespace", "workload", "labels", "reason").row(0) == (
        "-", "__no_telemetry__", "__no_telemetry__", "", "no_telemetry",
    )  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**12)), max_size=6),
    st.integers(-(10**15), 10**15),
)
def test_no_atom_is_lost(rows: list[tuple[str, int]], amount: int) -> None:
    """Weighed and split, a line is received whole, by those who weigh or by its bucket."""
    made = weighed(held(amount), takers(*rows), on=["cluster", "key"], bucket=BUCKET)

    done = split(made, ["effective", "billed"], "weight", group=LINE, order=RECEIVER).select(ROW)

    takes = {name for name, weight in rows if weight}
    assert received(done).keys() == (takes or {"disk"})
    assert sum(received(done).values()) == amount
