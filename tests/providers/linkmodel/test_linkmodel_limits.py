"""Each LinkModel model's limits hold before anything is sent."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Offer
from providers.base import Unsupported
from providers.linkmodel.arguments import arguments
from providers.linkmodel.limits import known_models, limits_of

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


def refusal(kind: Kind, model: str, **fields: object) -> Unsupported:
    with pytest.raises(Unsupported) as caught:
        body(kind, model, NOTHING, **fields)
    return caught.value


def test_the_whole_published_list_is_known() -> None:
    assert len(known_models(Kind.IMAGE)) == 11
    assert len(known_models(Kind.VIDEO)) == 8


@pytest.mark.parametrize(
    ("model", "fields", "field", "says"),
    [
        ("gpt-image-2", {"prompt": "x" * 32_001}, "prompt", "32000"),
        ("gpt-image-2", {"count": 2}, "count", "at most 1"),
        ("gpt-image-2", {"quality": "4K"}, "quality", "low or medium or high"),
        ("gpt-image-2", {"aspect_ratio": "5:1"}, "aspect_ratio", "16:9"),
        ("gpt-image-2", {"size": "1000x1000"}, "size", "multiples of 16"),
        ("gpt-image-2", {"size": "4096x2048"}, "size", "3840"),
        ("gpt-image-2", {"size": "3840x1024"}, "size", "3:1"),
        ("gpt-image-2", {"size": "512x512"}, "size", "655360"),
        ("gpt-image-2", {"size": "3840x3840"}, "size", "8294400"),
        ("gpt-image-2", {"size": "large"}, "size", "WIDTHxHEIGHT"),
        ("gpt-image-2", {"image_url": [PNG] * 11}, "image_url", "at most 10"),
        ("seedream-4.5", {"count": 16}, "count", "at most 15"),
        ("seedream-4.5", {"size": "4x5"}, "size", "16x9"),
        ("seedream-4.5", {"size": "16x9", "aspect_ratio": "1:1"}, "size", "not both"),
        ("seedream-4.5", {"resolution": "1080p"}, "resolution", "leave it out"),
        ("seedream-4.5", {"duration": 5}, "duration", "leave it out"),
        ("seedream-4.5", {"last_image_url": END}, "last_image_url", "leave it out"),
        ("seedream-4.5", {"negative_prompt": "blur"}, "negative_prompt", "leave it out"),
        ("seedream-4.5", {"audio": False}, "audio", "leave it out"),
        ("seedream-4.5", {"seed": 1}, "seed", "leave it out"),
        ("seedream-4.5", {"loras": [{"path": "p"}]}, "loras", "leave it out"),
        ("seedream-5.0-pro", {"count": 2}, "count", "at most 1"),
        ("gemini-2.5-flash-image", {"quality": "2K"}, "quality", "1K"),
        ("seedream-4.5", {"extra": {"model": "seedream-4.0"}}, "extra.model", "linkmodel:ID"),
    ],
)
def test_an_image_that_the_model_cannot_make_is_refused_by_field(
    model: str, fields: dict[str, Any], field: str, says: str
) -> None:
    refused = refusal(Kind.IMAGE, model, **fields)

    assert refused.field == field
    assert says in refused.reason


@pytest.mark.parametrize(
    ("model", "fields", "field", "says"),
    [
        ("kling-v3", {"prompt": "x" * 2501}, "prompt", "2500"),
        ("kling-v3", {"negative_prompt": "x" * 2501}, "negative_prompt", "2500"),
        ("kling-v3", {"duration": 16}, "duration", "3 to 15 s"),
        ("kling-v3", {"resolution": "4k"}, "resolution", "720P or 1080P"),
        ("kling-v3", {"aspect_ratio": "4:3"}, "aspect_ratio", "16:9"),
        ("kling-v3", {"last_image_url": END}, "image_url", "needs it with last_image_url"),
        ("kling-v3", {"image_url": [PNG, END]}, "image_url", "at most 1"),
        ("kling-v3", {"count": 2}, "count", "at most 1"),
        ("kling-v3", {"quality": "high"}, "quality", "leave it out"),
        ("sora-2", {"duration": 10}, "duration", "4 or 8 or 12 s"),
        ("sora-2", {"size": "16x9"}, "size", "1280x720"),
        ("sora-2", {"audio": True}, "audio", "leave it out"),
        ("wan2.6", {"aspect_ratio": "16:9"}, "aspect_ratio", "leave it out"),
        ("wan2.6", {"size": "16x9"}, "size", "leave it out"),
        ("happyhorse-1.0", {"image_url": [PNG] * 10}, "image_url", "at most 9"),
        ("MiniMax-Hailuo-2.3", {"resolution": "1080p", "duration": 10}, "duration", "6 with resolution"),
        ("MiniMax-Hailuo-02", {"resolution": "1080p", "duration": 10}, "duration", "6 with resolution"),
        ("MiniMax-Hailuo-02", {"resolution": "512p"}, "image_url", "with resolution 512P"),
        (
            "MiniMax-Hailuo-02",
            {"resolution": "512p", "image_url": PNG, "last_image_url": END},
            "resolution",
            "768P or 1080P with last_image_url",
        ),
        ("seedance-2-0", {"extra": {"videos": [PNG] * 4}}, "extra.videos", "1 to 3"),
        ("seedance-2-5", {"extra": {"audio_list": []}}, "extra.audio_list", "leave it out"),
    ],
)
def test_a_video_that_the_model_cannot_make_is_refused_by_field(
    model: str, fields: dict[str, Any], field: str, says: str
) -> None:
    refused = refusal(Kind.VIDEO, model, **fields)

    assert refused.field == field
    assert says in refused.reason


@pytest.mark.parametrize(("kind", "model"), MODELS)
def test_the_published_defaults_are_within_the_model_s_own_limits(kind: Kind, model: str) -> None:
    limits = limits_of(kind, model)
    assert limits is not None

    sent = body(kind, model)

    assert {"duration", "resolution", "quality"} & limits.defaults.keys() <= sent.keys()


@pytest.mark.parametrize("ratio", ["1:1", "2:3", "3:2", "3:4", "4:3", "16:9", "9:16"])
def test_the_pixels_that_stand_for_a_ratio_have_that_ratio_and_keep_the_rule(ratio: str) -> None:
    width, height = map(int, image("gpt-image-2", aspect_ratio=ratio)["size"].split("x"))
    across, down = map(int, ratio.split(":"))

    assert width * down == height * across
    assert width % 16 == height % 16 == 0
    assert 655_360 <= width * height <= 1536 * 1024
