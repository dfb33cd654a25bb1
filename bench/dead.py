"""Receivers that are not there: they refuse, never answer, or do not even take a connection."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

# What a full backlog takes before it drops whatever else knocks.
_FILLERS: Final = 2
_BACKLOG: Final = 64


@contextmanager
def dead(count: int) -> Iterator[list[str]]:
    """The addresses of so many hosts, two fifths that never answer, as many that refuse, the rest swallow."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))
    with ExitStack() as stack:
        yield [_host(number, stack) for number in range(count)]


def _host(number: int, stack: ExitStack) -> str:
    address = f"127.77.{number // 250}.{number % 250 + 1}"
    match number % 5:
        case 0 | 1:
            listener = stack.enter_context(socket.create_server((address, 0), backlog=_BACKLOG))
        case 2 | 3:
            # Free, and nobody's once it is closed again.
            with socket.create_server((address, 0)) as listener:
                return f"http://{address}:{listener.getsockname()[1]}/hook"
        case _:
            listener = stack.enter_context(socket.create_server((address, 0), backlog=0))
            for _ in range(_FILLERS):
                knocking = stack.enter_context(socket.socket())
                knocking.setblocking(False)
                knocking.connect_ex(listener.getsockname())
    return f"http://{address}:{listener.getsockname()[1]}/hook"
