"""The LinkModel account's memory: tasks by id, the prepaid balance, and the media that tasks made."""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, Final

from sandbox.core import Core
from sandbox.invoice import Line, to_nano
from sandbox.linkmodel import rows
from sandbox.linkmodel.catalogue import Offering
from sandbox.linkmodel.links import LinkSigner
from sandbox.linkmodel.sizes import pixels
from sandbox.linkmodel.task import SUCCESS, Task
from sandbox.media.spec import MediaSpec
from sandbox.scenarios import LINKMODEL, Script

_PENDING_SECONDS: Final = 1.0


class InsufficientBalanceError(Exception):
    """The prepaid balance does not cover the task."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a create asks for, checked."""

    offering: Offering
    arguments: dict[str, Any]
    script: Script
    base_url: str


class LinkModelBook:
    """Every task that was accepted, and what became of its money."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.signer = LinkSigner(core.derive("links"))
        self._tasks: dict[str, Task] = {}
        self._spent = 0
        self._order = count()
        self._to_give_back: list[tuple[datetime, int, Task]] = []
        for row in core.archive.rows(LINKMODEL):
            self._remember(rows.read(row))

    def __iter__(self) -> Iterator[Task]:
        """The tasks in the order in which they came."""
        return iter(self._tasks.values())

    def get(self, task_id: str, kind: str) -> Task | None:
        """The task of this id and kind; None if there is none."""
        task = self._tasks.get(task_id)
        return task if task is not None and task.offering.kind == kind else None

    @property
    def balance_nano(self) -> int:
        """What is left of the balance, in nano-dollars; what running tasks hold is not."""
        now = self.core.clock.now()
        while self._to_give_back and self._to_give_back[0][0] <= now:
            task = heapq.heappop(self._to_give_back)[2]
            self._spent -= 0 if self._kept(task) else task.nano
        return to_nano(self.core.config.linkmodel_balance_usd) - self._spent

    def accept(self, order: Order) -> Task:
        """Take a task and hold its price.

        Raises:
            InsufficientBalanceError: the balance is short; no task is made.
        """
        fixed = self.core.config.linkmodel_prices.get(order.offering.id)
        nano = to_nano(order.offering.cost_usd(order.arguments) if fixed is None else fixed)
        if nano > self.balance_nano:
            raise InsufficientBalanceError
        script, video = order.script, order.offering.kind == "video"
        task = Task(
            id=self.core.new_id(),
            order_id=self.core.new_id(),
            offering=order.offering,
            arguments=order.arguments,
            script=script,
            created_at=self.core.clock.now(),
            base_url=order.base_url,
            nano=nano,
            pending=script.seconds("pending", _PENDING_SECONDS),
            run=math.inf if script.has("stuck") else self._run(script, video=video),
        )
        self._add(task)
        self.core.archive.put(
            LINKMODEL, task.id, partial(rows.written, task), task.ended_at or task.created_at
        )
        return task

    def links(self, task: Task) -> list[str]:
        """The signed links of a task that succeeded; the same each time, counted from its end."""
        if task.links is None:
            ended = task.ended_at or self.core.clock.now()
            task.links = [self._link(task, ended, number) for number in range(self._count(task))]
        return task.links

    def line(self, task: Task) -> Line:
        """What the task costs, as far as it has come: its price is taken when it is created."""
        now = self.core.clock.now()
        given_back = task.over(now) and task.gives_back and not self._kept(task)
        nano = 0 if given_back else task.nano
        over, status = task.over(now), task.status(now)
        made = over and task.end_status == SUCCESS
        return Line(task.id, LINKMODEL, task.offering.id, nano, nano > 0, over, status, made)

    def _remember(self, task: Task) -> None:
        """Take in a task of an earlier process, and its files, to which links may be out."""
        task.base_url = self.core.links_base(task.base_url)
        self._add(task)
        if task.status(self.core.clock.now()) == SUCCESS:
            self.links(task)

    def _add(self, task: Task) -> None:
        self._tasks[task.id] = task
        self._spent += task.nano
        if task.gives_back and task.ended_at is not None:
            heapq.heappush(self._to_give_back, (task.ended_at, next(self._order), task))

    def _run(self, script: Script, *, video: bool) -> float:
        return script.seconds("slow", 20) or self.core.run_seconds(video=video)

    def _kept(self, task: Task) -> bool:
        return task.gives_back and self.core.config.linkmodel_charge_failed

    def _count(self, task: Task) -> int:
        if task.script.has("empty_outputs"):
            return 0
        return task.offering.count(task.arguments)

    def _link(self, task: Task, ended: datetime, number: int) -> str:
        width, height = pixels(task.offering, task.arguments)
        prompt, faults = str(task.arguments.get("prompt", "")), task.script.media()
        video = task.offering.kind == "video"
        length = float(task.offering.seconds(task.arguments)) if video else 0.0
        kind = "mp4" if video else "png"
        key = self.core.file_key(task.id, str(number))
        self.core.media.add(key, MediaSpec(kind, width, height, prompt, seconds=length, faults=faults))
        path = f"/linkmodel/files/{key}/out.{kind}"
        return self.signer.link(task.base_url, path, ended, self.core.config.link_seconds)
