"""The whole of Darkroom on one machine, as one object: start it, wait until it answers, stop it."""

import os
import time
from collections.abc import Callable

import httpx

from cli.stack import applications, services
from cli.stack.applications import Applications
from cli.stack.console import Console
from cli.stack.environment import Plan, environment, plan
from cli.stack.failures import StackError
from cli.stack.folder import DataFolder
from cli.stack.leftovers import end_leftovers
from cli.stack.lock import FolderLock
from cli.stack.ports import LOOPBACK, require_free
from cli.stack.reaper import Reaper
from cli.stack.services import Services
from cli.stack.supervisor import Supervisor
from services.settings import Settings

MakeApplications = Callable[[int, int], Applications]

# A worker has 20 s for what it is doing; what takes longer is found again after the next start.
_APPLICATION_GRACE_SECONDS = 25.0
_SERVICE_GRACE_SECONDS = 20.0
_LOOK_AGAIN_SECONDS = 0.1


class Stack:
    """Services, one-time steps and processes on one data folder.

    ``apps`` makes what runs on the services, from the two ports; by default Darkroom itself.
    """

    def __init__(
        self, settings: Settings, console: Console, apps: MakeApplications = applications.darkroom
    ) -> None:
        self.settings = settings
        self.folder = DataFolder.at(settings.data_dir)
        self.plan: Plan = plan(settings, self.folder)
        self.environment: dict[str, str] = {}
        self._console = console
        self._apps = apps(settings.port, settings.flower_port)
        self._lock: FolderLock | None = None
        self._reaper: Reaper | None = None
        self._supervisor: Supervisor | None = None

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"http://{LOOPBACK}:{self.settings.port}"

    @property
    def flower_url(self) -> str:
        """Where Flower answers."""
        return f"http://{LOOPBACK}:{self.settings.flower_port}"

    @property
    def sandbox_url(self) -> str | None:
        """Where the sandbox answers, once started; None when every provider is yours."""
        return self.environment.get("DARKROOM_SANDBOX_URL")

    def start(self) -> None:
        """Start everything, in order; what had started is stopped again when that fails.

        Raises:
            StackError: a port or the folder is in use, or a part did not start.
        """
        self._lock = FolderLock.take(self.folder.lock)
        try:
            for name in end_leftovers(self.folder.running):
                self._console.notice(f"{name} was still running from an earlier start, and is ended")
            require_free(self.settings.port, "DARKROOM_PORT")
            require_free(self.settings.flower_port, "DARKROOM_FLOWER_PORT")
            self._start(self._lock)
        except BaseException:
            self.stop()
            raise

    def wait_ready(self, patience_seconds: float = 90.0) -> None:
        """Wait until the API says that everything it needs is there.

        Raises:
            StackError: a process gave up, or the time is over; the message says what was not ready.
        """
        deadline = time.monotonic() + patience_seconds
        while (missing := self._missing()) is not None:
            self.check(_LOOK_AGAIN_SECONDS)
            if time.monotonic() > deadline:
                raise StackError(f"not ready after {patience_seconds:g} s: {missing}")

    def check(self, wait_seconds: float = 0.0) -> None:
        """Look for so long whether something has gone wrong for good.

        Raises:
            StackError: a process died again and again.
        """
        if self._supervisor is not None:
            self._supervisor.check(wait_seconds)

    def stop(self, *, grace_seconds: float = _APPLICATION_GRACE_SECONDS) -> None:
        """Stop everything in reverse order: what stops first still has its services. Safe to call again."""
        if self._supervisor is not None:
            self._supervisor.unwatch()
            running = self._supervisor.names
            self._supervisor.stop([name for name in running if name not in services.NAMES], grace_seconds)
            for service in reversed([name for name in running if name in services.NAMES]):
                self._supervisor.stop([service], min(grace_seconds, _SERVICE_GRACE_SECONDS))
            self._supervisor = None
        if self._reaper is not None:
            self._reaper.close()
            self._reaper = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _start(self, lock: FolderLock) -> None:
        embedded = Services.of(self.plan, self.folder)
        self.environment = environment(self.settings, self.folder, embedded.reached, os.environ)
        self._reaper = Reaper([lock.descriptor])
        self._supervisor = Supervisor(
            self.environment, self._console, self.folder.logs, self._reaper, running=self.folder.running
        )
        embedded.start(self._supervisor)
        for step in self._apps.steps:
            self._supervisor.run_once(step)
        for process in self._apps.processes:
            self._supervisor.keep(process)
        self._supervisor.watch()

    def _missing(self) -> str | None:
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False)
        except httpx.TransportError as error:
            return f"{self.url} does not answer ({error})"
        return None if answer.is_success else f"/readyz says {answer.status_code}: {answer.text[:500]}"
