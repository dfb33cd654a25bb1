"""What is broken when: a schedule laid out by the seed, each kind of break at least once."""

import random
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.chaos.stage import Stage


@dataclass(frozen=True, slots=True)
class Break:
    """One break: what, and how long it lasts where it does."""

    kind: str
    seconds: float


def _frozen(name: str) -> Callable[[Stage, Break, threading.Event], None]:
    def freeze(stage: Stage, one: Break, done: threading.Event) -> None:
        with stage.frozen(name):
            done.wait(one.seconds)

    return freeze


def _store_away(stage: Stage, one: Break, done: threading.Event) -> None:
    stage.stop_store()
    done.wait(one.seconds)
    stage.start_store()


_ACTS: Final[dict[str, Callable[[Stage, Break, threading.Event], None]]] = {
    "kill web": lambda stage, _one, _done: stage.kill("web"),
    "kill worker": lambda stage, _one, _done: stage.kill("worker"),
    "kill submits": lambda stage, _one, _done: stage.kill("submits"),
    "kill callbacks": lambda stage, _one, _done: stage.kill("callbacks"),
    "kill batches": lambda stage, _one, _done: stage.kill("batches"),
    "kill watcher": lambda stage, _one, _done: stage.kill("watcher"),
    "freeze watcher": _frozen("watcher"),
    "freeze valkey": _frozen("valkey"),
    "kill valkey": lambda stage, _one, _done: stage.restart_valkey(),
    "empty redis": lambda stage, _one, _done: stage.empty_redis(),
    "restart postgres": lambda stage, _one, _done: stage.restart_postgres(signal.SIGINT),
    "crash postgres": lambda stage, _one, _done: stage.restart_postgres(signal.SIGQUIT),
    "take the object store away": _store_away,
}
KINDS: Final = tuple(_ACTS)
_LONGEST_SECONDS: Final = 3.0


def schedule(seed: int, count: int) -> list[Break]:
    """``count`` breaks, or as many as there are kinds where that is more."""
    chance = random.Random(f"breaks {seed}")
    more = [chance.choice(KINDS) for _ in range(count - len(KINDS))]
    kinds = chance.sample((*KINDS, *more), len(KINDS) + len(more))
    return [Break(kind, chance.uniform(0.5, _LONGEST_SECONDS)) for kind in kinds]


def carry_out(stage: Stage, one: Break) -> None:
    """Break it, and mend it again."""
    _ACTS[one.kind](stage, one, threading.Event())
