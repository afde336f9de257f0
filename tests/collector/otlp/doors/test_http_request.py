"""What has come of a request: path, type and sender of its header, and how much of it is read."""

import pytest

from collector.otlp.doors.http_request import Request


def request(**headers: str) -> Request:
    """Give a request with these headers, `_` for `-`."""
    made = Request()
    for name, value in headers.items():
        made.add_header(name.replace("_", "-").encode(), value.encode())
    return made


def test_the_path_is_what_stands_before_the_query():
    """Whatever the query holds, another question mark too."""
    made = Request()
    made.target = b"/v1/logs?a=1?b"

    assert made.path == b"/v1/logs"


@pytest.mark.parametrize(("text", "length"), [("12", 12), ("0", 0), ("", 0), ("-1", 0), ("1e3", 0)])
def test_a_length_is_a_whole_number(text, length):
    """What is none is no length; without the header there is none."""
    assert request(content_length=text).content_length == length
    assert request().content_length == 0


def test_a_type_is_read_without_parameters_and_case():
    """The answer is in the type of the request, in protobuf where that is none of ours."""
    json = request(Content_Type=" Application/JSON ; charset=utf-8")

    assert (json.content_type, json.answer_type) == ("application/json", "application/json")
    assert request(content_type="text/plain").answer_type == "application/x-protobuf"
    assert request().content_type == ""


def test_either_header_names_a_request():
    """The one without `x-` comes first."""
    assert request(x_idempotency_key="a").idempotency == "a"
    assert request(x_idempotency_key="a", idempotency_key="b").idempotency == "b"
    assert request().idempotency == ""


def test_every_authorization_is_kept_and_of_others_the_last():
    """Two of them are two senders."""
    made = Request()
    for value in (b"one", b"two"):
        made.add_header(b"Authorization", value)
        made.add_header(b"X-Other", value)

    assert made.authorization == ["one", "two"]
    assert made.headers[b"x-other"] == b"two"


@pytest.mark.parametrize(("size", "problem"), [(65_536, 0), (65_537, 400)])
def test_a_header_of_64_kib_is_read(size, problem):
    """Names and values together; a byte more is no request that we read."""
    made = request(a="b" * (40_000 - 1))
    made.add_header(b"c" * 1_000, b"d" * (size - 41_000))

    assert (made.problem, made.is_last, made.is_refused) == (problem, bool(problem), bool(problem))


@pytest.mark.parametrize(("size", "problem"), [(8_192, 0), (8_193, 400)])
def test_a_target_of_8_kib_is_read(size, problem):
    """With its query; a byte more is refused."""
    made = Request()
    made.target = b"/" * size

    made.add_header(b"a", b"b")

    assert made.problem == problem


def test_the_first_problem_is_the_one_reported():
    """What follows from it is no news."""
    made = Request()

    made.fail(415)
    made.fail(400)

    assert made.problem == 415
