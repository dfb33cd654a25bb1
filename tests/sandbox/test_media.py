"""Generated media: real files of the right size and length, and all that can go wrong with a download."""

import io
import time
from typing import Any

import av
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sandbox.media.pictures import draw, render_picture
from sandbox.media.spec import MediaSpec, bounded, fit
from sandbox.media.videos import render_video
from sandbox.testing import FAL_KEY, SandboxServer


def link(server: SandboxServer, prompt: str, **arguments: object) -> str:
    video = "duration" in arguments
    endpoint = "fal-ai/luma-dream-machine/ray-2" if video else "fal-ai/flux/dev"
    body = {"prompt": prompt, **arguments}
    accepted = server.client.post(f"/fal/queue/{endpoint}", json=body, headers=FAL_KEY).json()
    server.advance(30)
    output: Any = server.client.get(accepted["response_url"], headers=FAL_KEY).json()
    return str(output["video"]["url"] if video else output["images"][0]["url"])


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_picture_has_its_format_and_size(kind: str) -> None:
    with Image.open(io.BytesIO(render_picture(MediaSpec(kind, 320, 200, "a kite")))) as picture:
        picture.load()
        assert (picture.format, picture.size) == (kind.upper(), (320, 200))


def test_different_prompts_make_different_pictures() -> None:
    assert render_picture(MediaSpec("png", 320, 200, "a")) != render_picture(MediaSpec("png", 320, 200, "b"))


def test_a_filtered_picture_is_black() -> None:
    assert draw(MediaSpec("png", 32, 32, "x", black=True)).getcolors() == [(1024, (0, 0, 0))]


@given(prompt=st.text(st.characters(exclude_categories=()), max_size=700), side=st.integers(16, 200))
@settings(max_examples=30, deadline=None)
def test_any_prompt_can_be_drawn(prompt: str, side: int) -> None:
    assert draw(MediaSpec("png", side, 64, prompt)).size == (side, 64)


@pytest.mark.parametrize(("seconds", "size"), [(5.0, (1280, 720)), (9.0, (720, 1280)), (0.05, (64, 64))])
def test_a_video_plays_for_as_long_as_it_should(seconds: float, size: tuple[int, int]) -> None:
    video = render_video(MediaSpec("mp4", *size, "a kite", seconds=seconds))
    with av.open(io.BytesIO(video), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == size
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert float((container.duration or 0) / av.time_base) == pytest.approx(seconds, abs=0.03)
        assert len(list(container.decode(video=0))) == stream.frames > 0


@given(st.integers(1, 99_999), st.integers(1, 99_999))
def test_bounded_sizes_are_even_and_within_bounds(width: int, height: int) -> None:
    result = bounded(width, height)
    assert all(side % 2 == 0 and 16 <= side <= 4096 for side in result)


@pytest.mark.parametrize(
    ("ratio", "size"), [((16, 9), (1280, 720)), ((9, 16), (720, 1280)), ((1, 1), (720, 720))]
)
def test_a_ratio_gets_its_short_side(ratio: tuple[int, int], size: tuple[int, int]) -> None:
    assert fit(ratio, 720) == size


def test_a_download_is_the_same_each_time_and_needs_no_key(server: SandboxServer) -> None:
    url = link(server, "a kite", image_size={"width": 300, "height": 200}, output_format="webp")
    first = server.client.get(url)
    assert first.headers["content-type"] == "image/webp"
    assert first.content == server.client.get(url).content
    assert Image.open(io.BytesIO(first.content)).size == (300, 200)
    assert server.client.get("/fal/files/b/unknown/x.png").status_code == 404


def test_a_video_download_has_its_aspect_ratio(server: SandboxServer) -> None:
    url = link(server, "a kite", duration="5s", aspect_ratio="9:16", resolution="540p")
    with av.open(io.BytesIO(server.client.get(url).content), "r") as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (540, 960)


def test_a_page_can_come_in_place_of_the_file(server: SandboxServer) -> None:
    response = server.client.get(link(server, "[sandbox:media_html]"))
    assert (response.status_code, response.headers["content-type"][:9]) == (200, "text/html")


def test_a_file_can_be_cut_short(server: SandboxServer) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        server.client.get(link(server, "[sandbox:media_truncated]"))


@pytest.mark.parametrize(
    ("arguments", "kind"), [({}, "video/mp4"), ({"duration": "5s"}, "image/png")], ids=["image", "video"]
)
def test_a_file_can_be_of_the_other_kind(server: SandboxServer, arguments: dict[str, str], kind: str) -> None:
    url = link(server, "[sandbox:media_wrong_type]", resolution="540p", **arguments)
    assert server.client.get(url).headers["content-type"] == kind


def test_a_download_can_be_redirected(server: SandboxServer) -> None:
    response = server.client.get(link(server, "[sandbox:media_redirect=http://169.254.169.254/x]"))
    assert (response.status_code, response.headers["location"]) == (302, "http://169.254.169.254/x")


def test_a_file_can_be_missing_or_fail_once(server: SandboxServer) -> None:
    assert server.client.get(link(server, "[sandbox:media_404]")).status_code == 404
    url = link(server, "[sandbox:media_500_once]")
    assert [server.client.get(url).status_code for _ in range(2)] == [500, 200]


@pytest.mark.parametrize("arguments", [{}, {"duration": "5s"}], ids=["image", "video"])
def test_a_file_can_be_large_and_still_be_whole(server: SandboxServer, arguments: dict[str, str]) -> None:
    url = link(server, "[sandbox:media_size=3000000]", resolution="540p", **arguments)
    response = server.client.get(url)
    assert len(response.content) == 3_000_000 == int(response.headers["content-length"])
    if arguments:
        with av.open(io.BytesIO(response.content), "r") as container:
            assert len(list(container.decode(video=0))) == 40
    else:
        with Image.open(io.BytesIO(response.content)) as picture:
            picture.load()


def test_a_size_below_the_files_own_changes_nothing(server: SandboxServer) -> None:
    assert 100 < len(server.client.get(link(server, "[sandbox:media_size=100]")).content) < 100_000


def test_a_file_can_take_its_time(server: SandboxServer) -> None:
    begun = time.monotonic()
    slow = server.client.get(link(server, "a kite [sandbox:media_slow=0.2]")).content
    assert time.monotonic() - begun >= 0.2
    with Image.open(io.BytesIO(slow)) as picture:
        picture.load()
