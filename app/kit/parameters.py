"""What questions take from the reader's choices: the parameters of their SQL, by name.

Takes    filters
Gives    the values for `$currency`, `$team`, `$environment` and the days, as many as a question has
"""

from typing import Any

from app.kit.filters import Filters

Parameters = dict[str, Any]


def bill_days(filters: Filters) -> Parameters:
    """Give those of a question about the whole bill in the period."""
    return {"currency": filters.currency, "start": filters.start, "end": filters.end}


def period(filters: Filters) -> Parameters:
    """Give those of a question about a team's cost in the period."""
    return bill_days(filters) | {"team": filters.team}


def both_periods(filters: Filters) -> Parameters:
    """Give those of a question about a team's cost in the period and the one before."""
    return period(filters) | before(filters)


def before(filters: Filters) -> Parameters:
    """Give the days of the period before."""
    return {"previous_start": filters.previous_start, "previous_end": filters.previous_end}


def of_team(filters: Filters) -> Parameters:
    """Give those of a question about a team's cost whose days the table chooses."""
    return {"currency": filters.currency, "team": filters.team}


def of_services(filters: Filters) -> Parameters:
    """Give those of a question about a team's services in an environment."""
    return {"team": filters.team, "environment": filters.environment}
