from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outbound.boxes import missing_bytes

LARGE_BOX = b"\x00\x00\x00\x01mdat" + (26).to_bytes(8, "big")
TYPES = ["video/mp4", "image/avif", "image/png", "image/webp", "video/x-msvideo", "video/webm"]


@pytest.mark.parametrize(
    ("content_type", "content", "missing"),
    [
        ("video/mp4", b"\x00\x00\x00\x0cftypisom", 0),
        ("video/mp4", b"\x00\x00\x00\x10ftypisom", 4),
        ("video/mp4", b"\x00\x00\x00\x0cftypisom\x00\x00", 0),
        ("video/mp4", LARGE_BOX + b"ten bytes.", 0),
        ("video/mp4", LARGE_BOX + b"four", 6),
        ("video/mp4", b"\x00\x00\x00\x00mdat to the end", 0),
        ("video/mp4", b"\x00\x00\x00\x04bad!", 0),
        ("image/webp", b"RIFF\x04\x00\x00\x00WEBP", 0),
        ("image/webp", b"RIFF\x03\x00\x00\x00WEB", 0),
        ("image/webp", b"RIFF\x03\x00\x00\x00WEB\x00", 0),
        ("image/webp", b"RIFF\x0a\x00\x00\x00WEBP", 6),
        ("video/x-msvideo", b"RIFF\xff\xff\xff\xffAVI ", 0),
        ("video/webm", b"\x1a\x45\xdf\xa3\x81\x00", 0),
        ("video/webm", b"\x1a\x45\xdf\xa3\x84\x00", 3),
        ("video/webm", b"\x1a\x45\xdf\xa3\x81\x00\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff live", 0),
        ("video/webm", b"\x1a\x45\xdf\xa3\x81\x00\x18\x53", 3),
        ("image/jpeg", b"\xff\xd8", 0),
    ],
)
def test_missing_bytes_are_counted(tmp_path: Path, content_type: str, content: bytes, missing: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert missing_bytes(path, content_type) == missing


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=64), content_type=st.sampled_from(TYPES))
def test_any_bytes_are_walked_to_an_end(tmp_path: Path, content: bytes, content_type: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert missing_bytes(path, content_type) >= 0
