"""What focus-validator says is held against what is known of it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "validate_focus.py"
REPORT = """=== Validation Results ===
Total: 578 | Pass: 133 | Fail: 4 | Skipped: 441
AvailabilityZone-C-001-M: SKIPPED  (violations=0, reason=rule not applicable)
- InvoiceId-C-004-C: violations=25; InvoiceId MUST be NULL.
- BilledCost-C-005-C: violations=9; BilledCost MUST equal '0'.
- BilledCost-C-000-M: violations=1; AND failed - failed child rules: [BilledCost-C-005-C]
"""


@pytest.fixture
def script() -> ModuleType:
    """Give the script as a module."""
    spec = importlib.util.spec_from_file_location("validate_focus", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_only_what_is_not_known_is_reported(script: ModuleType) -> None:
    """A known red rule is no news, nor is a rule that only gathers others."""
    summary, found = script.verdict(REPORT, script.KNOWN)

    assert summary == "Total: 578 | Pass: 133 | Fail: 4"
    assert found == ["BilledCost-C-005-C"]


def test_a_report_without_a_summary_is_no_verdict(script: ModuleType) -> None:
    """The validator ends with 0 whatever happens: only its summary says that it ran."""
    with pytest.raises(ValueError, match="no summary"):
        script.verdict("Traceback", script.KNOWN)
