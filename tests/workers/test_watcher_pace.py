"""The watcher's pace: at once now and then, evenly when there is no end of it."""

import asyncio

from workers.watcher.pace import Pace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_turn_now_and_then_comes_at_once() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(20):
        clock.now += 0.25
        assert pace.pause() == 0.02


def test_turns_that_are_asked_for_without_end_come_ten_times_a_second() -> None:
    clock = Clock()
    pace = Pace(clock)
    turns = 0
    while clock.now < 110.0:
        clock.now += pace.pause()
        turns += 1
    assert 100 <= turns <= 105


def test_a_pause_lets_a_few_turns_come_at_once_again() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(50):
        clock.now += pace.pause()
    clock.now += 1.0
    assert [pace.pause() for _ in range(3)] == [0.02] * 3


def test_a_turn_in_a_hurry_need_not_wait_but_not_all_can_be() -> None:
    clock = Clock()
    pace = Pace(clock)

    async def hurries() -> int:
        through = 0
        while True:
            try:
                async with asyncio.timeout(0.05):
                    await pace.hurry()
            except TimeoutError:
                return through
            through += 1

    assert asyncio.run(hurries()) == 4
