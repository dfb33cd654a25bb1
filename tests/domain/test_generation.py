"""What a customer may ask for: the vocabulary, its limits, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.generation import GenerationInput, JobRequest, Policy, Priority, Routing
from domain.money import MAX_NANO_USD, format_usd


def _fields_refused(error: ValidationError) -> set[str]:
    return {".".join(str(part) for part in each["loc"]) for each in error.errors()}


def test_a_model_and_a_prompt_are_enough() -> None:
    request = JobRequest.model_validate({"model": "kling-v3", "input": {"prompt": "a red kite"}})
    assert request.routing == Routing()
    assert request.routing.policy is Policy.CHEAPEST
    assert request.priority is Priority.NORMAL
    assert request.kind is None
    assert request.tags == {}


def test_given_names_what_the_customer_set_and_leaves_extra_out() -> None:
    asked = GenerationInput(prompt="a kite", duration=5, audio=False, extra={"cfg_scale": 0.5})
    assert asked.given() == {"prompt": "a kite", "duration": 5, "audio": False}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", ""),
        ("prompt", "a\x00b"),
        ("negative_prompt", "a\x00b"),
        ("negative_prompt", "x" * 20_001),
        ("image_url", "file:///etc/passwd"),
        ("last_image_url", "ftp://example.com/a.png"),
        ("aspect_ratio", "wide"),
        ("aspect_ratio", "16x9"),
        ("resolution", "720 p"),
        ("duration", 0),
        ("duration", 601),
        ("duration", 2.5),
        ("duration", "5"),
        ("duration", True),
        ("audio", "yes"),
        ("count", 0),
        ("count", 101),
        ("seed", -1),
        ("seed", 2**63),
        ("loras", [{"path": ""}]),
        ("loras", [{"path": "a"}] * 21),
        ("loras", [{"path": "a", "scale": "5"}]),
        ("fps", 24),
    ],
)
def test_an_input_outside_its_limits_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        GenerationInput.model_validate({"prompt": "a kite"} | {field: value})
    assert all(name.startswith(field) for name in _fields_refused(refused.value))


@pytest.mark.parametrize(
    "value",
    ["https://example.com/a.png", ["https://example.com/a.png", "http://example.com/b.png"]],
)
def test_one_image_or_several_may_be_given(value: str | list[str]) -> None:
    assert GenerationInput(prompt="a kite", image_url=value).image_url == value


def test_seeds_keep_every_digit() -> None:
    assert GenerationInput(prompt="a kite", seed=196_619_188_014_358_661).seed == 196_619_188_014_358_661


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("provider", "replicate"),
        ("policy", "luckiest"),
        ("policy", ["cheapest", "luckiest"]),
        ("policy", []),
        ("policy", ["cheapest", "cheapest"]),
        ("split", {}),
        ("split", {"fal": -1, "linkmodel": 1}),
        ("split", {"fal": 1.5}),
        ("split", {"replicate": 1}),
        ("max_cost_usd", "0,50"),
        ("max_cost_usd", "-1"),
        ("max_cost_usd", 0.5),
        ("start_timeout", 1),
        ("start_timeout", 86_401),
        ("hint", "two words"),
        ("object_lifetime", 59),
        ("budget", "1"),
    ],
)
def test_routing_outside_its_limits_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        Routing.model_validate({field: value})
    assert {name.split(".")[0] for name in _fields_refused(refused.value)} == {field}


def test_policies_are_given_as_one_or_in_their_order() -> None:
    assert Routing(policy=Policy.FASTEST).policies == (Policy.FASTEST,)
    several = Routing.model_validate({"policy": ["predictable", "cheapest"]})
    assert several.policies == (Policy.PREDICTABLE, Policy.CHEAPEST)
    assert several.model_dump(mode="json")["policy"] == ["predictable", "cheapest"]


def test_a_split_needs_providers_to_choose_from() -> None:
    split = {"linkmodel": 80, "fal": 20}
    assert Routing.model_validate({"split": split}).model_dump(mode="json")["split"] == split
    with pytest.raises(ValidationError, match="goes with provider auto"):
        Routing.model_validate({"split": split, "provider": "fal"})


def test_what_is_not_to_be_kept_is_not_kept_for_long() -> None:
    assert Routing(zero_retention=True, object_lifetime=86_400).object_lifetime == 86_400
    assert Routing(object_lifetime=86_401).object_lifetime == 86_401
    with pytest.raises(ValidationError, match="must be 86400 or less with zero_retention"):
        Routing(zero_retention=True, object_lifetime=86_401)


def test_without_a_ceiling_there_is_no_amount() -> None:
    assert Routing().max_cost_nano is None


@given(st.integers(0, MAX_NANO_USD))
def test_a_ceiling_keeps_every_nano_dollar(nano: int) -> None:
    assert Routing(max_cost_usd=format_usd(nano)).max_cost_nano == nano


@pytest.mark.parametrize(
    ("tags", "good"),
    [
        ({"client": "acme", "campaign.q4": ""}, True),
        ({"a b": "x"}, False),
        ({"k" * 65: "x"}, False),
        ({"k": "x" * 257}, False),
        ({f"k{n}": "x" for n in range(51)}, False),
    ],
)
def test_tags_are_short_names_with_short_values(tags: dict[str, str], *, good: bool) -> None:
    body = {"model": "sora-2", "input": {"prompt": "a kite"}, "tags": tags}
    if good:
        assert JobRequest.model_validate(body).tags == tags
        return
    with pytest.raises(ValidationError, match="tags"):
        JobRequest.model_validate(body)


def test_an_unknown_field_of_a_request_is_an_error() -> None:
    with pytest.raises(ValidationError, match="webhook"):
        JobRequest.model_validate({"model": "sora-2", "input": {"prompt": "a"}, "webhook": "https://a.b"})


def test_high_priority_goes_before_normal_and_low() -> None:
    assert sorted(Priority, key=lambda one: one.rank) == [Priority.HIGH, Priority.NORMAL, Priority.LOW]
