"""One letter per team, capped by what cannot be seen."""

import polars as pl
import pytest

from transforms.coverage.grade import coverage_grade, grade
from warehouse.tables.mart_coverage import COVERAGE_GRADE, COVERAGE_SERVICE, COVERAGE_TEAM
from warehouse.tables.mart_score import SCORE_SERVICE


@pytest.mark.parametrize(
    ("score", "gap", "letter"),
    [
        (90.0, False, "A"),
        (89.58, False, "B"),
        (75.0, False, "B"),
        (74.99, False, "C"),
        (50.0, False, "C"),
        (49.99, False, "D"),
        (0.0, False, "D"),
        (100.0, True, "C"),
        (60.0, True, "C"),
        (10.0, True, "D"),
        (None, True, None),
    ],
)
def test_one_letter_is_capped(score: float | None, gap: bool, letter: str | None) -> None:  # noqa: FBT001
    """The band of the unrounded score; at best C when a tier-1 service misses a signal."""
    frame = pl.DataFrame({"score": [score], "gap": [gap]}, schema_overrides={"score": pl.Float64})

    assert frame.select(grade(pl.col("score"), pl.col("gap"))).item() == letter


@pytest.mark.parametrize(
    ("points", "gap", "letter", "is_capped"),
    [(75, True, "C", True), (74, True, "C", False), (75, False, "B", False)],
)
def test_a_letter_of_just_b_is_capped(points: int, gap, letter: str, is_capped) -> None:
    """75 of 100 would be a B, which a gap of tier 1 takes away; 74 would be a C anyway."""
    service = COVERAGE_SERVICE.sample(1).to_dicts()[0] | {"team": "a", "state": "complete"}
    team = COVERAGE_TEAM.sample(1).to_dicts()[0] | {"team": "a", "has_tier_1_gap": gap}
    score = SCORE_SERVICE.sample(1).to_dicts()[0] | {
        "service_name": service["service_name"], "window_days": 30,
        "applicable_points": points, "applicable_max_points": 100,
    }  # fmt: skip

    made = coverage_grade(
        pl.LazyFrame([service], schema=COVERAGE_SERVICE.schema),
        pl.LazyFrame([team], schema=COVERAGE_TEAM.schema),
        pl.LazyFrame([score], schema=SCORE_SERVICE.schema),
    ).collect()

    assert made.select("score", "grade", "is_capped").rows() == [(points, letter, is_capped)]


def test_points_are_pooled_over_the_services_of_a_team() -> None:
    """90 of 100 and 10 of 300 are 25, not the mean of 90 and 3.3; what nobody expects is out."""
    rows = [
        ("a", "web", "complete"),
        ("a", "api", "partial"),
        ("b", "db", "dark"),
        ("__unallocated__", "stranger", "unregistered"),
    ]
    blank = COVERAGE_SERVICE.sample(1).to_dicts()[0]
    services = [
        {**blank, "team": team, "service_name": name, "state": state} for team, name, state in rows
    ]
    teams = [
        {**COVERAGE_TEAM.sample(1).to_dicts()[0], "team": team, "has_tier_1_gap": team != "b"}
        for team in ("__all__", "a", "b")
    ]
    score = SCORE_SERVICE.sample(1).to_dicts()[0]
    scores = [
        {
            **score,
            "service_name": name,
            "window_days": days,
            "applicable_points": points,
            "applicable_max_points": most,
        }
        for name, points, most in (("web", 90, 100), ("api", 10, 300), ("stranger", 500, 500))
        for days in (30, 7)
    ]

    made = COVERAGE_GRADE.check(
        coverage_grade(
            pl.LazyFrame(services, schema=COVERAGE_SERVICE.schema),
            pl.LazyFrame(teams, schema=COVERAGE_TEAM.schema),
            pl.LazyFrame(scores, schema=SCORE_SERVICE.schema),
        ).collect()
    )

    columns = ["team", "scored_count", "points", "max_points", "score", "grade", "is_capped"]
    assert made.select(columns).rows() == [
        ("__all__", 2, 100, 400, 25.0, "D", False),
        ("a", 2, 100, 400, 25.0, "D", False),
        ("b", 0, 0, 0, None, None, False),
    ]
