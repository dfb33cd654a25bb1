"""The ways into a private network that a customer could write down, and a trap that counts who comes in."""

import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Final

_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: close\r\n\r\ncaught"
)

# Spellings of loopback that some resolver or library takes for it, to be followed by the trap's port.
LOOPBACK: Final = (
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7f.0x0.0x0.0x1",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "00000177.0.0.1",
    "0177.0.0x1",
    "0",
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "localhost",
    "LocalHost",
    "localhost.",
    "a.localhost",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2002:7f00:0001::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[::1%25lo]",
    "[::1%lo]",
    "[fe80::1%25lo]",
    "127\u30020\u30020\u30021",
    "127\uff0e0\uff0e0\uff0e1",
    "127\uff610\uff610\uff611",
    "\uff11\uff12\uff17.0.0.1",
    "\u2460\u2461\u2466.0.0.1",
    "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
    "loca\u00adlhost",
    "local\u200bhost",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "127.0.0.1%00.good.example",
    "127.0.0.1%2e",
    "%6c%6f%63%61%6c%68%6f%73%74",
    "127.0.0.1\\.good.example",
    "127.0.0.1\r\n",
    "127.0.0.1\t",
    "127.0.0\n.1",
    " 127.0.0.1",
)
_WHOLE: Final = (
    "http://good.example@127.0.0.1:{port}/",
    "http://good.example:80@127.0.0.1:{port}/",
    "http://@127.0.0.1:{port}/",
    "http://good.example\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@good.example/",
    "http://127.0.0.1:{port}#@good.example/",
    "http://127.0.0.1:{port}?@good.example/",
    "http://127.0.0.1:{port}:80/",
    "http:127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}/",
    "http:/\\127.0.0.1:{port}/",
    "https://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_GET%20/",
    "dict://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "file:///etc/passwd",
)
# Where nothing of ours listens; a connection would go out of this machine.
_ELSEWHERE: Final = (
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/meta-data/",
    "http://0xa9fea9fe/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/latest/meta-data/",
    "http://[64:ff9b::a9fe:a9fe]/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16/metadata/",
    "http://192.0.0.192/opc/v2/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://metadata.google.internal./computeMetadata/v1/",
    "http://metadata/computeMetadata/v1/",
    "http://instance-data.ec2.internal/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://100.64.0.1/",
    "http://0.1.2.3/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://240.0.0.1/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://redis:6380/",
    "http://kubernetes.default.svc.cluster.local/",
    "http://router.home.arpa/",
)


def attacks(port: int) -> list[str]:
    """Every attack, those on loopback at ``port``."""
    spelled = [f"http://{host}:{port}/caught" for host in LOOPBACK]
    return [*spelled, *(url.replace("{port}", str(port)) for url in _WHOLE), *_ELSEWHERE]


@dataclass(slots=True)
class Trap:
    """A server on loopback, in both families where there are two; ``caught`` counts its connections."""

    host: str = "127.0.0.1"
    port: int = 0
    caught: int = 0
    _listeners: list[socket.socket] = field(default_factory=list)

    @contextmanager
    def serving(self, port: int = 0) -> Iterator["Trap"]:
        """Listen to the end of the block."""
        self._listeners = [socket.create_server((self.host, port))]
        self.port = self._listeners[0].getsockname()[1]
        with suppress(OSError):
            if self.host == "127.0.0.1":
                self._listeners.append(socket.create_server(("::1", self.port), family=socket.AF_INET6))
        stop, stopped = socket.socketpair()
        thread = Thread(target=self._serve, args=(stopped,))
        thread.start()
        try:
            yield self
        finally:
            stop.close()
            thread.join()
            stopped.close()
            for listener in self._listeners:
                listener.close()

    def _serve(self, stopped: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            for one in (*self._listeners, stopped):
                ready.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is stopped:
                        return
                    self._answer(key.fileobj)  # type: ignore[arg-type] # only sockets were registered

    def _answer(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        self.caught += 1
        with connection, suppress(OSError):
            connection.settimeout(60)
            connection.recv(65_536)
            connection.sendall(_ANSWER)
