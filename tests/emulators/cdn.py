"""A content network: files under unguessable names, with the faults that such networks have."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.emulators.media import clip, picture
from tests.emulators.wire import Cut, Reply, Request, Server, html_reply


@dataclass(slots=True)
class _File:
    answers: list[Reply]


@dataclass(slots=True)
class Cdn:
    """Files by path; each has a list of answers, of which the last stays."""

    server: Server = field(init=False)
    _files: dict[str, _File] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.server = Server(self._answer)

    @contextmanager
    def serving(self) -> Iterator["Cdn"]:
        """Listen to the end of the block."""
        with self.server.serving():
            yield self

    def put(self, *answers: Reply, name: str = "output.png", query: str = "") -> str:
        """The URL of a new file that is answered for with ``answers``, one each, the last for ever."""
        with self._lock:
            path = f"/files/b/{next(self._numbers):04x}/{name}"
            self._files[path] = _File(list(answers))
        return f"{self.server.url}{path}{query}"

    def image(self, kind: str = "PNG", *, black: bool = False) -> str:
        """The URL of a sound image."""
        return self.put(sound(kind, black=black), name=f"output.{kind.lower()}")

    def video(self) -> str:
        """The URL of a sound video."""
        return self.put(sound_video(), name="output.mp4")

    @property
    def keys_leaked(self) -> list[Request]:
        """Downloads that carried an API key: there must be none."""
        return [request for request in self.server.log if request.headers["Authorization"]]

    def _answer(self, request: Request) -> Reply:
        with self._lock:
            file = self._files.get(request.path)
            if file is None:
                return html_reply(404, "no such file")
            return file.answers.pop(0) if len(file.answers) > 1 else file.answers[0]


def sound(kind: str = "PNG", *, black: bool = False, declared: str | None = None) -> Reply:
    """An image as it should be served, or with another type declared."""
    content_type = declared if declared is not None else f"image/{kind.lower()}"
    return Reply(200, picture(kind, black=black), {"Content-Type": content_type} if content_type else {})


def sound_video() -> Reply:
    """A video as it should be served."""
    return Reply(200, clip(), {"Content-Type": "video/mp4"})


def cut_off() -> Reply:
    """A file whose connection ends in the middle, against its Content-Length."""
    return Reply(200, clip(), {"Content-Type": "video/mp4"}, Cut.HALF)


def moved(target: str) -> Reply:
    """A redirect."""
    return Reply(302, b"", {"Location": target})


def expired() -> Reply:
    """A signed link after its time, as an object store answers it."""
    body = b"<Error><Code>AccessDenied</Code><Message>Request has expired.</Message></Error>"
    return Reply(403, body, {"Content-Type": "application/xml"})


def page() -> Reply:
    """A web page in the place of the file, with status 200."""
    return html_reply(200, "Please enable cookies")
