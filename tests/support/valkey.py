"""A real Valkey for tests: the one that the embedded stack runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.stack.ports import free_port
from cli.stack.valkey import Valkey
from tests.support.running import running


@contextmanager
def valkey_server(folder: Path, binary: Path | None = None) -> Iterator[str]:
    """The URL of a new server under ``folder``: the embedded one, or that of another ``binary``."""
    server = Valkey.at(folder / "valkey", free_port(), binary)
    server.prepare()
    with running(server.program(), server.answers, folder / "logs"):
        yield server.url
