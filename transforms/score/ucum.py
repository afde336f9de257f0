"""Units: valid UCUM, case sensitive.

Takes    the text of a unit
Gives    whether it is a UCUM expression of the atoms listed here, with prefixes, exponents, `.`,
         `/`, parentheses and {annotations}
Refuses  the empty text (the default of OTLP), spaces, `KBy`, `seconds`
"""

import re
from functools import lru_cache
from typing import Final

_PREFIXES: Final = "Ki|Mi|Gi|Ti|da|[YZEPTGMkhdcmunpfazy]"
_METRIC: Final = (
    "mol|rad|sr|Hz|Pa|Ohm|Wb|Cel|lm|lx|Bq|Gy|Sv|bar|eV|kat|cal|Np|bit|By|Bd|st|eq|osm|"
    "m|g|s|K|C|cd|N|J|W|A|V|F|S|T|H|l|L|t|u|B"
)
_PLAIN: Final = (
    r"min|wk|mo|deg|10\*|10\^|\[ppth\]|\[ppm\]|\[ppb\]|\[pptr\]|\[in_i\]|\[ft_i\]|\[mi_i\]|"
    r"\[lb_av\]|\[degF\]|%|h|d|a|''|'"
)
_DEEPEST: Final = 20
_COMPONENT: Final = re.compile(
    rf"(?:(?:(?:{_PLAIN})|(?:{_PREFIXES})?(?:{_METRIC}))(?:[+-]?[1-9][0-9]*)?|[1-9][0-9]*)"
    r"(?:\{[!-z|~]*\})?|\{[!-z|~]*\}"
)


@lru_cache(maxsize=10_000)
def is_valid(unit: str) -> bool:
    """Tell whether a text is a unit of UCUM."""
    if unit.count("(") > _DEEPEST:
        return False
    at = _term(unit, 1 if unit.startswith("/") else 0)
    return at is not None and at == len(unit)


def _term(unit: str, at: int) -> int | None:
    """Read components joined by `.` and `/`; give where the term ends, None for no term."""
    while True:
        after = _component(unit, at)
        if after is None or unit[after : after + 1] not in {".", "/"}:
            return after
        at = after + 1


def _component(unit: str, at: int) -> int | None:
    if unit[at : at + 1] == "(":
        after = _term(unit, at + 1)
        return after + 1 if after is not None and unit[after : after + 1] == ")" else None
    ends = [m.end() for m in [_COMPONENT.match(unit, at)] if m]
    return ends[0] if ends else None
