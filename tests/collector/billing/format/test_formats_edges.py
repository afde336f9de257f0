"""The edge cases of the reference's list that concern files and cells, each by its name."""

import gzip
import json
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from tests.collector.billing.format.conftest import Take
from tests.collector.billing.format.rows import AZURE, CUR1, FOCUS, GCP, gcp, parquet_row, text


def test_empty_month_header_only(bills: Path, take: Take) -> None:
    """A month without a row is taken, and has no lines."""
    (bills / "cur.csv").write_text(text([CUR1]).splitlines()[0] + "\n")

    report, frame = take()

    assert not report.is_refused
    assert frame.is_empty()


def test_zero_byte_file(bills: Path, take: Take) -> None:
    """A file of no bytes is refused with words."""
    (bills / "cur.csv").write_bytes(b"")

    report, _ = take()

    assert "the file is empty: it has no header" in report.text


@pytest.mark.parametrize("rows", [CUR1, FOCUS])
def test_truncated_gz(bills: Path, take: Take, rows: dict[str, str]) -> None:
    """A gzip that breaks off is refused as a whole."""
    many = [dict(rows) for _ in range(20_000)]
    (bills / "bill.csv.gz").write_bytes(gzip.compress(text(many).encode())[:-3_000])

    report, frame = take()

    assert "breaks off" in report.text
    assert frame.is_empty()


def test_truncated_json_gz(bills: Path, take: Take) -> None:
    """The same of lines of JSON."""
    lines = "".join(json.dumps(GCP | {"cost": n}) + "\n" for n in range(20_000))
    (bills / "gcp.json.gz").write_bytes(gzip.compress(lines.encode())[:-3_000])

    report, frame = take()

    assert "breaks off" in report.text
    assert frame.is_empty()


def test_zip_cur(bills: Path, take: Take) -> None:
    """A zip with one report is read; one with two is refused."""
    path = bills / "report-1.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("report-1.csv", text([CUR1]))

    _, frame = take()

    assert frame["billed_cost"].to_list() == [Decimal("1.5")]
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("report-2.csv", text([CUR1]))
    assert "2 files in the zip" in take()[0].text


def test_bom_crlf_embedded_newline_and_quotes(bills: Path, take: Take) -> None:
    """None of these shifts a cell."""
    odd = 'says "5, 6"\nand more'
    whole = "\ufeff" + text([CUR1 | {"lineItem/LineItemDescription": odd}], "\r\n")
    (bills / "cur.csv").write_bytes(whole.encode())

    _, frame = take()

    assert frame.select("charge_description", "effective_cost").rows() == [(odd, Decimal("1.5"))]


@pytest.mark.parametrize("word", ["NULL", "null", "None", ""])
def test_null_words(bills: Path, take: Take, word: str) -> None:
    """Every word for nothing is null, never a value."""
    (bills / "cur.csv").write_text(text([CUR1 | {"lineItem/ResourceId": word}]))

    assert take()[1]["resource_id"].to_list() == [None]


def test_e_notation(bills: Path, take: Take) -> None:
    """35.2E-7 is a number."""
    (bills / "cur.csv").write_text(text([CUR1 | {"lineItem/UnblendedCost": "35.2E-7"}]))

    assert take()[1]["billed_cost"].to_list() == [Decimal("0.00000352")]


@pytest.mark.parametrize(
    ("row", "name"),
    [(CUR1, "lineItem/UnblendedCost"), (AZURE, "Cost"), (FOCUS, "BilledCost")],
)
def test_comma_decimals(bills: Path, take: Take, row: dict[str, str], name: str) -> None:
    """1,50 is no number in any format; the delivery is held, with the column's own name."""
    (bills / "bill.csv").write_text(text([row | {name: "1,50"}]))

    report, frame = take()

    assert f"{name}: '1,50'" in report.text
    assert frame.is_empty()


def test_more_than_twelve_decimals(bills: Path, take: Take) -> None:
    """The half goes to the even neighbour."""
    costs = ("0.0000000000005", "0.0000000000015", "0.0000000000016")
    (bills / "cur.csv").write_text(text([CUR1 | {"lineItem/UnblendedCost": c} for c in costs]))

    atoms = [cost * 10**12 for cost in take()[1]["billed_cost"]]

    assert atoms == [0, 2, 2]


def test_ids_with_leading_zeros(bills: Path, take: Take) -> None:
    """Ids are text."""
    (bills / "cur.csv").write_text(text([CUR1]))

    assert take()[1]["sub_account_id"].to_list() == ["000000000002"]


