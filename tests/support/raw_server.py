"""A server of raw bytes on loopback, for what no proper HTTP server would answer."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Final

_LONGEST_REQUEST: Final = 1024 * 1024

# What a connection is answered with, written as it likes until it returns; the event is set at the end.
Script = Callable[[socket.socket, Event], None]


@contextmanager
def raw_server(answer: bytes | Script, *, reads: bool = True) -> Iterator[str]:
    """Answer every connection with bytes, or by a script, then close it; gives the base URL.

    With ``reads`` false the request is left unread.
    """
    over = Event()
    script = _sends(answer) if isinstance(answer, bytes) else answer
    listener = socket.create_server(("127.0.0.1", 0))
    thread = Thread(target=_serve, args=(listener, script, over, reads))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def drip(start: bytes, piece: bytes, seconds: float) -> Script:
    """``start`` at once, then ``piece`` every so many seconds for as long as anyone listens."""

    def script(connection: socket.socket, over: Event) -> None:
        connection.sendall(start)
        while not over.wait(seconds):
            connection.sendall(piece)

    return script


def silence(_: socket.socket, over: Event) -> None:
    """Nothing, for as long as the server runs."""
    over.wait()


def _sends(answer: bytes) -> Script:
    def script(connection: socket.socket, _: Event) -> None:
        connection.sendall(answer)

    return script


def _serve(listener: socket.socket, script: Script, over: Event, reads: bool) -> None:  # noqa: FBT001 - a thread's argument
    while not over.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            if reads:
                read_request(connection)
            script(connection, over)


def read_request(connection: socket.socket) -> bytes:
    """Take in head and body, or what came until an end: a close with unread bytes resets the connection."""
    received = b""
    while not _is_whole(received) and (piece := connection.recv(_LONGEST_REQUEST)):
        received += piece
    return received


def _is_whole(received: bytes) -> bool:
    head, found, body = received.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    return bool(found) and len(body) >= sum(lengths)
