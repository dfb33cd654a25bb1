"""Hearing that the server is to stop, before it waits for what is still open."""

import asyncio
import signal

from api.stopping import told_to_stop


def test_both_are_told_and_afterwards_the_server_alone() -> None:
    heard = list[int]()
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    told = list[str]()

    async def scene() -> None:
        with told_to_stop(lambda: told.append("stop")):
            signal.raise_signal(signal.SIGTERM)
            await asyncio.to_thread(lambda: None)
        signal.raise_signal(signal.SIGTERM)

    try:
        asyncio.run(scene())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (told, heard) == (["stop"], [signal.SIGTERM, signal.SIGTERM])


def test_a_signal_that_nobody_takes_is_left_alone() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)

    async def scene() -> None:
        with told_to_stop(lambda: None):
            assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

    try:
        asyncio.run(scene())
    finally:
        signal.signal(signal.SIGTERM, before)
