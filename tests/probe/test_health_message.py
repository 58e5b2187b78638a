"""The two messages, held against those that protoc's own library makes and reads."""

import pytest
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from hypothesis import given
from hypothesis import strategies as st

from gtm.probe.health_message import SERVING, STATUSES, compose_request, parse_response

INT32 = st.integers(-(2**31), 2**31 - 1)


def framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4) + message


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_a_request_is_the_one_of_protobuf(service: str) -> None:
    expected = health_pb2.HealthCheckRequest(service=service).SerializeToString()
    assert compose_request(service) == framed(expected)


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_a_status_is_read(status: int) -> None:
    message = health_pb2.HealthCheckResponse(status=status)
    assert parse_response(framed(message.SerializeToString())) == status


def test_the_names_are_those_of_the_protocol() -> None:
    assert dict(health_pb2.HealthCheckResponse.ServingStatus.items()) == {name: n for n, name in STATUSES.items()}
    assert STATUSES[SERVING] == "SERVING"


def test_fields_of_a_newer_protocol_are_passed_over() -> None:
    newer = b"\x12\x03abc" + b"\x1d1234" + b"\x2112345678" + b"\x28\x96\x01" + b"\x08\x01"
    assert parse_response(framed(newer)) == SERVING


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0\0\0", id="half a prefix"),
        pytest.param(b"\1\0\0\0\2\x08\x01", id="compressed"),
        pytest.param(b"\0\0\0\0\3\x08\x01", id="shorter than it says"),
        pytest.param(b"\0\0\0\0\1\x08\x01", id="longer than it says"),
        pytest.param(framed(b"\x08"), id="a tag without a value"),
        pytest.param(framed(b"\x08" + b"\x80" * 10), id="a number without an end"),
        pytest.param(framed(b"\x12\x7fabc"), id="a field that ends beyond the message"),
        pytest.param(framed(b"\x0b\x08\x01"), id="a group"),
    ],
)
def test_anything_else_is_no_response(wrong: bytes) -> None:
    assert parse_response(wrong) is None


@given(st.binary(max_size=40))
def test_what_is_read_is_what_protobuf_reads(message: bytes) -> None:
    ours = parse_response(framed(message))
    theirs = health_pb2.HealthCheckResponse()
    try:
        theirs.ParseFromString(message)
    except DecodeError:
        return  # they also look into what is passed over here
    if ours is not None and ours < 2**31:
        assert theirs.status == ours