def test_column_added_between_parts_and_other_order(bills: Path, take: Take) -> None:
    """A column that comes in mid month, and another order, change no value."""
    turned = dict(reversed([*CUR1.items(), ("lineItem/NetUnblendedCost", "1.25")]))
    (bills / "part-1.csv").write_text(text([CUR1]))
    (bills / "part-2.csv").write_text(text([turned]))

    assert sorted(take()[1]["billed_cost"]) == [Decimal("1.25"), Decimal("1.5")]


def test_unknown_columns_are_kept(bills: Path, take: Take) -> None:
    """What no line of the mapping reads stands in x_extra under its own name."""
    (bills / "cur.csv").write_text(
        text([CUR1 | {"product/vcpu": "4", "costCategory/My Area": "x"}])
    )

    extra = {entry["key"]: entry["value"] for entry in take()[1]["x_extra"][0]}

    assert extra["product/vcpu"] == "4"
    assert extra["costCategory/My Area"] == "x"


# Tags


def test_tag_key_case_variants(bills: Path, take: Take) -> None:
    """Keys that differ in case only are both kept, as delivered."""
    tags = {"resourceTags/user:Team": "a", "resourceTags/user:team": "b"}
    (bills / "cur.csv").write_text(text([CUR1 | tags]))

    assert take()[1]["tags"][0].to_list() == [
        {"key": "user:Team", "value": "a"},
        {"key": "user:team", "value": "b"},
    ]


def test_five_hundred_tag_columns(bills: Path, take: Take) -> None:
    """A column per key, most of them empty, gives a short list."""
    tags = {f"resourceTags/user:k{n:03d}": "v" if n == 321 else "" for n in range(520)}
    (bills / "cur.csv").write_text(text([CUR1 | tags]))

    assert take()[1]["tags"][0].to_list() == [{"key": "user:k321", "value": "v"}]


@pytest.mark.parametrize("shape", ["csv", "parquet", "map"])
def test_tags_by_column_or_map(bills: Path, take: Take, shape: str) -> None:
    """A column of a legacy CSV, of a legacy Parquet and an entry of a map all arrive."""
    if shape == "csv":
        (bills / "a.csv").write_text(text([CUR1 | {"resourceTags/user:Team": "a"}]))
    elif shape == "parquet":
        parquet_row(resource_tags_user_team="a").write_parquet(bills / "a.parquet")
    else:
        entries = [{"key": "user_team", "value": "a"}]
        parquet_row(resource_tags=entries).write_parquet(bills / "a.parquet")

    (entry,) = take()[1]["tags"][0].to_list()

    assert entry["value"] == "a"
    assert entry["key"] == ("user:Team" if shape == "csv" else "user_team")


@pytest.mark.parametrize("tags", ['{"a": "1", "b": "2"}', '"b": "2","a": "1"'])
def test_azure_tags_without_braces(bills: Path, take: Take, tags: str) -> None:
    """With or without braces the tags are the same."""
    (bills / "azure.csv").write_text(text([AZURE | {"Tags": tags}]))

    assert take()[1]["tags"][0].to_list() == [
        {"key": "a", "value": "1"},
        {"key": "b", "value": "2"},
    ]


def test_gcp_labels_are_an_array_of_structs(bills: Path, take: Take) -> None:
    """Labels become tags; Kubernetes' own name cluster and namespace."""
    labels = {"team": "core", "k8s-namespace": "pay", "goog-k8s-cluster-name": "eu"}
    pairs = [{"key": key, "value": value} for key, value in labels.items()]
    gcp(bills / "gcp.json", {"labels": pairs})

    line = take()[1].row(0, named=True)

    assert (line["x_cluster"], line["x_namespace"]) == ("eu", "pay")
    assert {"key": "team", "value": "core"} in line["tags"]


def test_gcp_credits_null_empty_or_many(bills: Path, take: Take) -> None:
    """No array, an empty one, and several credits, exact."""
    both = [{"name": "a", "amount": -0.1}, {"name": "b", "amount": -0.2, "type": "PROMOTION"}]
    gcp(bills / "gcp.json", {"credits": None}, {"credits": []}, {"credits": both})

    _, frame = take()

    assert frame["billed_cost"].to_list() == [Decimal("1.5"), Decimal("1.5"), Decimal("1.2")]
    assert "PROMOTION" in str(frame["x_extra"][2].to_list())


# Charges
