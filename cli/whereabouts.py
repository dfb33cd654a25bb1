"""Where a running stack's parts answer, left in its data folder for the commands that look for them."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cli.stack import applications
from cli.stack.applications import Applications
from cli.stack.child import Program

_FILE: Final = "stack.json"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Addresses without secrets; None for a part that is not embedded."""

    sandbox_url: str | None = None


def with_whereabouts(port: int, flower_port: int) -> Applications:
    """Darkroom's own processes, with one more step before them that writes the whereabouts down."""
    darkroom = applications.darkroom(port, flower_port)
    noting = Program("whereabouts", (sys.executable, "-m", "cli.whereabouts"))
    return Applications((*darkroom.steps, noting), darkroom.processes)


def whereabouts(data_dir: Path) -> Whereabouts:
    """What the last stack on this folder wrote; whether it still runs is for the asker to find out."""
    try:
        found = json.loads((data_dir / _FILE).read_text(encoding="utf-8"))
        return Whereabouts(sandbox_url=found["sandbox_url"])
    except (OSError, ValueError, KeyError, TypeError):
        return Whereabouts()


def write(data_dir: Path, known: Whereabouts) -> None:
    """Replace the file whole."""
    draft = data_dir / f".{_FILE}.{os.getpid()}"
    draft.write_text(json.dumps(asdict(known)), encoding="utf-8")
    draft.replace(data_dir / _FILE)


if __name__ == "__main__":
    write(Path(os.environ["DARKROOM_DATA_DIR"]), Whereabouts(os.environ.get("DARKROOM_SANDBOX_URL")))
