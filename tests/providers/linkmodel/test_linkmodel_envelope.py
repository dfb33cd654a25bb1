"""The LinkModel envelope is read without trust."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.linkmodel.envelope import NotAnEnvelope, plain, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["code", "msg", "message", "request_id", "requestId", "data", "other"])


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b'"success"', b"null", b"0", b'{"code":0', b"\xff\xfe\x00", b'{"code":NaN}'],
)
def test_a_body_that_is_no_json_object_is_not_an_envelope(body: bytes) -> None:
    with pytest.raises(NotAnEnvelope):
        read(body)


def test_a_body_nested_without_end_is_not_an_envelope() -> None:
    with pytest.raises(NotAnEnvelope):
        read(b'{"data":' + b"[" * 200_000)


@given(st.binary())
def test_any_bytes_are_an_envelope_or_are_refused(body: bytes) -> None:
    try:
        envelope = read(body)
    except NotAnEnvelope:
        return
    assert isinstance(envelope.message, str)


@given(st.dictionaries(FIELDS, JSON))
def test_any_json_object_is_read_and_only_a_numeric_zero_is_a_success(body: dict[str, object]) -> None:
    code = body.get("code")
    zero = not isinstance(code, bool) and isinstance(code, int | float) and code == 0

    assert read(json.dumps(body).encode()).ok is zero


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("0", 0),
        ("0.0", 0),
        ("401", 401),
        ("4.01e2", 401),
        ("-1", -1),
        ("0.5", None),
        ("true", None),
        ("false", None),
        ("null", None),
        ('"0"', None),
        ("1e999999", None),
        ("9" * 40, None),
    ],
)
def test_the_code_is_a_json_number_or_nothing(code: str, expected: int | None) -> None:
    assert read(f'{{"code":{code}}}'.encode()).code == expected


def test_a_missing_code_is_not_a_success_whatever_the_message() -> None:
    assert not read(b'{"msg":"success","data":{"task_id":"t"}}').ok


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"msg": "a"}, "a"),
        ({"message": "b"}, "b"),
        ({"msg": "a", "message": "b"}, "a"),
        ({"msg": "", "message": "b"}, ""),
        ({"msg": None, "message": "b"}, "b"),
        ({}, ""),
    ],
)
def test_both_spellings_of_the_message_are_read_and_an_empty_msg_wins(
    body: dict[str, object], message: str
) -> None:
    assert read(json.dumps(body).encode()).message == message


@pytest.mark.parametrize("name", ["request_id", "requestId"])
def test_the_request_id_is_named_beside_the_provider_s_words(name: str) -> None:
    envelope = read(json.dumps({name: "r-1", "msg": "no"}).encode())

    assert envelope.said() == "no (LinkModel request r-1)"
    assert envelope.said("") == "no reason given (LinkModel request r-1)"


def test_numbers_keep_their_decimal_text() -> None:
    assert read(b'{"data":{"price":0.1000000000000000055}}').data["price"] == Decimal("0.1000000000000000055")


@pytest.mark.parametrize("task_id", [None, "", "  ", 7, "a\x00b", "\ud800", ["x"]])
def test_a_task_id_that_cannot_be_kept_is_none(task_id: object) -> None:
    assert read(json.dumps({"data": {"task_id": task_id}}).encode()).task_id is None


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_foreign_text_is_made_printable_and_short(text: str, most: int) -> None:
    shown = plain(text, most)

    assert len(shown) <= most
    assert shown.isprintable()
