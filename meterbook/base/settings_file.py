"""Settings, read once from `meterbook.toml` and `MB_*`, checked as a whole.

Takes    a TOML file (or none), the environment, command line overrides
Gives    a frozen `Settings`
Refuses  unknown keys, wrong types, impossible values: all findings at once (ConfigError, exit 2)
"""

import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meterbook.base.errors import ConfigError, Finding
from meterbook.base.home import Home
from meterbook.base.settings import SECTIONS, Settings
from meterbook.base.settings_checks import validate


def load_settings(
    config: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object] | None = None
) -> Settings:
    """Read the settings: defaults, then the file, then `MB_*`, then the command line.

    `overrides` maps a key (`home`, `site.port`) to a value; None means not given.
    """
    findings: list[Finding] = []
    given = _from_file(config, findings)
    given.update(_from_environ(environ, findings))
    given.update({key: value for key, value in (overrides or {}).items() if value is not None})
    sections: dict[str, Any] = {}
    for name in SECTIONS:
        kind = _section_types()[name]
        sections[name] = _section(name, kind, given, findings)
    home = given.pop("home", Home())
    findings.extend(
        Finding(key, "no such setting; docs/reference/settings.md lists all") for key in given
    )
    settings = Settings(
        home=Home(Path(str(home)).expanduser()),
        config_file=config.resolve() if config else None,
        **sections,
    )
    findings.extend(validate(settings))
    if findings:
        raise ConfigError(findings, config or "configuration")
    return settings


def parse_instant(text: str, key: str = "now") -> datetime:
    """Read an ISO 8601 instant; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ConfigError(
            [Finding(key, f"'{text}' is no instant; want e.g. 2026-11-01T00:00:00Z")]
        ) from exc
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _from_file(config: Path | None, findings: list[Finding]) -> dict[str, object]:
    if config is None:
        return {}
    try:
        document = tomllib.loads(config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([Finding(str(config), "no such file")], config) from None
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([Finding(str(config), f"no TOML: {exc}")], config) from exc
    given: dict[str, object] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            given.update({f"{name}.{key}": inner for key, inner in value.items()})
        elif name in SECTIONS:
            findings.append(Finding(name, "want a table: [" + name + "]"))
        else:
            given[name] = value
    return given


def _from_environ(environ: Mapping[str, str], findings: list[Finding]) -> dict[str, object]:
    given: dict[str, object] = {}
    for name in SECTIONS:
        for part in dataclasses.fields(_section_types()[name]):
            variable = f"MB_{name}_{part.name}".upper()
            if (text := environ.get(variable)) is None:
                continue
            kind = typing.get_type_hints(_section_types()[name])[part.name]
            value = _from_text(text, kind)
            if value is None:
                findings.append(Finding(variable, f"'{text}' is no {kind.__name__}"))
            else:
                given[f"{name}.{part.name}"] = value
    if "MB_HOME" in environ:
        given["home"] = environ["MB_HOME"]
    return given


def _from_text(text: str, kind: Any) -> object | None:
    if typing.get_origin(kind) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())
    try:
        return typing.cast("object", kind(text))
    except ValueError:
        return None


def _section(name: str, kind: Any, given: dict[str, object], findings: list[Finding]) -> Any:
    hints = typing.get_type_hints(kind)
    values: dict[str, object] = {}
    for part in dataclasses.fields(kind):
        key = f"{name}.{part.name}"
        if key not in given:
            continue
        value, want = given.pop(key), hints[part.name]
        if isinstance(value, list):
            value = tuple(value)
        if want is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not _fits(value, want):
            wanted = "a list of text" if typing.get_origin(want) is tuple else want.__name__
            findings.append(Finding(key, f"have {value!r}, want {wanted}"))
            continue
        values[part.name] = value
    return kind(**values)


def _fits(value: object, want: Any) -> bool:
    if typing.get_origin(want) is tuple:
        return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    if want is int and isinstance(value, bool):
        return False
    return isinstance(value, want)


def _section_types() -> Mapping[str, Any]:
    return types.MappingProxyType(
        {name: kind for name, kind in typing.get_type_hints(Settings).items() if name in SECTIONS}
    )
