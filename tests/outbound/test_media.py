import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from domain.lifecycle import Kind
from outbound.media import Media, NotMedia, extension, probe
from tests.outbound.samples import HEIGHT, IMAGES, VIDEOS, WIDTH, Samples, write_audio, write_video

PAGES = [
    (b"", "an empty file"),
    (b"<!DOCTYPE html><html><body>Sign in</body></html>", "an HTML page"),
    (b"\xef\xbb\xbf\n  <HTML>", "an HTML page"),
    (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document"),
    (b"<Error><Code>ExpiredToken</Code></Error>", "an XML document"),
    (b'{"detail": "not found"}', "a JSON document"),
    (b'[{"a": 1}]', "a JSON document"),
    (b'{"rows": ["' + b"x" * 6000 + b'"]}', "a JSON document"),
    (b"upstream connect error or disconnect", "plain text"),
    ("für später".encode(), "plain text"),
    (b"%PDF-1.7\n", "a PDF document"),
    (b"\x1f\x8b\x08\x00", "gzip data"),
    (b"RIFF\x00\x00\x00\x00WAVEfmt ", "no known file type (it begins with 52 49 46 46 00 00 00 00)"),
    (bytes(range(1, 64)), "no known file type (it begins with 01 02 03 04 05 06 07 08)"),
    (b"\xff" * 32, "no known file type"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "asset"


@pytest.mark.parametrize(("name", "content_type"), IMAGES.items())
def test_an_image_is_measured(samples: Samples, name: str, content_type: str) -> None:
    assert probe(samples[name], Kind.IMAGE) == Media(content_type, "image", WIDTH, HEIGHT)


@pytest.mark.parametrize("name", VIDEOS)
def test_a_video_is_measured(samples: Samples, name: str) -> None:
    media = probe(samples[name], Kind.VIDEO)
    assert (media.content_type, media.kind, media.width, media.height) == (
        VIDEOS[name][2],
        "video",
        WIDTH,
        HEIGHT,
    )
    assert media.duration == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("flags", ["+faststart", "frag_keyframe+empty_moov"])
def test_an_mp4_is_measured_however_it_is_laid_out(path: Path, flags: str) -> None:
    write_video(path, "mp4", "libx264", options={"movflags": flags})
    assert probe(path, None).duration == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("content", "words"), PAGES)
def test_what_is_no_media_is_named(path: Path, content: bytes, words: str) -> None:
    path.write_bytes(content)
    with pytest.raises(NotMedia) as caught:
        probe(path, None)
    assert words in caught.value.reason
    assert str(caught.value) == f"the file is {caught.value.reason}"


def test_the_wrong_kind_is_refused(samples: Samples) -> None:
    with pytest.raises(NotMedia, match="a file of type image/png where a video belongs"):
        probe(samples["png"], Kind.VIDEO)
    with pytest.raises(NotMedia, match="a file of type video/mp4 where an image belongs"):
        probe(samples["mp4"], Kind.IMAGE)


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(b"\x76\x2f\x31\x01 depth", "image/x-exr"), (b"PK\x03\x04 archive", "application/zip")],
)
def test_an_auxiliary_file_is_recognised_and_is_neither_kind(
    path: Path, content: bytes, content_type: str
) -> None:
    path.write_bytes(content)
    assert probe(path, None) == Media(content_type, "other")
    with pytest.raises(NotMedia, match="where an image belongs"):
        probe(path, Kind.IMAGE)


# Not MPEG: a row of packs without an index, of which only a broken pack can be seen.
@pytest.mark.parametrize("name", [*IMAGES, "mp4", "mov", "webm", "mkv", "avi"])
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(min_value=0.01, max_value=0.9))
def test_a_truncated_file_is_refused(samples: Samples, path: Path, name: str, share: float) -> None:
    content = samples[name].read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(NotMedia):
        probe(path, None)


