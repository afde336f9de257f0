"""Rule sources of the ownership file: their files are found, read, checked, and part of a day."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from meterbook.answers.rules import read_ownership
from meterbook.base.errors import ConfigError
from meterbook.base.home import Home
from meterbook.base.settings import BillingSettings, OwnershipSettings, Settings
from meterbook.build.build import build, load_bills
from meterbook.build.plan import Choice
from meterbook.cli import main
from tests.meterbook.bills import write_bill

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 20, tzinfo=UTC)
RULES = """
teams: [{id: payments}, {id: search}]
rules:
  - {id: cat, source: backstage, path: "catalog/**/catalog-info.yaml", from: 2026-11-01}
  - {id: rest, match: "*", team: search}
"""
WEB = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: web, annotations: {backstage.io/kubernetes-id: web}}
spec: {owner: payments}
"""


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    """Give a home with an ownership file that names a catalogue of two files beside it."""
    (tmp_path / "meterbook.toml").write_text('[ownership]\nrules = "who/ownership.yaml"\n')
    for name, text in (("web", WEB), ("idx", WEB.replace("web", "idx"))):
        folder = tmp_path / "who" / "catalog" / name
        folder.mkdir(parents=True)
        (folder / "catalog-info.yaml").write_text(text, encoding="utf-8-sig")
    (tmp_path / "who" / "ownership.yaml").write_text(RULES)
    return Settings(
        home=Home(tmp_path / "home"),
        billing=BillingSettings(settle_seconds=0),
        ownership=OwnershipSettings(rules="who/ownership.yaml"),
        config_file=tmp_path / "meterbook.toml",
    )


def test_paths_count_from_the_ownership_file(world: Settings) -> None:
    """However deep, with a byte order mark or without."""
    found = read_ownership(world.ownership, world.base)

    assert [rule.id for rule in found.rules] == ["cat/idx", "cat/web", "rest"]


def test_a_changed_catalogue_rebuilds_the_days_of_its_source(world: Settings) -> None:
    """The day before the source stays as it is; other words of the catalogue rebuild nothing."""
    before, after = date(2026, 10, 31), date(2026, 11, 1)
    for day in (before, after):
        places = [str(bill(world, day))]
        load_bills(world.billing, world.home, places, now=NOW, accept=None, say=lambda _: None)
    path = world.base / "who/catalog/web/catalog-info.yaml"

    def built() -> Sequence[date]:
        return build(world, now=NOW, choice=Choice(), say=lambda _: None).built

    first = built()
    path.write_text(WEB.replace("metadata: {", "metadata: {description: the shop, "))
    reworded = built()
    path.write_text(WEB.replace("owner: payments", "owner: search"))

    assert (first, reworded, built()) == ([before, after], [], [after])


def bill(world: Settings, day: date) -> Path:
    """Give a folder with a bill of one line."""
    return write_bill(world.home.root.parent / f"bills-{day:%m}", day)


def test_a_pattern_without_files_is_refused(world: Settings) -> None:
    """A lost catalogue would give all its costs to nobody."""
    path = world.base / "who/ownership.yaml"
    path.write_text(RULES.replace("catalog/**", "catalogue/**"))

    with pytest.raises(ConfigError, match=r"ownership.yaml: rules.cat.path: .*no such file"):
        read_ownership(world.ownership, world.base)


def test_check_tells_what_a_source_gave(world: Settings) -> None:
    """The count of rules is no finding; a file that is no text is one, and costs no other."""
    (world.base / "who/catalog/idx/catalog-info.yaml").write_bytes(b"\xff\xfe\x00")
    command = ["--home", str(world.home), "--config", str(world.config_file), "check"]

    reported = CliRunner().invoke(main, command)

    lines = reported.output.splitlines()
    assert lines[0] == "rules.cat: 1 rules from 2 files"
    assert lines[1].startswith("catalog/idx/catalog-info.yaml: cannot be read: 'utf-8'")
    assert reported.exit_code == 1
