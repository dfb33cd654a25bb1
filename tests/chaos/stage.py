"""The whole of Darkroom as real processes that can be killed, frozen and taken away one by one."""

import io
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import redis

from cli.stack import applications
from cli.stack.child import Child, Program
from cli.stack.console import Console
from cli.stack.environment import Embedded, environment
from cli.stack.folder import DataFolder
from cli.stack.ports import LOOPBACK, free_port, listening
from cli.stack.postgres import Cluster
from cli.stack.reaper import Reaper
from cli.stack.valkey import Valkey
from cli.stack.waiting import wait_until
from services.settings import Settings
from tests.chaos.strikes import FOLDER, Strikes
from tests.support.programs import ROOT
from tests.support.seaweed import PORTS, SeaweedServer, free_ports, start_seaweed

BUCKET: Final = "chaos"
APPLICATIONS: Final = ("web", "worker", "submits", "callbacks", "batches", "watcher")
_SERVICES: Final = ("postgres", "valkey")
_PATIENCE_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.1
_LONGEST_PAUSE: Final = 1.0
# Shared by both providers, so that a job can fall back; and patience that fits a short run.
_CATALOGUE: Final = """
[limits.fal]
settle_seconds = 10
pilot_seconds = 5

[models.duo]
kind = "image"
[[models.duo.offers]]
provider = "linkmodel"
endpoint = "seedream-4.0"
price = { unit = "image", usd = "0.0232", since = 2026-11-22, source = "the sandbox" }
defaults = { count = 1 }
accepts = ["prompt", "count"]
[[models.duo.offers]]
provider = "fal"
endpoint = "fal-ai/flux/dev"
price = { unit = "megapixel", usd = "0.025", since = 2026-11-22, source = "the sandbox" }
defaults = { size = "landscape_4_3", count = 1 }
accepts = ["prompt", "size", "count"]
"""


