"""Statements of departments: what their teams owe, on one paper.

Takes    the statements of every receiver of a month; the ownership file's departments
Gives    one statement per department and currency that has cost
Holds    its cents are the sum of its teams' cents, so departments, teams without one and buckets
         add up to the bill as the teams do; its lines are its teams' lines
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from meterbook.answers.statement import Statement
from transforms.owners.ownership import Ownership


def by_department(made: Sequence[Statement], ownership: Ownership) -> list[Statement]:
    """Join the statements of each department's teams."""
    of_team = {team.id: team.department for team in ownership.teams if team.department}
    joined = []
    for department in sorted(ownership.departments, key=lambda one: one.id):
        for currency in sorted({one.currency for one in made}):
            mine = [
                one
                for one in made
                if one.currency == currency and of_team.get(one.team) == department.id
            ]
            if mine:
                joined.append(
                    replace(
                        _joined(mine),
                        team=department.id,
                        name=department.name,
                        cost_center=department.cost_center,
                        level="department",
                    )
                )
    return joined


def _joined(mine: Sequence[Statement]) -> Statement:
    """Add up statements of one month and currency."""
    return replace(
        mine[0],
        cents=sum(one.cents for one in mine),
        exact=sum((one.exact for one in mine), Decimal(0)),
        previous=sum((one.previous for one in mine), Decimal(0)),
        is_estimated=any(one.is_estimated for one in mine),
        lines=[replace(line, team=one.team) for one in mine for line in one.lines],
        adjustments=[row for one in mine for row in one.adjustments],
    )
