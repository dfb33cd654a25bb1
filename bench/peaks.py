"""The most memory that processes held while something happened, above what they held before."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from bench import spent

_LOOK_SECONDS: Final = 0.1


@contextmanager
def peaks(roots: Mapping[str, int]) -> Iterator[dict[str, float]]:
    """By name, the largest memory of a process and its children until the block ends, in MB (PSS)."""
    most, over = memory(roots), threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            most.update({name: max(now, most[name]) for name, now in memory(roots).items()})

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield most
    finally:
        over.set()
        watching.join()


def memory(roots: Mapping[str, int]) -> dict[str, float]:
    """What processes hold now with their children, in MB (PSS)."""
    return {name: spent.memory_mib(root) * 1.048576 for name, root in roots.items()}
