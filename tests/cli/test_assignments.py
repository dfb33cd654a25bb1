"""What is typed after --set and --tag."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.assignments import read_inputs, read_tags, uuid_of
from cli.errors import Misused

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("option", "fields"),
    [
        ("duration=5", {"duration": 5}),
        ("audio=false", {"audio": False}),
        ("resolution=720p", {"resolution": "720p"}),
        ("aspect_ratio=16:9", {"aspect_ratio": "16:9"}),
        ('quality="2"', {"quality": "2"}),
        ("negative_prompt=a=b", {"negative_prompt": "a=b"}),
        ("negative_prompt=", {"negative_prompt": ""}),
        ("seed=007", {"seed": "007"}),
        ("extra.steps=4", {"extra": {"steps": 4}}),
        ("extra.limit_usd=0.50", {"extra": {"limit_usd": "0.50"}}),
        ("extra.strength=NaN", {"extra": {"strength": "NaN"}}),
        ("extra.strength=Infinity", {"extra": {"strength": "Infinity"}}),
    ],
)
def test_a_value_is_json_where_it_is_json_and_text_elsewhere(option: str, fields: dict[str, Any]) -> None:
    assert read_inputs([option]) == fields


@given(JSON)
def test_any_json_comes_through_as_it_is(value: object) -> None:
    assert read_inputs([f"extra.it={json.dumps(value)}"]) == {"extra": {"it": value}}


@given(st.decimals(min_value=0, max_value=10**6, places=9).map(str))
def test_money_is_never_made_a_number(amount: str) -> None:
    assert read_inputs([f"extra.most_usd={amount}"]) == {"extra": {"most_usd": amount}}


def test_fields_of_one_object_come_together() -> None:
    assert read_inputs(["extra.a=1", "extra.b.c=2", "seed=3"]) == {
        "extra": {"a": 1, "b": {"c": 2}},
        "seed": 3,
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["duration"], "'duration' is not name=value: write it like --set duration=5"),
        (["=5"], "is not name=value"),
        (["extra.=5"], "is not name=value"),
        (["seed=1", "seed=2"], "--set seed is given twice"),
        (["extra=1", "extra.steps=2"], "extra is set to a value already"),
    ],
)
def test_what_is_no_assignment_is_refused(options: list[str], said: str) -> None:
    with pytest.raises(Misused, match=said):
        read_inputs(options)


def test_a_tag_is_text_whatever_it_looks_like() -> None:
    assert read_tags(["client=acme", "order=5", "v1.2=x=y"]) == {
        "client": "acme",
        "order": "5",
        "v1.2": "x=y",
    }


@pytest.mark.parametrize("options", [["client"], ["client=a", "client=b"]])
def test_a_tag_without_a_value_or_given_twice_is_refused(options: list[str]) -> None:
    with pytest.raises(Misused, match="--tag"):
        read_tags(options)


def test_an_id_is_brought_into_its_usual_spelling() -> None:
    assert uuid_of("0199AA0000007000800000000000000f", "job") == "0199aa00-0000-7000-8000-00000000000f"


def test_what_is_no_id_is_not_repeated_for_it_may_be_a_key() -> None:
    with pytest.raises(Misused, match="`darkroom keys list`") as refused:
        uuid_of("dk_secret", "key")
    assert "dk_secret" not in str(refused.value)
