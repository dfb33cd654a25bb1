"""What is wrong with a request, in sentences."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from api.complaints import complaints
from api.fields import field_names
from domain.generation import JobRequest

GOOD = {"model": "kling-v3", "input": {"prompt": "a red kite"}}


def faults(document: dict[str, Any], model: type[BaseModel] = JobRequest) -> dict[str, str]:
    with pytest.raises(ValidationError) as wrong:
        model.model_validate(document)
    found = complaints(wrong.value.errors(include_url=False), document, model)
    return {fault["field"]: fault["message"] for fault in found}


def inputs(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return GOOD | {"input": {"prompt": "x"} | fields}


@pytest.mark.parametrize(
    ("document", "field", "message"),
    [
        ({"input": {"prompt": "x"}}, "model", "is required"),
        ({"model": "m", "input": {}}, "input.prompt", "is required"),
        (GOOD | {"input": "x"}, "input", "must be an object"),
        (GOOD | {"model": 5}, "model", "must be text"),
        (GOOD | {"model": ""}, "model", "must not be empty"),
        (GOOD | {"tags": []}, "tags", "must be an object"),
        (GOOD | {"tags": {"a": "x" * 257}}, "tags.a", "must have at most 256 characters"),
        (
            GOOD | {"tags": {"no spaces": "x"}},
            "tags.no spaces",
            "its name must be 1 to 64 letters, digits or any of _ . -",
        ),
        (GOOD | {"tags": {f"t{n}": "" for n in range(51)}}, "tags", "must have at most 50 entries"),
        (GOOD | {"kind": "audio"}, "kind", "must be 'image' or 'video'"),
        (GOOD | {"routing": {"provider": "x"}}, "routing.provider", "must be 'auto', 'linkmodel' or 'fal'"),
        (GOOD | {"routing": {"fallback": "perhaps"}}, "routing.fallback", "must be true or false"),
        (GOOD | {"callback_url": "ftp://x"}, "callback_url", "must be a URL that begins with https://"),
        (inputs(duration=2.5), "input.duration", "must be a whole number"),
        (inputs(duration="long"), "input.duration", "must be a whole number"),
        (inputs(duration=None, count=0), "input.count", "must be 1 or more"),
        (inputs(seed=2**63), "input.seed", "must be less than 9223372036854775808"),
        (
            inputs(loras=[{"path": "p"}, {"path": "p", "scale": 5}]),
            "input.loras.1.scale",
            "must be 4 or less",
        ),
        (inputs(loras=[{}]), "input.loras.0.path", "is required"),
        (inputs(image_url=5), "input.image_url", "must be text, or must be a list"),
        (inputs(image_url=["https://a", 5]), "input.image_url.1", "must be text"),
        (inputs(image_url={"url": "https://a"}), "input.image_url", "must be text, or must be a list"),
        (GOOD | {"colour": 1}, "colour", "is not known: known here are model, input, kind, routing"),
        (GOOD | {"modle": 1}, "modle", "is not known: did you mean model?"),
        (GOOD | {"duration": 5}, "duration", "is not known: it belongs in input: give input.duration"),
        (inputs(policy="x"), "input.policy", "is not known: it belongs in routing: give routing.policy"),
        (inputs(model="x"), "input.model", "it belongs in the request itself: give model"),
        (inputs(cfg_scale=1), "input.cfg_scale", "the provider's own parameters go into input.extra"),
        (inputs(loras=[{"path": "p", "scal": 1}]), "input.loras.0.scal", "is not known: did you mean scale?"),
    ],
)
def test_each_fault_has_its_field_and_what_would_be_right(
    document: dict[str, Any], field: str, message: str
) -> None:
    found = faults(document)
    assert list(found) == [field]
    assert message in found[field]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["prompt", "path", "scale", "x", "0"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {"input": JSON | st.fixed_dictionaries({"image_url": JSON, "loras": JSON})},
        optional={"routing": JSON, "tags": JSON},
    )
)
def test_every_fault_points_into_the_document(document: dict[str, Any]) -> None:
    for field, message in faults(document).items():
        at: Any = document
        *parents, last = field.split(".")
        for name in parents:
            at = at[int(name)] if isinstance(at, list) else at[name]
        assert message == "is required" or (int(last) < len(at) if isinstance(at, list) else last in at)


@pytest.mark.parametrize(
    ("parent", "some"), [("", "model"), ("input", "prompt"), ("routing", "policy"), ("input.loras.0", "path")]
)
def test_the_fields_of_every_object_are_known(parent: str, some: str) -> None:
    assert some in field_names(JobRequest, parent)


def test_without_a_model_a_stranger_is_only_named() -> None:
    with pytest.raises(ValidationError) as wrong:
        JobRequest.model_validate(GOOD | {"x": 1})
    assert complaints(wrong.value.errors(), GOOD | {"x": 1}) == [{"field": "x", "message": "is not known"}]


def test_a_complaint_that_has_no_sentence_keeps_the_librarys_own() -> None:
    class Odd(BaseModel):
        at: bytes

    assert faults({"at": 5}, Odd) == {"at": "Input should be a valid bytes"}
