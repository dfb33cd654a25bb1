"""Runs one watcher until it is told to stop: ``python -m workers.watcher``."""

import asyncio
import os
import signal
import sys
from typing import NoReturn

import uvloop

from services.build import build
from services.garbage import settle
from services.logs import configure
from services.settings import SettingMissing
from workers.watcher.loop import Watcher


async def run(watcher: Watcher) -> None:
    """Watch until SIGTERM or SIGINT, then hand back what is held."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, watcher.stop)
    await watcher.run()


def main() -> int:
    """The process: 0 after a clean stop, 2 when a setting is missing."""
    configure()
    try:
        runtime = build()
    except SettingMissing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    settle()
    # Two thirds of what a look costs on asyncio's own loop.
    uvloop.run(run(Watcher(runtime)))
    return 0


def leave(code: int) -> NoReturn:
    """End now: all that must be written is written, and a call that hangs in a thread is not waited for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
