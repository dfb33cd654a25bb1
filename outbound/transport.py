"""An httpx transport that connects to checked addresses only and ends at one deadline."""

import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import httpcore
import httpx

from outbound.deadline import Deadline
from outbound.guard import DEFAULT_PORTS, Guard

Origin = tuple[str, str, int]

TRANSLATED: Final[dict[type[Exception], type[httpx.TransportError]]] = {
    httpcore.TimeoutException: httpx.TimeoutException,
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.NetworkError: httpx.NetworkError,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.ProtocolError: httpx.ProtocolError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}
_WRITE_BYTES: Final = 64 * 1024


def origin(url: httpx.URL) -> Origin:
    """Scheme, host and port of ``url``, the port always given."""
    return url.scheme, url.raw_host.decode("ascii"), url.port or DEFAULT_PORTS.get(url.scheme, 0)


@lru_cache(maxsize=1)
def default_ssl_context() -> ssl.SSLContext:
    """One for the process: reading the certificates takes longer than a callback."""
    return httpx.create_ssl_context()


class GuardedTransport(httpx.BaseTransport):
    """One piece of work's connections; raises BlockedAddress besides what httpx raises.

    A host is resolved once per connection, every one of its addresses is checked, and the connection goes
    to a checked address, so a name that changes its answer gains nothing; Host header and TLS name stay the
    URL's. ``trusted`` origins are not checked. Redirects are handed back, never followed.
    """

    def __init__(
        self,
        guard: Guard,
        deadline: Deadline,
        *,
        trusted: frozenset[Origin] = frozenset(),
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        tls = ssl_context or default_ssl_context()
        self._trusted = trusted
        self._guarded_pool = httpcore.ConnectionPool(
            tls, network_backend=_CheckedBackend(guard.addresses, deadline)
        )
        self._trusted_pool = httpcore.ConnectionPool(
            tls, network_backend=_CheckedBackend(guard.resolver, deadline)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send ``request`` once."""
        pool = self._trusted_pool if origin(request.url) in self._trusted else self._guarded_pool
        with _translated():
            response = pool.handle_request(_core_request(request))
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response), extensions=response.extensions
        )

    @contextmanager
    def exchange(
        self,
        method: str,
        url: httpx.URL,
        *,
        headers: Mapping[str, str],
        timeout: httpx.Timeout,
        content: bytes = b"",
    ) -> Iterator[httpx.Response]:
        """One request and its response, unread; no cookies, no credentials, no redirects, no environment."""
        request = httpx.Request(
            method, url, headers=headers, content=content, extensions={"timeout": timeout.as_dict()}
        )
        response = self.handle_request(request)
        response.request = request
        try:
            yield response
        finally:
            response.close()

    def close(self) -> None:
        """Close every connection."""
        self._guarded_pool.close()
        self._trusted_pool.close()


def _core_request(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except tuple(TRANSLATED) as error:
        raise TRANSLATED[type(error)](str(error)) from error


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _translated():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to the addresses that ``addresses`` answers for a host, and to no others."""

    def __init__(self, addresses: Callable[[str, int, float], Sequence[str]], deadline: Deadline) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectError("no address")
        for address in self._resolved(host, port, timeout):
            seconds = self._deadline.within(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._sockets.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure

    def _resolved(self, host: str, port: int, timeout: float | None) -> Sequence[str]:
        try:
            return self._addresses(host, port, self._deadline.within(timeout, httpcore.ConnectTimeout))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no read, write or handshake lasts beyond the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            seconds = self._deadline.within(timeout, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _WRITE_BYTES], seconds)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = self._deadline.within(timeout, httpcore.ConnectTimeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, seconds), self._deadline)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's own signature
        return self._stream.get_extra_info(info)
