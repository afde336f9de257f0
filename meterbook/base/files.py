"""Files that a setting or a rule names, `*` and `**` allowed.

Takes    a folder and patterns
Gives    the files, by pattern and name; what people call a file
Refuses  a pattern that names nothing (ConfigError)
"""

from pathlib import Path

from meterbook.base.errors import ConfigError, Finding


def matching(base: Path, key: str, patterns: tuple[str, ...]) -> list[Path]:
    """Give the files that patterns name; a pattern without any is refused."""
    found: list[Path] = []
    for pattern in patterns:
        root = Path(pattern)
        paths = (
            sorted(Path(root.anchor).glob(str(root.relative_to(root.anchor))))
            if root.is_absolute()
            else sorted(base.glob(pattern))
        )
        if not paths:
            raise ConfigError([Finding(key, f"{base / pattern}: no such file")])
        found += paths
    return found


def resolved(name: str, base: Path) -> str:
    """Give the whole path of a file that is named from a folder."""
    return str((base / name).resolve())


def within(path: Path, base: Path) -> str:
    """Name a file from the folder that it is said in, where it lies in there."""
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
