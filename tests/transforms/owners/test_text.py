"""The ownership file as text: its YAML, the paths it names, its digest."""

import pytest

from meterbook.base.errors import ConfigError
from transforms.owners.backstage_rules import SourceFile
from transforms.owners.ownership import parse_ownership
from transforms.owners.text import digest_of, document_of, paths_of, source_paths


@pytest.mark.parametrize("text", ["[", "just text", "- a list"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    """Broken YAML and other shapes have words of their own."""
    with pytest.raises(ConfigError):
        parse_ownership(text)


def test_the_digest_follows_the_text() -> None:
    """Two files that differ have two digests; the same text has one."""
    assert parse_ownership("teams: []").config_hash == parse_ownership("teams: []").config_hash
    assert parse_ownership("teams: []").config_hash != parse_ownership("teams: [] ").config_hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "no YAML"),
        ("- a", "want a mapping"),
        ("", "want a mapping"),
        ("7", "want a mapping"),
        ("!!python/object/apply:os.getcwd []", "no YAML"),
    ],
)
def test_a_text_that_is_no_document_says_why(text: str, message: str) -> None:
    """Under the key `ownership`; a tag that would run code is no YAML of ours."""
    with pytest.raises(ConfigError) as caught:
        document_of(text)

    assert [finding.key for finding in caught.value.findings] == ["ownership"]
    assert message in caught.value.findings[0].message


def test_paths_are_those_of_rule_sources_alone() -> None:
    """An ordinary rule's `path` names no file; a source without an id is known as `None`."""
    text = """
rules:
  - {id: one, source: backstage, path: [a.yaml, 7]}
  - {id: plain, path: b.yaml}
  - {source: backstage, path: c.yaml}
  - just text
"""
    assert source_paths(text) == {"one": ("a.yaml", "7"), "None": ("c.yaml",)}
    assert source_paths("rules: none") == {}


@pytest.mark.parametrize(
    ("path", "paths"), [("a", ("a",)), (["a", "b"], ("a", "b")), (None, ()), ([], ())]
)
def test_a_path_or_a_list_of_them(path: object, paths: tuple[str, ...]) -> None:
    """One path is a list of one; none is none."""
    assert paths_of({"path": path}) == paths


def test_the_digest_is_of_the_file_and_of_what_its_sources_read() -> None:
    """Twelve signs; the order in which files were found changes nothing.

    A name, a word, a problem or the source that reads a file changes it.
    """
    one, two = SourceFile("a.yaml", "x"), SourceFile("b.yaml", "y")
    plain = digest_of("t", {"s": [one, two]})

    assert len(plain) == 12
    assert digest_of("t", {"s": [two, one]}) == plain
    others = [
        digest_of("t", {}),
        digest_of("t ", {"s": [one, two]}),
        digest_of("t", {"s": [one]}),
        digest_of("t", {"s": [one], "r": [two]}),
        digest_of("t", {"s": [one, SourceFile("c.yaml", "y")]}),
        digest_of("t", {"s": [one, SourceFile("b.yaml", problem="y")]}),
    ]
    assert len({plain, *others}) == 7
