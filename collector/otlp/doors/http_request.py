"""What has come of one HTTP request so far.

Takes    the parts that the parser finds
Gives    what the door asks for: path, type, who sends it, what is wrong with it
"""

from typing import Final

from collector.otlp.admission.gate import Sender
from collector.otlp.doors import answers
from meterbook.base.errors import MeterbookError

MAX_HEADERS: Final = 64 * 1024
MAX_TARGET: Final = 8 * 1024
AUTHORIZATION: Final = b"authorization"


class Request:
    """One request of a connection."""

    __slots__ = (
        "authorization",
        "error",
        "header_bytes",
        "headers",
        "is_answered",
        "is_complete",
        "is_last",
        "is_written",
        "method",
        "parts",
        "problem",
        "sender",
        "signal",
        "size",
        "target",
    )

    def __init__(self) -> None:
        """Begin with nothing."""
        self.target = b""
        self.method = b""
        self.signal = ""
        self.headers: dict[bytes, bytes] = {}
        self.authorization: list[str] = []
        self.header_bytes = 0
        self.parts: list[bytes] = []
        self.size = 0
        self.sender: Sender | None = None
        self.problem = 0
        """HTTP status of what is wrong with its form."""
        self.error: MeterbookError | None = None
        self.is_answered = False
        """Handed on to be answered; what still comes of it is thrown away."""
        self.is_written = False
        self.is_complete = False
        self.is_last = False

    def add_header(self, name: bytes, value: bytes) -> None:
        """Take a header; of one that stands twice the last counts, but for Authorization."""
        self.header_bytes += len(name) + len(value)
        if self.header_bytes > MAX_HEADERS or len(self.target) > MAX_TARGET:
            self.fail(400)
            return
        key = name.lower()
        self.headers[key] = value
        if key == AUTHORIZATION:
            self.authorization.append(value.decode("latin-1"))

    def fail(self, problem: int) -> None:
        """Note that it cannot be read on; the connection ends with it."""
        self.problem = self.problem or problem
        self.is_last = True

    @property
    def is_refused(self) -> bool:
        """Tell whether its header alone was enough to refuse it."""
        return bool(self.problem) or self.error is not None

    @property
    def path(self) -> bytes:
        """Give the path as it was sent, without the query."""
        return self.target.split(b"?", 1)[0]

    @property
    def content_length(self) -> int:
        """Give the declared length; 0 when there is none."""
        text = self.headers.get(b"content-length", b"0")
        return int(text) if text.isdigit() else 0

    @property
    def content_type(self) -> str:
        """Give the type without parameters, in lower case."""
        text = self.headers.get(b"content-type", b"").decode("latin-1")
        return text.split(";", 1)[0].strip().lower()

    @property
    def answer_type(self) -> str:
        """Give the type of an answer: the request's, or protobuf's where that is none of ours."""
        return answers.JSON if self.content_type == answers.JSON else answers.PROTOBUF

    @property
    def idempotency(self) -> str:
        """Give the sender's own name of the request; empty when it has none."""
        found = self.headers.get(b"idempotency-key") or self.headers.get(b"x-idempotency-key")
        return (found or b"").decode("latin-1")
