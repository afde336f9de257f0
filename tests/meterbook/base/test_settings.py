"""Settings are read once and told off all at once."""

from decimal import Decimal
from pathlib import Path

import pytest

from meterbook.base.errors import ConfigError
from meterbook.base.home import Home
from meterbook.base.settings import CardinalitySettings, Settings
from meterbook.base.settings_checks import validate
from meterbook.base.settings_file import load_settings, parse_instant


def test_defaults_are_sound() -> None:
    """Without a file and variables the defaults stand."""
    assert load_settings(None, {}) == Settings()


def test_later_sources_win(tmp_path: Path) -> None:
    """File over default, variable over file, command line over variable."""
    config = tmp_path / "meterbook.toml"
    config.write_text(
        'home = "from-file"\n[site]\nport = 1001\nhost = "127.0.0.2"\n'
        '[billing]\nsources = ["bills"]\n'
    )

    settings = load_settings(
        config, {"MB_SITE_PORT": "1002", "MB_HOME": "from-environ"}, {"home": "given", "x": None}
    )

    assert settings.home == Home(Path("given"))
    assert settings.site.port == 1002
    assert settings.site.host == "127.0.0.2"
    assert settings.billing.sources == ("bills",)
    assert settings.billing.counted_from(settings.base).sources == (str(tmp_path / "bills"),)


def test_all_findings_come_at_once(tmp_path: Path) -> None:
    """A wrong type, an unknown key, an impossible value and a public host are told together."""
    config = tmp_path / "meterbook.toml"
    config.write_text(
        '[site]\nport = "x"\ncolour = 1\n[collector]\nhost = "0.0.0.0"\n'
        '[billing]\nmax_drop_ratio = "2"\n'
    )

    with pytest.raises(ConfigError) as caught:
        load_settings(config, {"MB_BUILD_KEEP_SNAPSHOTS": "no"})

    assert {finding.key for finding in caught.value.findings} == {
        "site.port",
        "site.colour",
        "collector.host",
        "billing.max_drop_ratio",
        "MB_BUILD_KEEP_SNAPSHOTS",
    }


@pytest.mark.parametrize(("text", "key"), [("no toml [", "no TOML"), ("site = 3", "want a table")])
def test_a_broken_file_says_so(tmp_path: Path, text: str, key: str) -> None:
    """Text that is no TOML, and a section that is no table, have words of their own."""
    config = tmp_path / "meterbook.toml"
    config.write_text(text)

    with pytest.raises(ConfigError, match=key):
        load_settings(config, {})


def test_instants_are_utc() -> None:
    """An instant without a zone is UTC, with one it is converted."""
    assert parse_instant("2026-11-01T01:00:00+01:00") == parse_instant("2026-11-01")
    with pytest.raises(ConfigError, match="no instant"):
        parse_instant("yesterday")


@pytest.mark.parametrize(
    "text", ["mimir", "m=series", "m=series:x", "m=points:1", "=series:1", "default=series:1"]
)
def test_backends_are_a_name_a_unit_and_a_price(text: str) -> None:
    """What cannot be read is told with how to write it, before anything is built."""
    chosen = CardinalitySettings(backends=(text,), quotas=("shop",))

    findings = [finding.key for finding in validate(Settings(cardinality=chosen))]

    assert findings == ["cardinality.backends", "cardinality.quotas"]


def test_backends_beside_the_price_of_all() -> None:
    """The price that rankings use is one of the backends, and quotas are whole numbers."""
    chosen = CardinalitySettings(
        price_per_1000_series_month="6", backends=("m=samples:0.3",), quotas=("a=5", "*=9")
    )

    assert validate(Settings(cardinality=chosen)) == []
    assert chosen.priced_backends() == [
        ("default", "series", Decimal(6)),
        ("m", "samples", Decimal("0.3")),
    ]
    assert chosen.team_quotas() == {"a": 5, "*": 9}
