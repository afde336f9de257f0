"""What stands between telemetry and inventory."""

from app.figures.coverage import findings
from app.kit.choices import first_look
from app.kit.reader import Reader


def test_findings_say_what_to_do(reader: Reader, empty_reader: Reader) -> None:
    """Each kind is counted in words; without any, so it is said."""
    made = findings.findings(reader, first_look(reader))

    assert made.finding == "1 name is borne by several services and 1 sender has no name."
    assert made.data["action"].to_list() == ["Set service.namespace", "Set OTEL_SERVICE_NAME"]
    assert "finds its service" in findings.findings(empty_reader, first_look(empty_reader)).finding
