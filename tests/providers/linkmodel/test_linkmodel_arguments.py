"""One vocabulary, mapped to LinkModel's bodies and held to each model's limits."""

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Offer
from providers.base import Unsupported
from providers.linkmodel.arguments import arguments
from providers.linkmodel.limits import known_models

PNG = "https://example.com/in.png"
END = "https://example.com/end.png"
NOTHING: Mapping[str, object] = MappingProxyType({})
MODELS = [(kind, model) for kind in Kind for model in known_models(kind)]


def body(
    kind: Kind, model: str, defaults: Mapping[str, object] = NOTHING, **fields: object
) -> dict[str, Any]:
    offer = Offer(model, kind, "linkmodel", model, defaults=defaults)
    return arguments(offer, GenerationInput.model_validate({"prompt": "a kite", **fields}))


def image(model: str, **fields: object) -> dict[str, Any]:
    return body(Kind.IMAGE, model, NOTHING, **fields)


def video(model: str, **fields: object) -> dict[str, Any]:
    return body(Kind.VIDEO, model, NOTHING, **fields)


def refusal(kind: Kind, model: str, **fields: object) -> Unsupported:
    with pytest.raises(Unsupported) as caught:
        body(kind, model, NOTHING, **fields)
    return caught.value


def test_a_full_kling_request_nests_what_belongs_in_extends() -> None:
    assert video(
        "kling-v3",
        negative_prompt="blur",
        image_url=PNG,
        last_image_url=END,
        aspect_ratio="9:16",
        resolution="1080p",
        duration=10,
        audio=True,
        extra={"extends": {"cfg_scale": 0.7}, "seen": [1]},
    ) == {
        "prompt": "a kite",
        "first_frame_image": PNG,
        "last_frame_image": END,
        "size": "9x16",
        "resolution": "1080P",
        "duration": 10,
        "extends": {"negative_prompt": "blur", "audio": True, "cfg_scale": 0.7},
        "seen": [1],
    }


def test_a_silent_kling_request_says_its_defaults_so_that_the_quote_holds() -> None:
    assert video("kling-v3") == {
        "prompt": "a kite",
        "resolution": "720P",
        "duration": 5,
        "extends": {"audio": False},
    }


