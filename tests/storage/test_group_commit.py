"""Group commit: each item has its own outcome, whatever becomes of those that came with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from storage.database import DatabaseUnavailable
from storage.group_commit import GroupCommit, Spoiled


class Book:
    """Doubles numbers, while it is open; refuses a page with a negative one, and is away at zero."""

    def __init__(self) -> None:
        self.pages: list[Sequence[int]] = []
        self.asked, self.open = asyncio.Event(), asyncio.Event()
        self.opened_times, self.here = 0, True

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Callable[[Sequence[int]], Awaitable[list[int]]]]:
        if not self.here:
            raise DatabaseUnavailable("no connection")
        self.opened_times += 1
        yield self.write

    async def write(self, numbers: Sequence[int]) -> list[int]:
        self.asked.set()
        await self.open.wait()
        if 0 in numbers:
            raise DatabaseUnavailable("away")
        if min(numbers) < 0:
            raise Spoiled(f"{len(numbers)} numbers, one of them negative")
        self.pages.append(numbers)
        return [2 * number for number in numbers]


def run(scene: Callable[[GroupCommit[int, int], Book], Awaitable[list[Any]]]) -> tuple[list[Any], Book]:
    async def both() -> tuple[list[Any], Book]:
        book = Book()
        commits = GroupCommit(book.opened)
        outcomes = await scene(commits, book)
        await commits.finish()
        return outcomes, book

    return asyncio.run(both())


def put(*numbers: int) -> tuple[list[Any], Book]:
    """What becomes of numbers that come at once."""

    async def scene(commits: GroupCommit[int, int], book: Book) -> list[Any]:
        book.open.set()
        return await asyncio.gather(*map(commits.put, numbers), return_exceptions=True)

    return run(scene)


@given(st.lists(st.integers(-3, 100).filter(bool), max_size=450))
def test_each_is_told_its_own_outcome_and_what_is_refused_is_refused_alone(numbers: list[int]) -> None:
    outcomes, book = put(*numbers)
    told = [str(one) if isinstance(one, Spoiled) else one for one in outcomes]
    assert told == ["1 numbers, one of them negative" if one < 0 else 2 * one for one in numbers]
    assert [number for page in book.pages for number in page] == [one for one in numbers if one > 0]


def test_two_hundred_go_into_one_commit() -> None:
    assert [len(page) for page in put(*range(1, 451))[1].pages] == [200, 200, 50]


def test_what_comes_while_a_commit_is_on_its_way_goes_into_the_next() -> None:
    async def scene(commits: GroupCommit[int, int], book: Book) -> list[Any]:
        first = asyncio.ensure_future(commits.put(1))
        await book.asked.wait()
        book.open.set()
        return [*await asyncio.gather(first, commits.put(2), commits.put(3))]

    outcomes, book = run(scene)
    assert outcomes == [2, 4, 6]
    assert book.pages == [[1], [2, 3]]


def test_when_the_database_is_away_nothing_is_tried_piece_by_piece() -> None:
    outcomes, book = put(1, 0, 2)
    assert [type(one) for one in outcomes] == [DatabaseUnavailable] * 3
    assert book.pages == []


def test_whoever_leaves_is_not_told_of_a_failure_and_the_others_are() -> None:
    async def scene(commits: GroupCommit[int, int], book: Book) -> list[Any]:
        asked = [asyncio.ensure_future(commits.put(number)) for number in (0, 1)]
        await book.asked.wait()
        asked[0].cancel()
        book.open.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    assert [type(one) for one in run(scene)[0]] == [asyncio.CancelledError, DatabaseUnavailable]


def test_it_stays_open_while_anything_waits_and_is_opened_again_where_it_broke() -> None:
    assert put(*range(1, 451))[1].opened_times == 1
    outcomes, book = put(*range(1, 201), 0, *range(201, 250))
    assert {type(one) for one in outcomes} == {int, DatabaseUnavailable}
    assert book.opened_times == 1

    async def scene(commits: GroupCommit[int, int], book: Book) -> list[Any]:
        away = asyncio.ensure_future(commits.put(0))
        await book.asked.wait()
        waiting = asyncio.ensure_future(commits.put(1))
        asyncio.get_running_loop().call_soon(book.open.set)
        return [*await asyncio.gather(away, waiting, return_exceptions=True)]

    outcomes, book = run(scene)
    assert [type(one) for one in outcomes] == [DatabaseUnavailable, int]
    assert book.opened_times == 2


def test_where_it_cannot_be_opened_whoever_waits_is_told() -> None:
    async def scene(commits: GroupCommit[int, int], book: Book) -> list[Any]:
        book.here = False
        return [*await asyncio.gather(commits.put(1), commits.put(2), return_exceptions=True)]

    outcomes, book = run(scene)
    assert [type(one) for one in outcomes] == [DatabaseUnavailable] * 2
    assert book.pages == []


def test_a_fault_of_ours_is_told_to_all_whose_turn_it_was_and_to_nobody_else() -> None:
    async def scene(commits: GroupCommit[int, int], book: Book) -> list[Any]:
        wrong = asyncio.ensure_future(commits.put(cast("int", "no number")))
        await book.asked.wait()
        right = asyncio.ensure_future(commits.put(1))
        book.open.set()
        return [*await asyncio.gather(wrong, right, return_exceptions=True)]

    outcomes, book = run(scene)
    assert [type(one) for one in outcomes] == [TypeError, int]
    assert book.opened_times == 2
