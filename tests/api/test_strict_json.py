"""Reading JSON strictly."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.strict_json import MAX_DEPTH, NotJsonError, UnkeepableError, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)


@settings(max_examples=50)
@given(st.dictionaries(TEXT, VALUES))
def test_what_can_be_kept_is_read_exactly(document: dict[str, Any]) -> None:
    assert parse(json.dumps(document).encode()) == document
    assert parse(json.dumps(document, ensure_ascii=False).encode("utf-8-sig")) == document


@given(st.binary())
def test_any_bytes_are_an_object_or_a_refusal(raw: bytes) -> None:
    with suppress(NotJsonError, UnkeepableError):
        assert isinstance(parse(raw), dict)


@given(
    st.integers(min_value=1, max_value=MAX_DEPTH - 1),
    st.sampled_from(["NaN", "-Infinity", "1e400", '"\\u0000"']),
)
def test_what_cannot_be_kept_is_named_at_any_depth(depth: int, bad: str) -> None:
    raw = '{"a":' * depth + bad + "}" * depth
    with pytest.raises(UnkeepableError) as refusal:
        parse(raw.encode())
    assert [field for field, _ in refusal.value.problems] == [".".join("a" * depth)]


PIECES = ("{", "}", "[", "]", ",", ":", '"a"', '"b"', "1", '"NaN"', "[" * 70)
UNKEPT = ('"\\ud800"', '"\\u0000"', "1e400", "9" * 310, "1E-9", "NaN", "-Infinity", "1.5e+999")


@given(st.lists(st.sampled_from(PIECES + UNKEPT), max_size=8))
def test_a_body_that_looks_plain_has_no_problem(inside: list[str]) -> None:
    raw = "".join(inside)
    for text in (f'{{"x": {raw}}}', f'{{"x": [{raw}]}}', f'{{"x": "{raw}"}}'):
        with suppress(NotJsonError, UnkeepableError):
            # A byte that is never plain has every place looked at.
            assert parse(text.encode()) == parse(text.replace('{"x"', '{"\\u0078"', 1).encode())


def test_the_deepest_document_is_read_and_the_next_is_not() -> None:
    inside = '{"a":' * (MAX_DEPTH - 1)
    assert parse(f"{inside}1{'}' * (MAX_DEPTH - 1)}".encode())
    with pytest.raises(UnkeepableError, match="deeper than 64 levels"):
        parse(f"{inside}[1]{'}' * (MAX_DEPTH - 1)}".encode())


def test_many_problems_are_told_together_up_to_twenty() -> None:
    with pytest.raises(UnkeepableError) as refusal:
        parse(json.dumps({f"field{n}": "\0" for n in range(100)}).encode())
    assert [field for field, _ in refusal.value.problems] == [f"field{n}" for n in range(20)]


def test_numbers_stay_what_they_were() -> None:
    document = parse(b'{"whole": 123456789012345678901234567890, "real": 0.1, "zero": -0.0}')
    assert document["whole"] == 123456789012345678901234567890
    assert isinstance(document["whole"], int)
    assert math.copysign(1, document["zero"]) == -1
