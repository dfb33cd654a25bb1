"""One process of the stack: its start in a group of its own, its lines, its end."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cli.stack.console import Console
from cli.stack.failures import StackError
from cli.stack.logfile import LogFile
from cli.stack.trace import Trace

_KEPT_LINES = 20
_LAST_LINES_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to run: a name for its log lines, the command, what else it is told, and how it ends."""

    name: str
    command: tuple[str, ...]
    extra: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM


class Child:
    """A running process, in a session of its own: a Ctrl-C reaches it only through the supervisor.

    With ``running``, a folder, it is noted there for as long as it lives.
    """

    def __init__(
        self,
        program: Program,
        environment: Mapping[str, str],
        console: Console,
        logs: Path,
        running: Path | None = None,
    ) -> None:
        self.program = program
        self._trace = None if running is None else Trace(running, program.name)
        self._process = _spawn(program, environment, self._trace)
        self._console = console
        self._log = LogFile(logs / f"{program.name}.log")
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._started = time.monotonic()
        self._cleared = False
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    @property
    def group(self) -> int:
        """The process group, which is the process's own id."""
        return self._process.pid

    @property
    def lived_seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self._started

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The newest lines that it wrote."""
        return tuple(self._lines)

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Send the signal on which it ends by itself."""
        if self.poll() is None:
            self._process.send_signal(self.program.stop_signal)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within ``seconds``."""
        try:
            self._process.wait(max(seconds, 0.0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def clear(self) -> None:
        """End whatever is left of its group. Later calls do nothing: the number may be another's by then."""
        if self._cleared:
            return
        self._cleared = True
        with suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
        self._process.wait()
        if self._trace is not None:
            self._trace.remove()
        # What it started may have left the group and hold its output open: do not wait for that for ever.
        self._reader.join(_LAST_LINES_SECONDS)

    def _read(self, output: IO[str]) -> None:
        for raw in output:
            line = raw.rstrip("\r\n")
            self._lines.append(line)
            self._log.write(line)
            self._console.line(self.program.name, line)
        output.close()
        self._log.close()


def _spawn(program: Program, environment: Mapping[str, str], trace: Trace | None) -> subprocess.Popen[str]:
    inherited = () if trace is None else (trace.descriptor,)
    try:
        # The commands are this package's own; nothing in them comes from outside.
        process = subprocess.Popen(  # noqa: S603
            program.command,
            env={**environment, **program.extra},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=inherited,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        if trace is not None:
            trace.drop()
        raise StackError(
            f"{program.name} cannot be started: {program.command[0]}: {error.strerror}"
        ) from error
    if trace is not None:
        trace.hand_over(process.pid, program.stop_signal)
    return process
