"""Fetching a finished file from a provider's link onto the disk."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx

from outbound.addresses import PrivateHosts
from outbound.deadline import Deadline
from outbound.errors import AssetRefused, DownloadFailed, answered
from outbound.guard import BlockedAddress, Guard, Resolver, read_url, resolve
from outbound.receive import Receiver, gunzipped, read_data_uri
from outbound.retry_after import retry_after
from outbound.transport import GuardedTransport, origin

__all__ = ["AssetRefused", "Download", "DownloadFailed", "Downloader"]

MAX_BYTES: Final = 5 * 1024**3
MAX_REDIRECTS: Final = 5
_CONNECT_SECONDS: Final = 10.0
# Larger than the pieces that come, small enough to cost nothing beside a small picture.
_BUFFER_BYTES: Final = 128 * 1024
_HEADERS: Final = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Darkroom"}


@dataclass(frozen=True, slots=True)
class Download:
    """A file on the disk; ``content_type`` is what the host claimed, without parameters."""

    path: Path
    bytes: int
    sha256: str
    content_type: str | None


class Downloader:
    """Fetches links with constant memory, through the guard against private networks.

    ``trusted_origins`` (``scheme://host:port``) may be private: they are the configured providers. Times are
    seconds: ``total_seconds`` for a whole fetch with its redirects, ``read_seconds`` for silence in between.
    """

    def __init__(
        self,
        private_hosts: PrivateHosts,
        *,
        trusted_origins: Iterable[str] = (),
        max_bytes: int = MAX_BYTES,
        # Well within the time limit of a task, so that a host that drips is a failure and not an accident.
        total_seconds: float = 1500.0,
        read_seconds: float = 30.0,
        resolver: Resolver = resolve,
    ) -> None:
        self._guard = Guard(private_hosts, resolver)
        self._trusted = frozenset(origin(httpx.URL(url)) for url in trusted_origins)
        self._max_bytes = max_bytes
        self._total_seconds = total_seconds
        self._timeout = httpx.Timeout(read_seconds, connect=min(_CONNECT_SECONDS, read_seconds))

    def fetch(self, url: str, into: Path, *, on_progress: Callable[[int], None] | None = None) -> Download:
        """Write what ``url`` (http, https or data) holds to ``into``; raises DownloadFailed or AssetRefused.

        ``on_progress`` is called with the bytes so far after every piece. No file is left behind by a
        failure, and no header that could hold a key is ever sent.
        """
        place = "data: URI" if _is_inline(url) else _place(url)
        try:
            return self._fill(url, into, place, on_progress)
        except OSError as error:
            into.unlink(missing_ok=True)
            reason = f"cannot be written to {into}: {error.strerror}"
            raise DownloadFailed(place, reason, retryable=True, away=True) from error
        except BaseException:
            into.unlink(missing_ok=True)
            raise

    def _fill(self, url: str, into: Path, place: str, on_progress: Callable[[int], None] | None) -> Download:
        with into.open("wb", buffering=_BUFFER_BYTES) as file:
            receiver = Receiver(file, place, self._max_bytes, on_progress)
            content_type = _unpack(url, receiver) if _is_inline(url) else self._get(url, receiver)
        return Download(into, receiver.bytes, receiver.sha256, content_type)

    def _get(self, url: str, receiver: Receiver) -> str | None:
        with GuardedTransport(self._guard, Deadline(self._total_seconds), trusted=self._trusted) as transport:
            for _ in range(MAX_REDIRECTS + 1):
                received, url = self._hop(transport, url, receiver)
                if not url:
                    return received
        reason = f"redirected more than {MAX_REDIRECTS} times"
        raise DownloadFailed(receiver.place, reason, retryable=False)

    def _hop(self, transport: GuardedTransport, url: str, receiver: Receiver) -> tuple[str | None, str]:
        """One request: the content type of what was received, or where to go on; one of the two is empty."""
        receiver.place = _place(url)
        with _translated(receiver.place), self._open(transport, url) as response:
            if response.has_redirect_location:
                return None, _next(response)
            return _receive(response, receiver), ""

    def _open(self, transport: GuardedTransport, url: str) -> AbstractContextManager[httpx.Response]:
        return transport.exchange("GET", read_url(url), headers=_HEADERS, timeout=self._timeout)


def _is_inline(url: str) -> bool:
    return url[:5].lower() == "data:"


def _place(url: str) -> str:
    """Host and path of ``url``: the query signs the link and is nobody's business."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "the link"
    return f"{parsed.host}{parsed.raw_path.decode('ascii').partition('?')[0]}"


def _next(response: httpx.Response) -> str:
    try:
        return str(response.url.join(response.headers["Location"]))
    except httpx.InvalidURL:
        raise BlockedAddress("a redirect", "leads to something that is not a valid URL") from None


@contextmanager
def _translated(place: str) -> Iterator[None]:
    try:
        yield
    except BlockedAddress as error:
        raise AssetRefused(place, f"is not fetched: {error}") from error
    except httpx.TransportError as error:
        reason = f"the transfer broke off: {type(error).__name__}: {error}".removesuffix(": ")
        away = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        raise DownloadFailed(place, reason, retryable=True, away=away) from error


def _receive(response: httpx.Response, receiver: Receiver) -> str | None:
    if not response.is_success:
        wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        raise answered(receiver.place, response.status_code, wait)
    # A body that is shorter than its Content-Length is a RemoteProtocolError of the HTTP parser.
    receiver.expect(int(response.headers.get("Content-Length", "0")))
    for chunk in _plain(response, receiver.place):
        receiver.take(chunk)
    if receiver.bytes == 0:
        reason = f"answered with HTTP {response.status_code} and no bytes"
        raise DownloadFailed(receiver.place, reason, retryable=True, status=response.status_code)
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower() or None


def _plain(response: httpx.Response, place: str) -> Iterable[bytes]:
    """The body without the content coding that was not asked for; some stores send gzip all the same."""
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding == "identity":
        return response.iter_raw()
    if coding in {"gzip", "x-gzip"}:
        return gunzipped(response.iter_raw(), place)
    raise DownloadFailed(place, f"came with the content coding {coding!r}", retryable=False)


def _unpack(uri: str, receiver: Receiver) -> str:
    content_type, payload = read_data_uri(uri, receiver.place)
    receiver.take(payload)
    return content_type