@pytest.mark.parametrize("name", ["png", "webp", "avif", "mp4", "mov", "webm", "mkv", "avi"])
def test_a_single_missing_byte_is_noticed(samples: Samples, path: Path, name: str) -> None:
    path.write_bytes(samples[name].read_bytes()[:-1])
    with pytest.raises(NotMedia, match="1 bytes are missing"):
        probe(path, None)


@pytest.mark.parametrize("name", [*IMAGES, *VIDEOS])
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_refused_or_harmless_but_never_a_crash(
    samples: Samples, path: Path, name: str, data: st.DataObject
) -> None:
    content = bytearray(samples[name].read_bytes())
    for _ in range(4):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        media = probe(path, None)
    except NotMedia:
        return
    assert media.kind in {"image", "video", "other"}


def test_an_image_that_unpacks_into_too_many_pixels_is_refused(path: Path) -> None:
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b""))
    with pytest.raises(NotMedia, match="an image of more than 178 million pixels"):
        probe(path, Kind.IMAGE)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_every_frame_of_an_animation_is_decoded(path: Path) -> None:
    frames = [Image.effect_noise((WIDTH, HEIGHT), spread) for spread in (20, 40, 60)]
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:])
    assert probe(path, Kind.IMAGE).width == WIDTH
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(NotMedia, match="truncated or damaged"):
        probe(path, Kind.IMAGE)


def test_an_mp4_with_sound_only_is_no_video(path: Path) -> None:
    write_audio(path)
    with pytest.raises(NotMedia, match="a file of type video/mp4 without a picture track"):
        probe(path, Kind.VIDEO)


def test_a_video_whose_end_is_cut_away_inside_its_boxes_is_refused(samples: Samples, path: Path) -> None:
    """No size is declared, so only the packets show that the end is missing."""
    content = samples["webm"].read_bytes()
    segment = content.index(b"\x18\x53\x80\x67")
    unknown_length = content[: segment + 4] + b"\x01" + b"\xff" * 7 + content[segment + 12 :]
    path.write_bytes(unknown_length)
    assert probe(path, Kind.VIDEO).duration == pytest.approx(1.0, abs=0.1)
    path.write_bytes(unknown_length[: int(len(unknown_length) * 0.5)])
    with pytest.raises(
        NotMedia, match=r"a truncated file of type video/webm: 0\.\d of 1\.0 seconds are there"
    ):
        probe(path, Kind.VIDEO)


def test_an_mpeg_that_ends_inside_a_pack_is_refused(samples: Samples, path: Path) -> None:
    content = samples["mpg"].read_bytes()
    path.write_bytes(content[:3000])  # packs are 2048 bytes long
    with pytest.raises(NotMedia, match="a damaged file of type video/mpeg"):
        probe(path, Kind.VIDEO)


def test_a_stream_without_times_or_a_declared_length_is_measured_by_what_is_there(path: Path) -> None:
    write_video(path, "mpeg1video", "mpeg1video")
    media = probe(path, Kind.VIDEO)
    assert (media.content_type, media.width) == ("video/mpeg", WIDTH)
    assert media.duration == pytest.approx(1.0, abs=0.1)


def test_a_file_of_countless_empty_boxes_is_left_to_the_decoder(samples: Samples, path: Path) -> None:
    path.write_bytes(samples["mp4"].read_bytes() + b"\x00\x00\x00\x08free" * 100_001)
    assert probe(path, Kind.VIDEO).width == WIDTH


def test_a_file_with_bytes_behind_its_end_is_whole(samples: Samples, path: Path) -> None:
    path.write_bytes(samples["png"].read_bytes() + b"trailing")
    assert probe(path, None).kind == "image"


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [("image/jpeg", "jpg"), ("video/quicktime", "mov"), ("application/zip", "zip"), ("text/html", "bin")],
)
def test_a_content_type_has_an_extension(content_type: str, expected: str) -> None:
    assert extension(content_type) == expected


def test_every_type_that_is_recognised_has_an_extension() -> None:
    types = [*IMAGES.values(), *(content_type for *_, content_type in VIDEOS.values())]
    assert "bin" not in map(extension, types)
