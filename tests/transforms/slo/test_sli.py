"""M7 as rows: numerator and denominator beside the value."""

from decimal import Decimal

from tests.transforms.conftest import DAY
from tests.transforms.rows import rows
from transforms.slo.sli import coverage_sli
from warehouse.tables.mart_coverage import COVERAGE_TEAM, SLI_DAILY


def test_each_team_and_all_have_a_row_in_order() -> None:
    """11 of 21 services are fresh on all that they should send: the value, and both counts."""
    counts = {"complete_count": 11, "expected_count": 21}
    whole = {"team": "__all__", "coverage_ratio": 0.5238, **counts}
    team = {"team": "b", "complete_count": 0, "expected_count": 1, "coverage_ratio": 0.0}

    made = SLI_DAILY.check(coverage_sli(rows(COVERAGE_TEAM, team, whole).lazy(), DAY).collect())

    assert made.rows() == [
        (DAY, "M7", "__all__", 0.5238, Decimal(11), Decimal(21)),
        (DAY, "M7", "b", 0.0, Decimal(0), Decimal(1)),
    ]


def test_where_nothing_is_expected_there_is_no_row() -> None:
    """No data is neither 0 nor 100 percent; a team of exempt services alone has none either."""
    none = {"team": "a", "expected_count": 0, "exempt_count": 3, "coverage_ratio": None}

    made = coverage_sli(rows(COVERAGE_TEAM, none).lazy(), DAY).collect()

    assert made.is_empty()
    assert coverage_sli(COVERAGE_TEAM.empty().lazy(), DAY).collect().is_empty()
