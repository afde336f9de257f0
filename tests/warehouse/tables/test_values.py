"""Values of columns: code gives those that are declared, and whoever words them knows each."""

import ast
import re
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import get_args

import polars as pl
import pytest

from app.figures.cardinality import advice
from app.figures.coverage import coverage, findings, standing
from app.figures.platform import workloads
from app.kit import colours
from collector.billing.format import formats
from collector.otlp.admission.quota import Quota
from collector.otlp.doors import http_door
from collector.otlp.journal import segment
from meterbook.answers import statement_page
from meterbook.base.settings import AUTHS, LIMITS, CollectorSettings
from meterbook.base.signals import ITEMS, SIGNALS
from tests.conftest import undeclared
from transforms.cardinality import value_shapes
from transforms.efficiency import rightsizing
from transforms.usage import containers, facts
from warehouse.table import Table, choice
from warehouse.tables import ALL, values

ROOT = Path(__file__).parents[3]
GIVERS = ("collector", "transforms", "meterbook/build", "meterbook/base")
LISTS = {
    name: found
    for name, found in vars(values).items()
    if isinstance(found, tuple) and all(isinstance(one, str) for one in found)
}
SHAPES = [name for name, _ in value_shapes._TESTS]  # noqa: SLF001 - the names of its patterns
PAGES = {
    "load-bills.md": (values.RESTATEMENTS, values.PERIOD_STATES),
    "keep-the-inventory.md": (values.SERVICE_KINDS, SIGNALS),
    "cut-cardinality.md": (values.USE_STATES,),
}


def given() -> set[str]:
    """Give every text that stands in code which gives values, and every value it takes by name."""
    found: set[str] = set()
    for path in (path for giver in GIVERS for path in (ROOT / giver).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value.removesuffix(":"))  # `bill:` begins the name of a source
            elif isinstance(node, ast.ImportFrom) and node.module == values.__name__:
                taken = [getattr(values, part.name) for part in node.names]
                found |= {one for one in taken if isinstance(one, str)}
                found |= {one for some in taken if isinstance(some, tuple) for one in some}
    return found


def test_every_declared_value_is_given_by_code() -> None:
    """A value that nothing gives any more leaves its list. A check may warn, though none does."""
    known = {*given(), "fail", "warn"}

    gone = {name: sorted(set(listed) - known) for name, listed in LISTS.items()}

    assert {name: lost for name, lost in gone.items() if lost} == {}
    assert len(LISTS) > 30


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_the_text_of_a_column_lists_its_values(table: Table) -> None:
    """Whoever reads the table's page finds each value there, and `empty` for none."""
    for column in table.columns:
        words = re.findall(r"[\w ]+", column.text)
        listed = {part.strip() for word in words for part in re.split(r"\bor\b", word)}
        assert {value or "empty" for value in column.values} <= listed


def test_a_value_that_is_not_declared_is_found() -> None:
    """The net under all tests catches a word that the column does not list; null is no value."""
    table = Table(
        name="core_small",
        text="For tests.",
        grain="state",
        key=(),
        columns=(choice("state", ("on", "off"), is_nullable=True),),
    )

    assert undeclared(table, pl.DataFrame({"state": ["on", "of", None]})) == {"state": ["of"]}
    assert undeclared(table, table.sample(5)) == {}
    with pytest.raises(AssertionError):
        table.check(pl.DataFrame({"state": ["of"]}))


def test_a_meaning_belongs_to_a_value() -> None:
    """A meaning of a word that is no value is refused where it is declared."""
    with pytest.raises(ValueError, match=r"state: .*'of'.* are no values"):
        choice("state", ("on", "off"), meanings={"of": "not on"})


@pytest.mark.parametrize(
    ("given", "declared"),
    [
        ([one.name for one in formats.ALL], values.SOURCE_FORMATS),
        (containers.AMOUNTS, values.FACTS),
        ([*(kind for kind, _ in facts.CONTROLLERS), "Pod"], values.WORKLOAD_KINDS),
        (rightsizing.MEMORY_FLOORS, values.PROFILES),
        ([*SHAPES, "free_text", "enum"], values.VALUE_CLASSES),
        (segment.KINDS, SIGNALS),
        (http_door.SIGNALS.values(), SIGNALS),
        ([one.name for one in fields(Quota)], LIMITS),
        (get_args(values.Impact), values.WEIGHTS),
    ],
    ids=lambda found: " ".join(map(str, list(found)[:2])),
)
def test_code_and_declaration_have_the_same_words(
    given: Collection[str], declared: Collection[str]
) -> None:
    """Where code has a list of its own, for its numbers or patterns, it is the declared one."""
    assert set(given) == set(declared)


@pytest.mark.parametrize(
    ("worded", "declared"),
    [
        (colours.STATES, values.COVERAGE_STATES),
        (coverage.STATES, values.EXPECTED_STATES),
        (findings._COUNTED, values.COVERAGE_FINDINGS),  # noqa: SLF001 - the page's own words
        (standing._BANDS, [letter for _, letter in values.GRADES]),  # noqa: SLF001 - as above
        (workloads.PROFILES, values.PROFILES),
        (advice.ACTIONS, values.ACTIONS),
        (statement_page.SECTIONS, (*values.SECTIONS, values.CLOSED)),
    ],
    ids=lambda found: " ".join(map(str, list(found)[:2])),
)
def test_pages_have_words_for_every_value(
    worded: Collection[str], declared: Collection[str]
) -> None:
    """A new value is worded where people read it, and a word of a former one goes."""
    assert set(worded) == set(declared)


@pytest.mark.parametrize("page", PAGES)
def test_a_guide_that_lists_values_lists_all(page: str) -> None:
    """What is written by hand names each value that the column may have."""
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")

    assert all(value in text for listed in PAGES[page] for value in listed)


def test_settings_name_their_values() -> None:
    """The text of `auth`, of quotas and of the shed names what the code goes by."""
    texts = {part.name: part.metadata["text"] for part in fields(CollectorSettings)}

    assert texts["auth"] == "`none`, `token` (`meterbook token`) or `certificate` (mTLS)"
    assert all(f"`{name}`" in texts["auth"] for name in AUTHS)
    assert "`tenant:requests=N,bytes=N,series=N`" in texts["quotas"]
    assert f"beyond which {ITEMS[0]} and {ITEMS[1]} are refused" in texts["shed_ratio"]
