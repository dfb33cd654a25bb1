"""Files are found in every shape that fal's endpoints answer in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.lifecycle import Kind
from providers.base import Output
from providers.fal.outputs import read_outputs

PNG = "https://v3.fal.media/files/a.png"
MP4 = "https://v3.fal.media/files/b.mp4"
EXR = "https://v3.fal.media/files/c.exr"
DATA = "data:image/jpeg;base64,AAAA"


@pytest.mark.parametrize(
    ("kind", "result", "outputs"),
    [
        (Kind.IMAGE, {"images": [{"url": PNG}]}, [Output(PNG)]),
        (Kind.IMAGE, {"images": [{"url": PNG, "content_type": None, "width": None}]}, [Output(PNG)]),
        (
            Kind.IMAGE,
            {"images": [{"url": PNG, "content_type": "image/png"}]},
            [Output(PNG, "image/png")],
        ),
        (Kind.IMAGE, {"images": [PNG, None, 7, {"url": ""}, {"url": "ftp://x/y.png"}]}, [Output(PNG)]),
        (Kind.IMAGE, {"image": {"url": PNG}, "images": [{"url": PNG}]}, [Output(PNG)]),
        (
            Kind.IMAGE,
            {"images": [{"url": PNG, "content_type": "a\x00"}, {"url": PNG + "\x00"}]},
            [Output(PNG)],
        ),
        (Kind.IMAGE, {"image": PNG}, [Output(PNG)]),
        (Kind.IMAGE, {"images": [{"url": DATA}]}, [Output(DATA, "image/jpeg")]),
        (Kind.IMAGE, {"images": [{"url": "data:,x"}]}, [Output("data:,x")]),
        (Kind.VIDEO, {"video": {"url": MP4}}, [Output(MP4)]),
        (Kind.VIDEO, {"video": MP4}, [Output(MP4)]),
        (Kind.VIDEO, {"videos": [{"url": MP4}]}, [Output(MP4)]),
        (
            Kind.VIDEO,
            {"video": {"url": MP4}, "exr_file": {"url": EXR}, "image": {"url": PNG}},
            [Output(MP4), Output(EXR, extra=True), Output(PNG, extra=True)],
        ),
        (Kind.VIDEO, {"video": {"url": MP4}, "exr_file": None, "debug_latents": {"url": EXR}}, [Output(MP4)]),
        (Kind.VIDEO, {"images": [{"url": PNG}]}, [Output(PNG)]),
        (Kind.IMAGE, {"outputs": {"9": {"images": [{"url": PNG, "filename": "x"}]}}}, [Output(PNG)]),
        (Kind.VIDEO, {"output": MP4, "input": {"image_url": PNG}}, [Output(MP4)]),
        (Kind.VIDEO, [{"result": {"url": MP4 + "?sig=1", "file_size": 3}}], [Output(MP4 + "?sig=1")]),
        (
            Kind.VIDEO,
            {"file": {"url": "https://x/y", "content_type": "video/mp4"}},
            [Output("https://x/y", "video/mp4")],
        ),
        (Kind.VIDEO, {"file": {"url": "https://x/y.mp4", "content_type": "text/html"}}, []),
        (Kind.VIDEO, {"homepage": "https://fal.ai/models", "odd": "https://[x/y.mp4"}, []),
        (Kind.IMAGE, {"images": [], "seed": 3}, []),
        (Kind.IMAGE, {"images": None}, []),
        (Kind.IMAGE, None, []),
        (Kind.IMAGE, "just text", []),
    ],
)
def test_files_are_found(kind: Kind, result: object, outputs: list[Output]) -> None:
    found = read_outputs(result, kind)
    assert list(found.outputs) == outputs
    assert not found.blocked


def images(count: int) -> list[dict[str, Any]]:
    return [{"url": f"https://v3.fal.media/{index}.png"} for index in range(count)]


@pytest.mark.parametrize(
    ("count", "flags", "kept", "filtered", "blocked"),
    [
        (2, [False, False], [0, 1], 0, False),
        (2, [True, False], [1], 1, False),
        (2, [True, True], [], 2, True),
        (3, [False, True], [0, 2], 1, False),
        (1, [False, True, True], [0], 0, False),
        (2, None, [0, 1], 0, False),
        (2, [], [0, 1], 0, False),
        (2, [None, "yes"], [0, 1], 0, False),
        (2, True, [], 2, True),
        (2, False, [0, 1], 0, False),
        (0, [True], [], 0, True),
        (0, True, [], 0, True),
        (0, [True, False], [], 0, False),
        (0, [], [], 0, False),
    ],
)
def test_flagged_images_are_left_out(
    count: int,
    flags: object,
    kept: list[int],
    filtered: int,
    blocked: bool,  # noqa: FBT001 - a column of the table
) -> None:
    found = read_outputs({"images": images(count), "has_nsfw_concepts": flags}, Kind.IMAGE)
    assert [output.url for output in found.outputs] == [f"https://v3.fal.media/{i}.png" for i in kept]
    assert (found.filtered, found.blocked) == (filtered, blocked)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just(PNG) | st.just("https://[::1"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["images", "image", "video", "url", "has_nsfw_concepts", "x"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from(list(Kind)))
def test_no_answer_breaks_the_reading(result: object, kind: Kind) -> None:
    found = read_outputs(result, kind)
    assert all(output.url.startswith(("https://", "data:")) for output in found.outputs)
    assert len({output.url for output in found.outputs}) == len(found.outputs)
    assert not (found.blocked and found.outputs)
