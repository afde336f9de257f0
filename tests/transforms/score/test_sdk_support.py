"""SDK-001: which runtimes the SDKs support, at the edges of what their packages declare."""

import polars as pl
import pytest

from transforms.score.sdk_support import is_supported


@pytest.mark.parametrize(
    ("language", "sdk", "runtime", "wanted"),
    [
        ("python", "1.12.0", "3.6.15", True),
        ("python", "1.13.0", "3.6.15", False),
        ("python", "1.22.0", "3.7.0", True),
        ("python", "1.23.0", "3.7.17", False),
        ("python", "1.33.1", "3.8.10", True),
        ("python", "1.34.0", "3.8.10", False),
        ("python", "1.41.1", "3.9.2", True),
        ("python", "1.42.0", "3.9.2", False),
        ("python", "1.42.0", "3.10.0", True),
        ("python", "9.0.0", "3.9.2", False),
        ("python", "1.45.2", "3.14.0rc1", True),
        ("nodejs", "1.3.1", "8.12.0", True),
        ("nodejs", "1.4.0", "v12.22.1", False),
        ("nodejs", "1.30.1", "14.0.0", True),
        ("nodejs", "2.0.1", "18.18.2", False),
        ("nodejs", "2.0.1", "18.19.0", True),
        ("nodejs", "2.0.1", "19.9.0", False),
        ("nodejs", "2.0.1", "20.5.1", False),
        ("nodejs", "2.0.1", "22.1.0", True),
        ("java", "1.50.0", "1.8.0_392", True),
        ("java", "1.50.0", "1.7.0_80", False),
        ("java", "1.50.0", "21", True),
        ("java", "1.50.0", "17.0.9+9", True),
        ("python", "0.17b0", "3.5.0", None),
        ("go", "1.24.0", "go1.21.0", None),
        ("python", "1.45.2", "", None),
        ("python", "", "3.11.0", None),
        ("python", "unknown", "3.11.0", None),
    ],
)
def test_runtimes_at_the_edges(language: str, sdk: str, runtime: str, wanted: object) -> None:
    """What no package declares is not judged."""
    frame = pl.DataFrame({"l": [language], "s": [sdk], "r": [runtime]})

    assert frame.select(is_supported("l", "s", "r")).item() is wanted
