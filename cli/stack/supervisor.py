"""Keeps processes running: starts them, starts again what dies, gives up on what will not live, ends all."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.stack.child import Child, Program
from cli.stack.console import Console
from cli.stack.failures import StackError
from cli.stack.reaper import Reaper
from cli.stack.restarts import Restarts

_LOOK_SECONDS = 0.1
_NEVER_DIED = Restarts()


@dataclass(slots=True)
class _Kept:
    """A process that is to stay, its history, and when it is to be started again."""

    child: Child
    restarts: Restarts
    due: float | None = None


class Supervisor:
    """The processes of one stack: all are started by the caller, then one thread watches over them.

    With ``running``, a folder, each is noted there, for a later stack to find what this one could not end.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        console: Console,
        logs: Path,
        reaper: Reaper,
        restarts: Restarts = _NEVER_DIED,
        running: Path | None = None,
    ) -> None:
        self._environment = environment
        self._console = console
        self._logs = logs
        self._reaper = reaper
        self._restarts = restarts
        self._running = running
        self._kept: dict[str, _Kept] = {}
        self._ending = threading.Event()
        self._watching: threading.Thread | None = None
        self._failed = threading.Event()
        self._failure: StackError | None = None

    def run_once(self, program: Program) -> None:
        """Run a step to its end.

        Raises:
            StackError: it ended with another code than 0.
        """
        child = self._start(program)
        try:
            while not child.wait(_LOOK_SECONDS):
                pass
        finally:
            self._clear(child)
        if child.poll() != 0:
            raise StackError(f"{program.name} failed with exit code {child.poll()}", child.last_lines)

    def keep(self, program: Program) -> Child:
        """Start a process that is to stay."""
        child = self._start(program)
        self._kept[program.name] = _Kept(child, self._restarts)
        return child

    def watch(self) -> None:
        """From now on, when nothing more is added, start again what dies."""
        self._watching = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._watching.start()

    def unwatch(self) -> None:
        """From now on let what dies be dead; call it before stopping anything."""
        self._ending.set()
        if self._watching is not None:
            self._watching.join()

    def check(self, wait_seconds: float) -> None:
        """Wait for so long whether something is given up.

        Raises:
            StackError: a process died again and again; the error carries what it said last.
        """
        self._failed.wait(wait_seconds)
        if self._failure is not None:
            raise self._failure

    def stop(self, names: Sequence[str], grace_seconds: float) -> None:
        """Ask these processes to stop, last first; kill what is still there after the grace period."""
        children = [self._kept[name].child for name in reversed(names) if name in self._kept]
        for child in children:
            child.ask_to_stop()
        deadline = time.monotonic() + grace_seconds
        for child in children:
            if not child.wait(deadline - time.monotonic()):
                self._console.notice(f"{child.program.name} did not stop in time and is killed")
            self._clear(child)
        for name in names:
            self._kept.pop(name, None)

    @property
    def names(self) -> tuple[str, ...]:
        """The processes that are kept, in the order they were started."""
        return tuple(self._kept)

    def _watch(self) -> None:
        try:
            while not self._ending.wait(_LOOK_SECONDS):
                for kept in self._kept.values():
                    self._look_after(kept)
        except StackError as failure:
            self._failure = failure
            self._failed.set()

    def _look_after(self, kept: _Kept) -> None:
        if kept.due is not None:
            if time.monotonic() >= kept.due:
                kept.due = None
                kept.child = self._start(kept.child.program)
        elif kept.child.poll() is not None:
            self._died(kept)

    def _died(self, kept: _Kept) -> None:
        child = kept.child
        kept.restarts = kept.restarts.after(child.lived_seconds)
        self._clear(child)
        what = f"{child.program.name} died (exit code {child.poll()})"
        if kept.restarts.exhausted:
            times = kept.restarts.quick_deaths
            raise StackError(
                f"{what}, for the {times}th time in a row soon after its start", child.last_lines
            )
        kept.due = time.monotonic() + kept.restarts.delay_seconds
        self._console.notice(f"{what}; it is started again in {kept.restarts.delay_seconds:g} s")

    def _start(self, program: Program) -> Child:
        child = Child(program, self._environment, self._console, self._logs, self._running)
        self._reaper.watch(child)
        return child

    def _clear(self, child: Child) -> None:
        child.clear()
        self._reaper.forget(child)