class Silence(io.StringIO):
    """A terminal that nobody looks at: the lines are in the log files."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)


@dataclass(slots=True)
class _Kept:
    """A process that is started again whenever it is found dead."""

    program: Program
    child: Child
    # A service is started again by whoever stopped it.
    by_itself: bool
    starts: int = 1


@dataclass
class Stage:
    """Everything that runs, and the means to break it."""

    folder: DataFolder
    settings: Settings
    strikes: Strikes
    cluster: Cluster
    valkey: Valkey
    chance: random.Random
    environment: Mapping[str, str]
    store_ports: list[int] = field(default_factory=lambda: free_ports(PORTS))
    deaths: dict[str, int] = field(default_factory=dict)
    store: SeaweedServer | None = None
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _reaper: Reaper = field(default_factory=Reaper)
    _ending: threading.Event = field(default_factory=threading.Event)
    _resting: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _silent: Console = field(default_factory=lambda: Console(Silence()))

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"http://{LOOPBACK}:{self.settings.port}"

    @property
    def sandbox_url(self) -> str:
        """Where both providers are, and their invoice."""
        return self.environment["DARKROOM_SANDBOX_URL"]

    @property
    def api_key(self) -> str:
        """The first key."""
        return self.folder.api_key.read_text(encoding="utf-8").strip()

    @property
    def callback_secret(self) -> str:
        """What callbacks are signed with."""
        return (self.folder.root / "callback-secret").read_text(encoding="utf-8").strip()

    def start(self) -> None:
        """Start everything and wait until it answers."""
        port = int(self.sandbox_url.rpartition(":")[2])
        sandbox = self._start(applications.sandbox(port), by_itself=False)
        self.start_store()
        self.cluster.prepare()
        # A machine that stays up needs no fsync; what is committed must survive every crash of the server.
        self._start(self.cluster.program(fsync="off"), by_itself=False)
        self._wait("postgres", self.cluster.answers)
        self.cluster.create_database()
        self.valkey.prepare()
        self._start(self.valkey.program(), by_itself=False)
        self._wait("valkey", self.valkey.answers)
        wait_until(lambda: listening(port), sandbox, _PATIENCE_SECONDS)
        made = applications.darkroom(self.settings.port, self.settings.flower_port)
        for step in made.steps:
            self._run(step)
        for process in made.processes:
            if process.name in APPLICATIONS:
                self._start(_sabotaged(process), by_itself=True)
        threading.Thread(target=self._keep, name="keeper", daemon=True).start()
        self.wait_ready()

    def stop(self) -> None:
        """Kill everything that runs."""
        self._ending.set()
        with self._lock:
            for kept in self._kept.values():
                self._bury(kept)
            self._kept.clear()
        if self.store is not None:
            self.store.stop()
        self._reaper.close()

    def wait_ready(self) -> None:
        """Wait until the API says that everything is there."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Darkroom was not ready after {_PATIENCE_SECONDS:g} s")
            self._ending.wait(_LOOK_SECONDS)

    def kill(self, name: str) -> None:
        """End a process by kill -9, and all that it has started; an application starts again soon."""
        self.strikes.note(killed=name)
        with self._lock, suppress(ProcessLookupError):
            os.killpg(self._kept[name].child.group, signal.SIGKILL)

    def kill_everything(self) -> None:
        """Do kill -9 to every process of Darkroom's own at once; none starts again before ``resume``."""
        self._resting.set()
        for name in APPLICATIONS:
            self.kill(name)

    def resume(self) -> None:
        """Let what was killed start again."""
        self._resting.clear()

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """SIGSTOP for the length of the block; it lives, and answers nothing."""
        group = self._kept[name].child.group
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGCONT)

    def empty_redis(self) -> None:
        """FLUSHALL."""
        with redis.Redis.from_url(self.valkey.url) as client:
            client.flushall()

    def restart_valkey(self) -> None:
        """Do kill -9 to it, and start it again."""
        self.kill("valkey")
        self._again("valkey", self.valkey.answers)

    def restart_postgres(self, how: signal.Signals) -> None:
        """Stop it by SIGINT (fast) or SIGQUIT (at once, like a crash), and start it again."""
        with self._lock, suppress(ProcessLookupError):
            os.kill(self._kept["postgres"].child.group, how)
        self._again("postgres", self.cluster.answers)

    def stop_store(self) -> None:
        """Take the object store away."""
        if self.store is not None:
            self.store.stop()
            self.store = None

    def start_store(self) -> None:
        """Bring the object store back with all that it had."""
        if self.store is not None:
            return
        where = self.folder.root / "seaweed"
        first = not where.exists()
        where.mkdir(exist_ok=True)
        self.store = start_seaweed(where, self.store_ports)
        if first:
            client = self.store.session().client("s3", endpoint_url=self.store.endpoint)
            client.create_bucket(Bucket=BUCKET)
            client.close()

    def _ready(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.is_success and not answer.json()["degraded"]

    def _run(self, step: Program) -> None:
        child = Child(step, self.environment, self._silent, self.folder.logs)
        if not child.wait(_PATIENCE_SECONDS) or child.poll() != 0:
            raise RuntimeError(f"{step.name} failed: {child.last_lines}")

    def _start(self, program: Program, *, by_itself: bool) -> Child:
        child = Child(program, self.environment, self._silent, self.folder.logs)
        self._reaper.watch(child)
        self._kept[program.name] = _Kept(program, child, by_itself)
        return child

    def _again(self, name: str, answers: Callable[[], bool]) -> None:
        kept = self._kept[name]
        if not kept.child.wait(_PATIENCE_SECONDS):
            raise TimeoutError(f"{name} did not stop within {_PATIENCE_SECONDS:g} s")
        with self._lock:
            self._restart(kept)
        self._wait(name, answers)

    def _wait(self, name: str, answers: Callable[[], bool]) -> None:
        wait_until(answers, self._kept[name].child, _PATIENCE_SECONDS)

    def _keep(self) -> None:
        """Start again what died, after a moment: a supervisor takes one, too."""
        while not self._ending.wait(_LOOK_SECONDS):
            if self._resting.is_set():
                continue
            with self._lock:
                dead = [one for one in self._kept.values() if one.by_itself and one.child.poll() is not None]
            if dead:
                self._ending.wait(self.chance.uniform(0, _LONGEST_PAUSE))
            for kept in dead:
                self._revive(kept)

    def _revive(self, kept: _Kept) -> None:
        with self._lock:
            if not self._ending.is_set() and not self._resting.is_set():
                name = kept.program.name
                self.deaths[name] = self.deaths.get(name, 0) + 1
                self._restart(kept)

    def _restart(self, kept: _Kept) -> None:
        self._bury(kept)
        kept.child = Child(kept.program, self.environment, self._silent, self.folder.logs)
        kept.starts += 1
        self._reaper.watch(kept.child)

    def _bury(self, kept: _Kept) -> None:
        kept.child.clear()
        self._reaper.forget(kept.child)


@contextmanager
def stage(folder: Path, strikes: Strikes, chance: random.Random, **sandbox: str) -> Iterator[Stage]:
    """A stage under ``folder``, ready, to the end of the block; ``sandbox`` are settings of the providers."""
    data = DataFolder.at(folder)
    catalogue = data.root / "catalogue.toml"
    catalogue.write_text(_CATALOGUE, encoding="utf-8")
    ports = free_ports(PORTS)
    port = free_port()
    settings = Settings(
        _env_file=None,
        data_dir=data.root,
        port=port,
        flower_port=free_port(),
        public_url=f"http://{LOOPBACK}:{port}",
        private_hosts=LOOPBACK,
        s3_bucket=BUCKET,
        s3_endpoint_url=f"http://{LOOPBACK}:{ports[3]}",
        catalogue=catalogue,
    )
    cluster, valkey = Cluster.at(data.postgres), Valkey.at(data.valkey, free_port())
    reached = Embedded(cluster.url(), valkey.url, free_port())
    told = environment(settings, data, reached, _inherited()) | _ours(strikes)
    told |= {f"DARKROOM_SANDBOX_{name.upper()}": value for name, value in sandbox.items()}
    made = Stage(data, settings, strikes, cluster, valkey, chance, told, ports)
    with ExitStack() as stack:
        stack.callback(made.stop)
        made.start()
        yield made


def _sabotaged(program: Program) -> Program:
    command = (sys.executable, "-m", "tests.chaos.saboteur", *program.command)
    return Program(program.name, command, program.extra, program.stop_signal)


def _inherited() -> dict[str, str]:
    """Our own environment without what measures coverage: processes that are killed have none to tell."""
    named = ("COV", "DARKROOM_", "AWS_", "FAL_", "LINKMODEL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(named)}


def _ours(strikes: Strikes) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        FOLDER: str(strikes.folder),
        "AWS_ACCESS_KEY_ID": "test-access-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret-key",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
