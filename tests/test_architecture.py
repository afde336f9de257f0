"""The page for newcomers is true of the code: rooms, picture, what lies on disk."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from meterbook.base.home import PARTS, Part
from tests.on_disk import PAGE, listed, unlisted
from warehouse.tables import BY_NAME

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs/images/way-of-the-data.svg"
PRODUCT = ("app", "collector", "meterbook", "sample_data", "transforms", "warehouse")
CODE = "\n".join(path.read_text() for name in PRODUCT for path in (ROOT / name).rglob("*.py"))


def _rooms() -> Any:
    """Give `scripts/rooms.py` as a module."""
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "scripts/rooms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["rooms"] = module
    spec.loader.exec_module(module)
    return module


ROOMS = _rooms()
EVERY = [*ROOMS.floors(), *(room for held in ROOMS.held().values() for room in held)]


@pytest.mark.parametrize("room", EVERY, ids=lambda room: room.name)
def test_a_room_is_on_the_page_with_its_sentence(room: Any) -> None:
    """Each has a docstring, and the page its first line; `cog -r docs/architecture.md` writes it.

    A floor or level that has changed is out of step, too.
    """
    assert room.text.endswith((".", "`"))
    assert f"| {room.level or '-'} | `{room.path}` | {room.text} |" in PAGE


def test_what_is_made_from_code_is_in_step() -> None:
    """Tables and quoted code are as they stand; `cog -I scripts -r docs/*.md` writes them anew."""
    program = [sys.executable, "-m", "cogapp", "-I", "scripts", "--check"]
    pages = ["docs/architecture.md", "docs/style.md"]

    done = subprocess.run([*program, *pages], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_every_package_is_a_room() -> None:
    """What no contract names is listed all the same; the roots are on floors, or hold them."""
    names = {room.name for room in EVERY}

    assert [name for name in ROOMS.packages() if name not in names] == ["meterbook"]
    assert {"meterbook.cli", "meterbook.base", "transforms.ledger", "collector.otlp"} <= names


def test_the_page_names_no_room_that_is_gone() -> None:
    """Each row of the tables of rooms stands for a folder or a module."""
    named = re.findall(r"^\| (?:\d|-) \| `([^`]+)` \|", PAGE, re.MULTILINE)

    assert sorted(named) == sorted(room.path for room in EVERY)


def test_the_picture_names_what_there_is() -> None:
    """Each name in it that is set as code is a path of the repository, of a home, or a table."""
    places = [
        *(pattern.rstrip("*") for pattern in listed()),
        *(pattern.split("/")[0] + "/" for pattern in listed()),
    ]
    text = PICTURE.read_text()

    names = " ".join(re.findall(r'class="code"[^>]*>([^<]+)<', text)).split()

    assert len(names) > 15
    unknown = [
        name
        for name in names
        if name not in BY_NAME and name not in places and not (ROOT / name).exists()
    ]
    assert unknown == []


def test_the_picture_stands_alone() -> None:
    """It runs nothing, fetches nothing, follows the reader's colours, and is small."""
    text = PICTURE.read_text()

    assert "<script" not in text
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == []
    assert "prefers-color-scheme: dark" in text
    assert len(text) < 60_000


@pytest.mark.parametrize("pattern", listed())
def test_what_lies_on_disk_is_named_in_the_code(pattern: str) -> None:
    """No file of the list is one that nothing writes any more: its name stands in a string."""
    last = [part for part in re.split(r"[/*]", pattern) if part][-1]

    assert re.search(rf"""["'/{{}}*]{re.escape(last)}(?:-|["'/])""", CODE)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_each_part_of_a_home_is_listed(part: Part) -> None:
    """What `Home` gives a path to has a row, or its files have."""
    assert any(f"{pattern}/".startswith((f"{part.name}/", f"{part.name}*")) for pattern in listed())


def test_what_a_home_has_besides_is_found(tmp_path: Path) -> None:
    """A file of the list is known, one in a folder of it too; any other is told."""
    for name in ("closed/2026-10.parquet", "billing/staging/x/y", "closed/notes.txt", "odd"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert unlisted(tmp_path) == ["closed/notes.txt", "odd"]