def test_what_the_offer_was_quoted_for_goes_before_the_provider_s_defaults() -> None:
    quoted = {"resolution": "1080p", "duration": 8, "quality": "high"}

    sent = body(Kind.VIDEO, "kling-v3", quoted)

    assert (sent["resolution"], sent["duration"]) == ("1080P", 8)
    assert "quality" not in sent
    assert body(Kind.VIDEO, "kling-v3", quoted, duration=3)["duration"] == 3


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        ("seedream-4.5", {"aspect_ratio": "16:9", "count": 4}, {"size": "16x9", "max_images": 4}),
        ("seedream-4.5", {"image_url": PNG}, {"images": [PNG]}),
        ("seedream-4.5", {"image_url": [PNG, END]}, {"images": [PNG, END]}),
        ("seedream-4.5", {"quality": "2k"}, {"quality": "2K"}),
        ("seedream-5.0-pro", {"size": "1234x567"}, {"size": "1234x567"}),
        ("gpt-image-2", {"aspect_ratio": "16:9"}, {"size": "1536x864"}),
        ("gpt-image-2", {"size": "auto"}, {"size": "auto"}),
        ("gpt-image-2", {"size": "1792x1024"}, {"size": "1792x1024"}),
        ("gpt-image-2", {}, {"quality": "medium"}),
        ("gemini-3.1-flash-image", {"size": "4:5"}, {"size": "4x5"}),
        ("gemini-3.1-flash-image", {"size": "4x5", "aspect_ratio": "4:5"}, {"size": "4x5"}),
    ],
)
def test_images_are_asked_for_in_the_model_s_own_spelling(
    model: str, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert expected.items() <= image(model, **fields).items()


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        ("happyhorse-1.0", {"aspect_ratio": "4:5"}, {"size": "4:5"}),
        ("happyhorse-1.0", {"image_url": [PNG, END]}, {"images": [PNG, END]}),
        ("happyhorse-1.0", {"image_url": PNG}, {"first_frame_image": PNG}),
        ("seedance-2-5", {"image_url": [PNG]}, {"image_list": [PNG]}),
        ("seedance-2-5", {"size": "adaptive"}, {"size": "adaptive"}),
        ("seedance-2-0", {"image_url": [PNG]}, {"first_frame_image": PNG}),
        ("seedance-2-0", {"resolution": "4k"}, {"resolution": "4K"}),
        ("sora-2", {"aspect_ratio": "9:16"}, {"size": "720x1280"}),
        ("sora-2", {"size": "1280x720", "duration": 12}, {"size": "1280x720", "duration": 12}),
        ("MiniMax-Hailuo-02", {"resolution": "512p", "image_url": PNG}, {"resolution": "512P"}),
        ("MiniMax-Hailuo-02", {"last_image_url": END}, {"last_frame_image": END, "resolution": "768P"}),
        ("MiniMax-Hailuo-2.3", {"duration": 10}, {"duration": 10, "resolution": "768P"}),
        ("wan2.6", {"duration": 15}, {"duration": 15, "resolution": "720P"}),
    ],
)
def test_videos_are_asked_for_in_the_model_s_own_spelling(
    model: str, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert expected.items() <= video(model, **fields).items()


@pytest.mark.parametrize(("kind", "model"), MODELS)
def test_an_empty_list_of_images_is_not_sent(kind: Kind, model: str) -> None:
    assert body(kind, model, image_url=[]) == body(kind, model)


def test_an_unknown_video_model_gets_the_usual_names_without_limits() -> None:
    assert video(
        "kling-v9",
        prompt="x" * 9000,
        negative_prompt="blur",
        image_url=[PNG],
        last_image_url=END,
        aspect_ratio="32:9",
        resolution="8k",
        duration=90,
        audio=True,
        count=1,
        extra={"extends": "untouched"},
    ) == {
        "prompt": "x" * 9000,
        "first_frame_image": PNG,
        "last_frame_image": END,
        "size": "32x9",
        "resolution": "8K",
        "duration": 90,
        "extends": "untouched",
    }


def test_an_unknown_image_model_gets_the_usual_names_without_limits() -> None:
    assert image("seedream-9", image_url=PNG, quality="8K", size="9000x9000", count=99) == {
        "prompt": "a kite",
        "images": [PNG],
        "quality": "8K",
        "size": "9000x9000",
        "max_images": 99,
    }


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        (Kind.IMAGE, {"seed": 1}, "seed"),
        (Kind.IMAGE, {"duration": 5}, "duration"),
        (Kind.VIDEO, {"quality": "high"}, "quality"),
        (Kind.VIDEO, {"count": 2}, "count"),
        (Kind.VIDEO, {"image_url": [PNG, END]}, "image_url"),
    ],
)
def test_what_no_linkmodel_model_is_known_to_take_is_refused_for_unknown_ones_too(
    kind: Kind, fields: dict[str, Any], field: str
) -> None:
    assert refusal(kind, "new-model", **fields).field == field


INPUTS = st.fixed_dictionaries(
    {"prompt": st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1)},
    optional={
        "negative_prompt": st.sampled_from(["", "blur"]),
        "image_url": st.sampled_from([PNG, [], [PNG], [PNG, END]]),
        "last_image_url": st.just(END),
        "aspect_ratio": st.sampled_from(["16:9", "1:1", "4:5", "99:1"]),
        "resolution": st.sampled_from(["512p", "720p", "768P", "1080p", "4k"]),
        "duration": st.integers(1, 40),
        "size": st.sampled_from(["auto", "16x9", "16:9", "1024x1024", "1280x720", "9x9"]),
        "count": st.integers(1, 20),
        "seed": st.integers(0, 9),
        "quality": st.sampled_from(["low", "1K", "2k", "4K", "best"]),
        "audio": st.booleans(),
        "extra": st.dictionaries(st.sampled_from(["videos", "extends", "other"]), st.just([PNG])),
    },
)


@given(st.sampled_from([*MODELS, (Kind.IMAGE, "new"), (Kind.VIDEO, "new")]), INPUTS)
def test_every_input_is_mapped_or_refused_by_a_field_that_was_given_or_is_needed(
    target: tuple[Kind, str], fields: dict[str, Any]
) -> None:
    before = copy.deepcopy(fields)
    try:
        sent, refused = body(*target, NOTHING, **fields), None
    except Unsupported as error:
        sent, refused = {}, error
    assert fields == before
    if refused is not None:
        assert refused.field.split(".")[0] in {*fields, "image_url", "duration", "resolution"}
        return
    assert [] not in sent.values()
    assert sent["prompt"] == fields["prompt"]
    assert fields.get("extra", {}).items() <= sent.items()
