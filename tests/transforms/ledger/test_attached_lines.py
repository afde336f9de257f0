"""What a line and a resource call each other, and the matches of a split."""

import polars as pl
import pytest

from tests.transforms.conftest import START, Bill
from transforms.ledger.attached_lines import NOT_OWNED, by_text, keys, matched, matches, tag
from transforms.ledger.lines import priced

PREFIX = r"^(resourcetags)?(user|aws)?(kubernetesio)"
NAMES = ("createdforpvname", "kubernetesiocreatedforpvname")


def known(*names: tuple[str, str, str | None]) -> pl.DataFrame:
    """Give names: cluster, volume, key."""
    return pl.DataFrame(
        names, schema=dict.fromkeys(("cluster", "volume", "key"), pl.String()), orient="row"
    )


def called(*lines: tuple[int, str, list[str | None]]) -> pl.DataFrame:
    """Give lines with their cluster and what they call a volume, in order."""
    schema = {"line": pl.UInt32(), "x_cluster": pl.String(), "key": pl.List(pl.String())}
    return pl.DataFrame(lines, schema=schema, orient="row")


@pytest.mark.parametrize(
    ("tags", "value"),
    [
        ({"kubernetes.io/created-for/pv/name": "pvc-7"}, "pvc-7"),
        ({"user_kubernetes_io_created_for_pv_name": "pvc-7"}, "pvc-7"),
        ({"resource_tags_user_kubernetes.io-created-for-pv-name": "pvc-7"}, "pvc-7"),
        ({"aws:kubernetes.io/created-for/pv/name": "pvc-7"}, "pvc-7"),
        ({"created-for-pv-name": "no"}, None),
        ({"kubernetes.io/created-for/pvc/name": "no"}, None),
        ({}, None),
    ],
)
def test_a_tag_is_known_in_every_spelling_of_an_export(
    tags: dict[str, str], value: str | None
) -> None:
    """Case, signs and what the export puts before it do not count; another tag's name does."""
    lines = priced(Bill().add("1", tags=tags).of_day())

    got = lines.select(tag(["kubernetesiocreatedforpvname"], PREFIX)).item()

    assert got == value


def test_of_a_lines_tags_the_first_by_name_counts() -> None:
    """A line that bears both spellings says the same each time it is read."""
    both = {"kubernetes.io/created-for/pv/name": "a", "user:kubernetes.io/created-for/pv/name": "b"}

    got = priced(Bill().add("1", tags=both).of_day()).select(tag(NAMES, PREFIX)).item()

    assert got == "a"


def test_a_name_of_two_clusters_needs_the_lines_own() -> None:
    """`data` is in c and d: known within each, not without; `disk` is in c alone: known both ways.

    Within one cluster a name of two volumes is none.
    """
    every = keys(
        known(("c", "v1", "data"), ("d", "v2", "data"), ("c", "v1", "disk"), ("c", "v1", "disk"),
              ("e", "v3", "twice"), ("e", "v4", "twice"), ("c", "v1", ""), ("c", "v1", None))
    )  # fmt: skip

    assert sorted(every.select("key", "x_cluster", "volume").rows()) == [
        ("data", "c", "v1"),
        ("data", "d", "v2"),
        ("disk", "", "v1"),
        ("disk", "c", "v1"),
    ]


def test_a_line_finds_one_resource_by_the_first_of_its_names() -> None:
    """Its disk before its tag, though the tag's volume sorts first; an unknown name gives way.

    A line of another cluster finds nothing, nor does one without any name.
    """
    every = keys(known(("c", "v2", "disk"), ("c", "v1", "tag"), ("d", "v3", "tag")))
    lines = called(
        (1, "c", ["disk", "tag"]), (2, "c", ["gone", "tag"]), (3, "", ["tag"]),
        (4, "e", ["disk"]), (5, "c", [None, None]), (6, "", ["disk"]), (7, "c", []),
    )  # fmt: skip

    assert matched(lines, every, "volume").rows() == [
        (1, "c", "v2"),
        (2, "c", "v1"),
        (6, "c", "v2"),
    ]


def test_rows_of_one_receiver_have_one_recipient_by_reason() -> None:
    """Two rows of web are one recipient, web unmounted is another; recipients stand in order.

    Lines get their numbers back, and nothing of a match is owned by its line's account.
    """
    who = {"cluster": "c", "node": "-", "namespace": "shop", "workload": "web", "labels": ""}
    rows = pl.DataFrame(
        [
            {"line": line, "charge_hour": START, **who, "reason": reason, "effective": n}
            for line, reason, n in ((4, "workload", 1), (3, "unmounted", 2), (4, "workload", 3))
        ]
    ).with_columns(billed=9)
    items = pl.DataFrame(
        {"line": [3, 4], "line_item": ["x", "x"]},
        schema={"line": pl.UInt32, "line_item": pl.String},
    )

    found = matches(by_text(rows).drop("line"), items, "volume")

    assert found.rows.select("line", "recipient", "effective", "billed").rows() == [
        (4, 1, 1, 9), (3, 0, 2, 9), (4, 1, 3, 9),
    ]  # fmt: skip
    assert found.recipients["reason"].to_list() == ["unmounted", "workload"]
    assert set(found.recipients.select(NOT_OWNED).row(0)) == {""}
    assert found.rows.schema["line"] == pl.UInt32
    assert (found.kind, found.items) == ("volume", items)
