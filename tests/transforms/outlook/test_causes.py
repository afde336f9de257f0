"""Why the cost of a closed month is another one now."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tests.transforms.rows import rows
from transforms.outlook.causes import causes, digests
from warehouse.tables.closing import CLOSED_PERIOD
from warehouse.tables.mart_cost import RECONCILIATION_DAILY

NOW = datetime(2026, 11, 5, tzinfo=UTC)
REST = {
    **dict.fromkeys(
        ("original_period", "currency", "service_name", "sub_account_id", "charge_category",
         "pool", "team", "delivery_ids", "delivery_ids_then"), pl.String(),
    ),
    "effective_cost": pl.Decimal(38, 12),
    "billed_cost": pl.Decimal(38, 12),
}  # fmt: skip
DIGESTS = dict.fromkeys(("original_period", "bill_hash", "config_hash"), pl.String())


def difference(amount: str, team: str = "a", **facts: Any) -> dict[str, Any]:
    """Give a difference of October, of one service and account."""
    place = {
        "original_period": "2026-10", "currency": "USD", "service_name": "EC2",
        "sub_account_id": "1", "charge_category": "Usage", "pool": "", "team": team,
        "delivery_ids": "d", "delivery_ids_then": "d",
    }  # fmt: skip
    return {**place, "effective_cost": Decimal(amount), "billed_cost": Decimal(amount), **facts}


def reasons(*rest: dict[str, Any], bill: str = "b", rules: str = "r") -> list[str]:
    """Give the reason of each difference; the month was closed with bill `b` and rules `r`."""
    now = pl.DataFrame([("2026-10", bill, rules)], schema=DIGESTS, orient="row")
    made = causes(pl.DataFrame(rest, schema=REST), closed(), now)
    return made["reason"].to_list()


def closed(*facts: dict[str, Any]) -> pl.DataFrame:
    """Give what was closed: October, with bill `b` and rules `r`."""
    plain = {
        "original_period": "2026-10",
        "period": "2026-10",
        "bill_hash": "b",
        "config_hash": "r",
    }
    return rows(CLOSED_PERIOD, plain | {"closed_at": NOW}, *({**plain, **it} for it in facts))


MOVED = (difference("3", "a"), difference("-3", "b"))
"""Three dollars from b to a: the bill of their service is what it was."""


@pytest.mark.parametrize(
    ("rest", "bill", "rules", "want"),
    [
        (MOVED, "b", "r", "telemetry"),
        (MOVED, "b", "other", "rules"),
        ((difference("3"),), "b", "r", "restatement"),
        ((difference("3"),), "b", "other", "restatement and rules"),
        (MOVED, "other", "r", "telemetry"),
        (MOVED, "other", "other", "rules"),
    ],
)
def test_the_bill_the_rules_or_telemetry(
    rest: tuple[dict[str, Any], ...], bill: str, rules: str, want: str
) -> None:
    """Money that only moved between teams is no other bill, even where the month's bill changed.

    By what the digests say of the rules; where neither changed it is telemetry.
    """
    assert set(reasons(*rest, bill=bill, rules=rules)) == {want}


def test_a_change_of_one_service_is_none_of_another() -> None:
    """EC2 costs 3 more; of S3 a dollar went from b to a: only the former is a restatement."""
    s3 = [difference("1", service_name="S3"), difference("-1", "b", service_name="S3")]

    assert reasons(difference("3"), *s3, bill="other") == ["restatement", "telemetry", "telemetry"]


@pytest.mark.parametrize("facts", [{"pool": "mesh"}, {"service_name": "-"}])
def test_a_pool_moves_with_the_bill(facts: dict[str, str]) -> None:
    """Shares by direct cost, and what stands for no service, follow any other bill of the month."""
    moved = (difference("3", "a", **facts), difference("-3", "b", **facts))

    assert set(reasons(*moved, bill="other")) == {"restatement"}
    assert set(reasons(*moved)) == {"telemetry"}


def test_what_a_new_delivery_brought_is_a_restatement() -> None:
    """New lines of the same sums: the bill is another one, and the delivery is named.

    What stood in both is told in neither list; the lists are in order.
    """
    brought = {"delivery_ids": "d + f + e", "delivery_ids_then": "d + c"}
    moved = pl.DataFrame(
        [difference("3", **brought), difference("-3", "b", **brought)], schema=REST
    )
    now = pl.DataFrame([("2026-10", "other", "r")], schema=DIGESTS, orient="row")

    made = causes(moved, closed(), now)

    assert (
        made.select("reason", "delivery_ids", "former_delivery_ids").rows()
        == [("restatement", "e + f", "c")] * 2
    )


def test_former_rules_are_told_only_where_they_differ() -> None:
    """The digest when the month was last stated: of two closings the later one counts."""
    again = {"closed_at": NOW + timedelta(days=30), "config_hash": "later", "period": "2026-11"}
    rest = pl.DataFrame([difference("3")], schema=REST)

    def former(rules: str) -> list[str]:
        now = pl.DataFrame([("2026-10", "b", rules)], schema=DIGESTS, orient="row")
        return causes(rest, closed(again), now)["former_config_hash"].to_list()

    assert former("later") == [""]
    assert former("newest") == ["later"]
    assert former("r") == ["later"]


def test_no_difference_has_no_cause() -> None:
    """Nothing changed: no rows."""
    assert reasons() == []


def stated(*days: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Give the digests of bill and rules by month."""
    made = digests(rows(RECONCILIATION_DAILY, *days).lazy())
    return {month: (bill, rules) for month, bill, rules in made.rows()}


def test_a_months_digests_follow_what_its_days_say() -> None:
    """The order of rows changes nothing; a cent, a line more or another currency changes the bill.

    What the ledger made of it changes neither; other rules on one day change the rules alone.
    """
    first = {"currency": "USD", "bill_cost": Decimal(5), "bill_billed_cost": Decimal(5),
             "line_count": 2, "config_hash": "r", "charge_date": date(2026, 10, 1)}  # fmt: skip
    second = {**first, "charge_date": date(2026, 10, 2)}
    (plain,) = stated(first, second).values()

    def changed(**facts: Any) -> tuple[bool, bool]:
        (bill, rules) = stated(first, {**second, **facts})["2026-10"]
        return bill != plain[0], rules != plain[1]

    assert stated(second, first) == {"2026-10": plain}
    assert changed(bill_cost=Decimal("5.01")) == (True, False)
    assert changed(bill_billed_cost=Decimal(0)) == (True, False)
    assert changed(line_count=3) == (True, False)
    assert changed(currency="EUR") == (True, False)
    assert changed(ledger_cost=Decimal(9), difference=Decimal(4)) == (False, False)
    assert changed(config_hash="other") == (False, True)
    assert len(stated(first, {**second, "charge_date": date(2026, 11, 2)})) == 2
    assert stated() == {}
