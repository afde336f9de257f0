"""Tokens: made once, kept as a digest, good for what they say and no longer."""

import stat
from datetime import UTC, datetime, timedelta

import pytest

from collector.otlp.admission.gate import Gate
from collector.otlp.admission.tokens import (
    TokenBook,
    create_token,
    read_tokens,
    revoke_token,
)
from meterbook.base.errors import ConfigError, ForbiddenError, UnauthenticatedError
from meterbook.base.home import Home

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path):
    """Give where the tokens of a home lie."""
    return Home(tmp_path).tokens


def _gate(path, now=NOW, auth="token") -> Gate:
    return Gate(auth, TokenBook(path), lambda: now)


def test_only_the_digest_is_kept_and_only_we_may_read_it(path):
    """The clear token stands nowhere in the file, whose mode is 0600."""
    clear, made = create_token(path, "shop", ["ingest"], NOW)

    assert clear.startswith(f"mb_{made.id}_")
    assert clear.split("_", 2)[2] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_token_names_the_tenant(path):
    """Whatever the case of the scheme."""
    clear, _ = create_token(path, "shop", ["ingest"], NOW)

    for scheme in ("Bearer", "bearer", "BEARER"):
        assert _gate(path).ingest("logs", [f"{scheme} {clear}"], []) == "shop"


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["Basic {}"],
        ["{}"],
        ["Bearer {}x"],
        ["Bearer x{}"],
        ["Bearer mb_00000000_x"],
        ["Bearer {}", "Bearer {}"],
    ],
)
def test_what_is_no_good_token_is_refused(path, values):
    """None, empty, another scheme, another text, an unknown id, two at once."""
    clear, _ = create_token(path, "shop", ["ingest"], NOW)

    with pytest.raises(UnauthenticatedError):
        _gate(path).ingest("logs", [value.format(clear) for value in values], [])


def test_a_token_ends_when_it_expires_or_is_revoked(path):
    """At the instant it expires it is refused; so is a revoked one."""
    brief, _ = create_token(path, "shop", ["ingest"], NOW, days=1)
    revoked, made = create_token(path, "shop", ["ingest"], NOW)
    revoke_token(path, made.id, NOW)

    almost, after = NOW + timedelta(hours=23, minutes=59), NOW + timedelta(days=1)
    assert _gate(path, almost).ingest("logs", [f"Bearer {brief}"], []) == "shop"
    for clear, now in ((brief, after), (revoked, NOW)):
        with pytest.raises(UnauthenticatedError):
            _gate(path, now).ingest("logs", [f"Bearer {clear}"], [])


def test_a_scope_is_kept_to(path):
    """A token for metrics brings no logs and reads nothing."""
    clear, _ = create_token(path, "shop", ["ingest:metrics"], NOW)
    gate = _gate(path)

    assert gate.ingest("metrics", [f"Bearer {clear}"], []) == "shop"
    with pytest.raises(ForbiddenError, match="ingest:logs"):
        gate.ingest("logs", [f"Bearer {clear}"], [])
    with pytest.raises(ForbiddenError, match="read:telemetry"):
        gate.read([f"Bearer {clear}"], [])


def test_two_tokens_of_a_tenant_are_active_at_most(path):
    """Enough to replace one without a gap; a third has to wait for a revocation."""
    _, first = create_token(path, "shop", ["ingest"], NOW)
    create_token(path, "shop", ["ingest"], NOW)
    with pytest.raises(ConfigError, match="revoke one first"):
        create_token(path, "shop", ["ingest"], NOW)

    revoke_token(path, first.id, NOW)
    create_token(path, "shop", ["ingest"], NOW)

    assert sum(token.is_active(NOW) for token in read_tokens(path)) == 2


def test_all_that_is_wrong_with_a_new_token_is_reported_at_once(path):
    """Tenant, scope and days in one message; nothing is written."""
    with pytest.raises(ConfigError) as caught:
        create_token(path, "Sh op", ["everything"], NOW, days=0)

    assert {finding.key for finding in caught.value.findings} == {"--tenant", "--scope", "--days"}
    assert not path.exists()


def test_a_certificate_names_the_tenant_where_that_is_the_rule(path):
    """One DNS name, or nobody."""
    gate = _gate(path, auth="certificate")

    assert gate.ingest("logs", [], ["shop"]) == "shop"
    for names in ([], ["shop", "other"], ["no tenant"]):
        with pytest.raises(UnauthenticatedError):
            gate.ingest("logs", [], names)
