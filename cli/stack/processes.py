"""Which program a process runs, by its number, which another may have by now."""

import subprocess
from contextlib import suppress
from pathlib import Path

_LISTED = Path("/proc")


def program_of(process: int, listed: Path = _LISTED) -> str:
    """The name of the program; empty where no process has this number, or a dead one that nobody collects."""
    words = _command(process, listed).split()
    # What is dead has no command line any more; ps then shows something in brackets.
    return "" if not words or words[0][0] in "([<" else Path(words[0]).name.rstrip(":")


def _command(process: int, listed: Path) -> str:
    if not listed.joinpath("self").exists():
        # Without such a file system (macOS), ps knows.
        asked = ("ps", "-o", "command=", "-p", str(process))
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout  # noqa: S603 - a number
    with suppress(OSError):
        # A zero byte stands between the words.
        return (listed / str(process) / "cmdline").read_text(errors="replace").replace("\0", " ")
    return ""
