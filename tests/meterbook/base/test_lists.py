"""A few values are listed the same way wherever people read them."""

from meterbook.base.lists import one_of


def test_a_list_reads_like_a_sentence() -> None:
    """Commas, then `or`; what a value means stands behind it; no text has a name."""
    assert one_of(("a",)) == "a"
    assert one_of(("a", "b")) == "a or b"
    assert one_of(("a", "b c", ""), {"b c": "both", "": "none"}) == "a, b c (both) or empty (none)"
    assert one_of(("a", "b"), {"a": ""}, quote="`") == "`a` or `b`"
