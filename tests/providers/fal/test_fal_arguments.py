"""One vocabulary of inputs, written as each family of endpoints at fal wants it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Offer
from providers.base import Unsupported
from providers.fal import FalProvider
from providers.fal.arguments import arguments
from providers.fal.families import ANY, FAMILIES

URL = "https://in.example/a.png"
KLING = "fal-ai/kling-video/v3/standard"
LUMA = "fal-ai/luma-dream-machine/ray-2"


@pytest.mark.parametrize(
    ("endpoint", "given_input", "body"),
    [
        ("fal-ai/flux/dev", {}, {}),
        (
            "fal-ai/flux/schnell",
            {"size": "1024x768", "count": 4, "seed": 2**60},
            {"image_size": {"width": 1024, "height": 768}, "num_images": 4, "seed": 2**60},
        ),
        ("fal-ai/flux-pro/v1.1", {"size": "square_hd"}, {"image_size": "square_hd"}),
        ("fal-ai/flux/dev", {"aspect_ratio": "9:16"}, {"image_size": "portrait_16_9"}),
        ("fal-ai/flux/dev", {"audio": False, "count": 1, "loras": []}, {"num_images": 1}),
        ("fal-ai/flux/dev/image-to-image", {"image_url": [URL]}, {"image_url": URL}),
        ("fal-ai/flux-pro/v1.1-ultra", {"aspect_ratio": "21:9"}, {"aspect_ratio": "21:9"}),
        (
            "fal-ai/flux-lora",
            {"loras": [{"path": "https://w.example/x", "scale": 0.75}, {"path": "y"}]},
            {"loras": [{"path": "https://w.example/x", "scale": 0.75}, {"path": "y", "scale": 1}]},
        ),
        (
            "fal-ai/fast-sdxl",
            {"negative_prompt": "fog", "count": 8},
            {"negative_prompt": "fog", "num_images": 8},
        ),
        ("fal-ai/lora", {"extra": {"model_name": "m"}}, {"model_name": "m"}),
        ("fal-ai/stable-diffusion-v35-large", {"negative_prompt": "fog"}, {"negative_prompt": "fog"}),
        (f"{KLING}/text-to-video", {}, {"generate_audio": False}),
        (f"{KLING}/text-to-video", {"audio": False}, {"generate_audio": False}),
        (
            f"{KLING}/text-to-video",
            {"audio": True, "duration": 15, "aspect_ratio": "1:1", "negative_prompt": "fog"},
            {"generate_audio": True, "duration": "15", "aspect_ratio": "1:1", "negative_prompt": "fog"},
        ),
        (
            "fal-ai/kling-video/v3/pro/image-to-video",
            {"image_url": URL, "last_image_url": URL},
            {"start_image_url": URL, "end_image_url": URL, "generate_audio": False},
        ),
        (
            f"{KLING}/text-to-video",
            {"resolution": "720P", "duration": 5},
            {"duration": "5", "generate_audio": False},
        ),
        (
            f"{KLING}/image-to-video",
            {"extra": {"start_image_url": "data:x"}},
            {"start_image_url": "data:x", "generate_audio": False},
        ),
        (f"{KLING}/text-to-video", {"extra": {"generate_audio": True}}, {"generate_audio": True}),
        (
            LUMA,
            {"duration": 9, "resolution": "1080p", "aspect_ratio": "9:21", "extra": {"loop": True}},
            {"duration": "9s", "resolution": "1080p", "aspect_ratio": "9:21", "loop": True},
        ),
        (f"{LUMA}-flash/image-to-video", {"image_url": URL}, {"image_url": URL}),
        (
            "acme/my-model/v2",
            {
                "negative_prompt": "fog",
                "image_url": URL,
                "last_image_url": URL,
                "aspect_ratio": "2:1",
                "resolution": "4K",
                "duration": 600,
                "size": "640x480",
                "count": 100,
                "seed": 0,
                "quality": "best",
                "audio": False,
                "loras": [{"path": "p"}],
            },
            {
                "negative_prompt": "fog",
                "image_url": URL,
                "end_image_url": URL,
                "aspect_ratio": "2:1",
                "resolution": "4K",
                "duration": 600,
                "image_size": {"width": 640, "height": 480},
                "num_images": 100,
                "seed": 0,
                "quality": "best",
                "generate_audio": False,
                "loras": [{"path": "p", "scale": 1}],
            },
        ),
        ("acme/my-model", {"image_url": [URL, URL]}, {"image_urls": [URL, URL]}),
        ("acme/my-model", {"size": "portrait_huge"}, {"image_size": "portrait_huge"}),
        ("acme/my-model", {}, {}),
    ],
)
def test_the_body_is_what_the_endpoint_takes(
    endpoint: str, given_input: dict[str, Any], body: dict[str, Any]
) -> None:
    made = arguments(endpoint, GenerationInput(prompt="a heron", **given_input))
    assert made == {"prompt": "a heron"} | body
    json.dumps(made)


@pytest.mark.parametrize(
    ("endpoint", "given_input", "field", "takes"),
    [
        ("fal-ai/flux/dev", {"count": 5}, "count", "1 to 4"),
        ("fal-ai/flux/dev", {"size": "huge"}, "size", "square_hd"),
        ("fal-ai/flux/dev", {"size": "0x10"}, "size", "WIDTHxHEIGHT"),
        ("fal-ai/flux/dev", {"aspect_ratio": "21:9"}, "aspect_ratio", "16:9"),
        ("fal-ai/flux/dev", {"size": "square", "aspect_ratio": "1:1"}, "size", "image_size"),
        ("fal-ai/flux/dev", {"negative_prompt": "fog"}, "negative_prompt", "it takes prompt"),
        ("fal-ai/flux/dev", {"loras": [{"path": "p"}]}, "loras", "it takes prompt"),
        ("fal-ai/flux/dev", {"image_url": URL}, "image_url", "it takes prompt"),
        ("fal-ai/flux/dev", {"audio": True}, "audio", "does not take it"),
        ("fal-ai/flux/dev", {"duration": 5}, "duration", "does not take it"),
        ("fal-ai/flux/dev/image-to-image", {}, "image_url", "cannot run without image_url"),
        ("fal-ai/flux/dev/image-to-image", {"image_url": [URL, URL]}, "image_url", "one image, not 2"),
        ("fal-ai/lora", {}, "extra", "model_name"),
        (f"{KLING}/text-to-video", {"duration": 2}, "duration", "3 to 15, not 2"),
        (f"{KLING}/text-to-video", {"duration": 16}, "duration", "3 to 15"),
        (f"{KLING}/text-to-video", {"aspect_ratio": "4:3"}, "aspect_ratio", "16:9, 9:16, 1:1"),
        (f"{KLING}/text-to-video", {"prompt": "x" * 2501}, "prompt", "2500 characters, not 2501"),
        (f"{KLING}/text-to-video", {"resolution": "1080p"}, "resolution", "makes 720p and nothing else"),
        (f"{KLING}/text-to-video", {"count": 2}, "count", "does not take it"),
        (f"{KLING}/text-to-video", {"seed": 1}, "seed", "does not take it"),
        (f"{KLING}/image-to-video", {}, "image_url", "start_image_url"),
        (LUMA, {"duration": 6}, "duration", "takes 5, 9, not 6"),
        (LUMA, {"resolution": "4k"}, "resolution", "540p, 720p, 1080p"),
        (LUMA, {"audio": True}, "audio", "does not take it"),
        ("kling", {}, "model", "owner/app"),
    ],
)
def test_what_cannot_be_honoured_is_named(
    endpoint: str, given_input: dict[str, Any], field: str, takes: str
) -> None:
    with pytest.raises(Unsupported) as refused:
        arguments(endpoint, GenerationInput(**({"prompt": "a heron"} | given_input)))
    assert refused.value.field == field
    assert takes in refused.value.reason


def test_the_provider_goes_by_the_offers_endpoint(provider: FalProvider) -> None:
    offer = Offer("kling-v3", Kind.VIDEO, "fal", f"{KLING}/text-to-video")
    assert provider.arguments(offer, GenerationInput(prompt="x"))["generate_audio"] is False


def test_every_family_knows_only_fields_of_the_vocabulary() -> None:
    for family in (*FAMILIES, ANY):
        assert set(family.slots) <= set(GenerationInput.model_fields)
        assert "prompt" in family.slots


@given(st.floats(-4, 4), st.integers(1, 99999), st.integers(1, 99999))
def test_sizes_and_scales_survive_the_writing(scale: float, width: int, height: int) -> None:
    given_input = GenerationInput.model_validate(
        {"prompt": "x", "size": f"{width}x{height}", "loras": [{"path": "p", "scale": scale}]}
    )
    body = json.loads(json.dumps(arguments("fal-ai/flux-lora", given_input)))
    assert body["image_size"] == {"width": width, "height": height}
    assert body["loras"][0]["scale"] == scale
