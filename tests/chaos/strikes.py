"""Where the saboteur strikes: a plan made from the seed, shared by all processes through one folder."""

import fcntl
import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = "DARKROOM_CHAOS_STRIKES"
# Between commit and POST, on the wire, and between the answer and its commit; and so for files and callbacks.
POINTS: Final = (
    "submit.before",
    "submit.during",
    "submit.after",
    "fetch.during",
    "put.during",
    "put.after",
    "post.before",
    "post.after",
)
_LONGEST_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Strikes:
    """Which passing of which point kills: the process that passes it, or its whole group."""

    folder: Path
    plan: Mapping[str, Mapping[str, bool]]

    @classmethod
    def planned(cls, folder: Path, chance: random.Random, *, each: int, within: int) -> "Strikes":
        """A plan of ``each`` strikes per point among its first ``within`` passings, written to ``folder``."""
        plan = {
            point: {str(number): chance.random() < 0.5 for number in chance.sample(range(1, within), each)}
            for point in POINTS
        }
        folder.mkdir()
        (folder / "plan").write_text(json.dumps(plan), encoding="utf-8")
        return cls(folder, plan)

    @classmethod
    def found(cls, environment: Mapping[str, str]) -> "Strikes":
        """The plan that this process was started with."""
        folder = Path(environment[FOLDER])
        return cls(folder, json.loads((folder / "plan").read_text(encoding="utf-8")))

    def reach(self, point: str) -> None:
        """Pass a point; does not return where it is struck."""
        whole = self._struck(point)
        if whole is not None:
            self._die(point, whole=whole)

    @contextmanager
    def during(self, point: str) -> Iterator[None]:
        """Pass a point that lasts: where it is struck, it is so at some moment of the block."""
        whole = self._struck(point)
        if whole is None:
            yield
            return
        moment = random.uniform(0, _LONGEST_SECONDS)
        threading.Timer(moment, self._die, (point,), {"whole": whole}).start()
        try:
            yield
        finally:
            self._die(point, whole=whole)

    def note(self, **line: Any) -> None:  # noqa: ANN401 - JSON
        """Write a line to the journal; it stays whatever becomes of this process."""
        text = json.dumps(line | {"process": os.getpid(), "at": time.monotonic()}) + "\n"
        descriptor = os.open(self.folder / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, text.encode())
        os.close(descriptor)

    def journal(self) -> list[dict[str, Any]]:
        """Everything that was noted, in order."""
        path = self.folder / "journal"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def _struck(self, point: str) -> bool | None:
        return self.plan[point].get(str(self._number(point)))

    def _number(self, point: str) -> int:
        """Which passing of the point this is, over all processes."""
        with (self.folder / point).open("a+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            number = int(file.read() or 0) + 1
            file.truncate(0)
            file.write(str(number))
        return number

    def _die(self, point: str, *, whole: bool) -> None:
        self.note(struck=point, whole=whole)
        if whole:
            os.killpg(os.getpgid(0), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
