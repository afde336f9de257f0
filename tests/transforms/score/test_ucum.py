"""Which units are UCUM; verdicts by UCUM's rules, case sensitive."""

import pytest

from transforms.score.ucum import is_valid


@pytest.mark.parametrize(
    "unit",
    ["s", "ms", "By", "kBy", "KiBy", "B", "1", "%", "{request}", "By/s", "m/s2", "m.s-2", "h", "d",
     "/s", "{fault}/s", "Cel", "kg", "us", "ns", "bit/s", "(m.s)/h", "10*3", "By{heap}", "min"],
)  # fmt: skip
def test_valid(unit: str) -> None:
    """Atoms, prefixes, exponents, division, annotations; `B` is the bel."""
    assert is_valid(unit)


@pytest.mark.parametrize(
    "unit",
    ["", "KBy", "seconds", "bytes", "sec", "by", "s ", "By//s", "By/", "{open", "kmin", "(s", "Ms ",
     "milliseconds", "KB", "requests", "()", "s)", "k"],
)  # fmt: skip
def test_invalid(unit: str) -> None:
    """The default, wrong case, words, spaces, prefixes on what takes none, loose ends."""
    assert not is_valid(unit)


def test_deep_parentheses_end() -> None:
    """A text of parentheses alone is judged without running out of stack."""
    assert not is_valid("(" * 100_000 + "s" + ")" * 100_000)
