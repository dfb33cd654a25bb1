"""Taking in a body of any size with constant memory: counted, hashed, limited, unpacked."""

import binascii
import hashlib
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final
from urllib.parse import unquote_to_bytes

from outbound.errors import DownloadFailed

CHUNK_BYTES: Final = 1024 * 1024
_GZIP: Final = 31  # zlib's window bits for a gzip wrapper
_FROM_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")


class Receiver:
    """A file that is being filled; raises DownloadFailed beyond ``max_bytes``."""

    def __init__(
        self, file: BinaryIO, place: str, max_bytes: int, on_progress: Callable[[int], None] | None
    ) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self._on_progress = on_progress
        self._sha256 = hashlib.sha256()
        self.place = place
        self.bytes = 0

    def expect(self, total: int) -> None:
        """Refuse at once a body that is announced to be too large."""
        if total > self._max_bytes:
            reason = f"has more bytes ({total}) than the limit of {self._max_bytes}"
            raise DownloadFailed(self.place, reason, retryable=False)

    def take(self, chunk: bytes) -> None:
        """Write and hash what has come."""
        self.expect(self.bytes + len(chunk))
        self.bytes += len(chunk)
        self._sha256.update(chunk)
        self._file.write(chunk)
        if self._on_progress is not None:
            self._on_progress(self.bytes)

    @property
    def sha256(self) -> str:
        """The digest of what has come so far, in hexadecimal."""
        return self._sha256.hexdigest()


def gunzipped(chunks: Iterable[bytes], place: str) -> Iterator[bytes]:
    """A gzip body unpacked in bounded pieces; raises DownloadFailed for a damaged or short one."""
    inflate = zlib.decompressobj(wbits=_GZIP)
    try:
        for chunk in chunks:
            packed = chunk
            while packed:
                yield inflate.decompress(packed, CHUNK_BYTES)
                packed = inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error as error:
        raise DownloadFailed(place, f"came with damaged gzip ({error})", retryable=True) from error
    if not inflate.eof:
        raise DownloadFailed(place, "ended inside its gzip stream", retryable=True)


def read_data_uri(uri: str, place: str) -> tuple[str, bytes]:
    """Content type and bytes of a ``data:`` URI (RFC 2397); raises DownloadFailed for one that is broken."""
    head, comma, text = uri.partition(",")
    if not comma:
        raise DownloadFailed(place, "has no comma before its data", retryable=False)
    content_type, *parameters = head.removeprefix(head[:5]).split(";")
    payload = unquote_to_bytes(text)
    if any(parameter.strip().lower() == "base64" for parameter in parameters):
        payload = _base64(payload, place)
    return content_type.strip().lower() or "text/plain", payload


def _base64(payload: bytes, place: str) -> bytes:
    packed = b"".join(payload.translate(_FROM_URL_SAFE).split()).rstrip(b"=")
    try:
        return b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error as error:
        raise DownloadFailed(place, f"is not valid base64 ({error})", retryable=False) from error
