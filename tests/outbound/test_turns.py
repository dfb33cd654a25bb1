"""Turns at hosts: a host gets so many requests at a time, an address that hangs few of them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from outbound.turns import AT_HOST, UNPROVEN, Turns

HOST = "https://example.com"
OK, HANGS = f"{HOST}/ok", f"{HOST}/hangs"


def run(scene: Callable[[Turns], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene(Turns())

    asyncio.run(whole())


async def enters(
    turns: Turns, stack: AsyncExitStack, address: str, host: str = HOST, *, patience: float = 0.01
) -> bool:
    """Whether there is a turn at once, or within so many seconds."""
    try:
        await stack.enter_async_context(turns.turn(host, address, patience))
    except TimeoutError:
        return False
    return True


def test_an_address_that_nobody_knows_gets_few_turns_and_leaves_the_others_theirs() -> None:
    async def scene(turns: Turns) -> None:
        turns.judge(OK, well=True)
        async with AsyncExitStack() as stack:
            assert [await enters(turns, stack, HANGS) for _ in range(UNPROVEN + 2)] == [
                *[True] * UNPROVEN,
                False,
                False,
            ]
            assert all([await enters(turns, stack, OK) for _ in range(AT_HOST - UNPROVEN)])
            assert not await enters(turns, stack, OK)
            assert await enters(turns, stack, "https://other.example/", "https://other.example")

    run(scene)


def test_an_address_that_fails_again_loses_its_turns() -> None:
    async def scene(turns: Turns) -> None:
        turns.judge(OK, well=True)
        turns.judge(OK, well=False)
        async with AsyncExitStack() as stack:
            assert [await enters(turns, stack, OK) for _ in range(UNPROVEN + 1)][-1] is False

    run(scene)


def test_who_waits_goes_as_soon_as_another_leaves_the_longest_waiting_first() -> None:
    async def scene(turns: Turns) -> None:
        order: list[int] = []

        async def visit(number: int) -> None:
            async with turns.turn(HOST, OK, None):
                order.append(number)

        async with AsyncExitStack() as stack:
            for _ in range(UNPROVEN):
                await enters(turns, stack, OK)
            visits = [asyncio.create_task(visit(number)) for number in range(5)]
            await asyncio.wait(visits, timeout=0.01)
            assert order == []
        await asyncio.gather(*visits)
        assert order == [0, 1, 2, 3, 4]

    run(scene)


def test_addresses_that_wait_take_turns_with_each_other() -> None:
    async def scene(turns: Turns) -> None:
        order: list[str] = []

        async def visit(address: str) -> None:
            async with turns.turn(HOST, address, None):
                order.append(address)

        for address in (OK, HANGS):
            turns.judge(address, well=True)
        async with AsyncExitStack() as stack:
            for _ in range(AT_HOST):
                await enters(turns, stack, OK)
            visits = [asyncio.create_task(visit(one)) for one in (OK, OK, OK, HANGS)]
            await asyncio.wait(visits, timeout=0.01)
        await asyncio.gather(*visits)
        assert order.index(HANGS) < 2

    run(scene)


def test_a_turn_that_is_given_up_goes_to_the_next() -> None:
    async def scene(turns: Turns) -> None:
        async with AsyncExitStack() as stack:
            for _ in range(UNPROVEN):
                await enters(turns, stack, OK)
            waiting = asyncio.create_task(enters(turns, stack, OK))
            impatient = asyncio.create_task(turns.turn(HOST, OK, None).__aenter__())
            await asyncio.wait([waiting, impatient], timeout=0.001)
            impatient.cancel()
            await asyncio.wait([waiting, impatient])
            assert impatient.cancelled()
        async with AsyncExitStack() as stack:
            assert all([await enters(turns, stack, OK) for _ in range(UNPROVEN)])

    run(scene)


def test_a_turn_that_comes_in_the_moment_it_is_given_up_is_not_lost() -> None:
    async def scene(turns: Turns) -> None:
        async with AsyncExitStack() as stack:
            for _ in range(UNPROVEN):
                await enters(turns, stack, OK)
            late = asyncio.create_task(turns.turn(HOST, OK, None).__aenter__())
            await asyncio.wait([late], timeout=0.001)
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        async with AsyncExitStack() as stack:
            assert all([await enters(turns, stack, OK) for _ in range(UNPROVEN)])

    run(scene)


def test_who_waits_goes_at_once_where_an_address_has_answered_well() -> None:
    async def scene(turns: Turns) -> None:
        async with AsyncExitStack() as waiting, AsyncExitStack() as stack:
            for _ in range(UNPROVEN):
                await enters(turns, stack, OK)
            waits = [asyncio.create_task(enters(turns, waiting, OK, patience=60)) for _ in range(3)]
            await asyncio.wait(waits, timeout=0.001)
            turns.judge(OK, well=True)
            await stack.aclose()
            assert await asyncio.gather(*waits) == [True] * 3

    run(scene)


def test_only_so_many_addresses_are_remembered() -> None:
    async def scene(turns: Turns) -> None:
        turns.judge(OK, well=True)
        for number in range(5000):
            turns.judge(f"{HOST}/{number}", well=True)
        async with AsyncExitStack() as stack:
            assert [await enters(turns, stack, OK) for _ in range(UNPROVEN + 1)][-1] is False

    run(scene)


def test_no_more_are_under_way_in_all_than_there_are_sockets_for() -> None:
    async def scene(_: Turns) -> None:
        few = Turns(in_all=2)
        async with AsyncExitStack() as stack:
            for number in range(2):
                assert await enters(few, stack, f"{number}/x", f"{number}")
            assert not await enters(few, stack, OK)
        async with AsyncExitStack() as stack:
            assert await enters(few, stack, OK)

    run(scene)
