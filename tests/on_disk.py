"""What `docs/architecture.md` lists of a home, and what a home has besides."""

import re
from fnmatch import fnmatch
from pathlib import Path, PurePath

PAGE = (Path(__file__).parents[1] / "docs/architecture.md").read_text()
HALF_WRITTEN = (".making", ".part")


def listed() -> list[str]:
    """Give the patterns of the page's list; a folder ends with a stroke."""
    rows = PAGE.split("\n## What is on disk\n")[1].split("\n| path |")[1].splitlines()[2:]
    cells = [row.split(" | ")[0] for row in rows if row.startswith("| ")]
    return [name for cell in cells for name in re.findall("`([^`]+)`", cell)]


def unlisted(home: Path) -> list[str]:
    """Give the files of a home that no pattern of the page's list names."""
    files = sorted(path.relative_to(home) for path in home.rglob("*") if not path.is_dir())
    patterns = listed()
    return [
        str(file)
        for file in files
        if file.suffix not in HALF_WRITTEN
        and not any(_is_named(file, pattern) for pattern in patterns)
    ]


def _is_named(file: PurePath, pattern: str) -> bool:
    if pattern.endswith("/"):
        return fnmatch(str(file), f"{pattern}*")
    return len(file.parts) == len(PurePath(pattern).parts) and file.match(pattern)
