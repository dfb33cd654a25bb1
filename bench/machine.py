"""What a figure was measured on: without it a number says nothing."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any, Final

from cli.stack import postgres, valkey

_MEMORY: Final = Path("/proc/meminfo")
_PROCESSORS: Final = Path("/proc/cpuinfo")


def describe() -> dict[str, Any]:
    """The machine's name, by what it is made of, and the versions of what runs on it."""
    return {
        "processor": _field(_PROCESSORS, "model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int((_field(_MEMORY, "MemTotal") or "0").split()[0]) / 2**20, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgres": _version(postgres.embedded_binaries() / "postgres"),
        "valkey": _version(valkey.embedded_binary()),
        "load_before": round(os.getloadavg()[0], 2),
    }


def headline(machine: dict[str, Any]) -> str:
    """The description in two lines."""
    return (
        f"{machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gib']} GiB, {machine['system']}\n"
        f"Python {machine['python']}; {machine['postgres']}; {machine['valkey']}; "
        f"load before the start: {machine['load_before']}"
    )


def _field(path: Path, name: str) -> str | None:
    if not path.exists():
        return None
    for line in path.read_text(encoding="utf-8").splitlines():
        found, _, value = line.partition(":")
        if found.strip() == name:
            return value.strip()
    return None


def _version(program: Path) -> str:
    said = subprocess.run((str(program), "--version"), check=True, capture_output=True, text=True)  # noqa: S603 - our own parts
    return said.stdout.strip()
