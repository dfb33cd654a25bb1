"""What processes have used, as the kernel counts it: CPU seconds and memory, with their children's."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")
# Fields of /proc/<pid>/stat after the name in brackets: the parent, then user and system time of the process
# itself and of those of its children that have ended.
_PARENT: Final = 1
_TIMES: Final = slice(11, 15)


@dataclass(frozen=True, slots=True)
class _Stat:
    process: int
    parent: int
    seconds: float


def cpu_seconds(root: int) -> float:
    """CPU time of a process and all that it has started, the ended ones too."""
    return sum(stat.seconds for stat in _tree(root))


def memory_mib(root: int) -> float:
    """Memory of a process and all that it has started; shared pages are divided by their users (PSS)."""
    return sum(_pss_kib(stat.process) for stat in _tree(root)) / 1024


def children(root: int) -> list[int]:
    """The processes that a process has started and that still run, with theirs."""
    return [stat.process for stat in _tree(root) if stat.process != root]


def _tree(root: int) -> list[_Stat]:
    by_parent: dict[int, list[_Stat]] = defaultdict(list)
    found: dict[int, _Stat] = {}
    for stat in _all(int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()):
        by_parent[stat.parent].append(stat)
        found[stat.process] = stat
    tree = [found[root]] if root in found else []
    for stat in tree:
        tree.extend(by_parent[stat.process])
    return tree


def _all(processes: Iterable[int]) -> Iterator[_Stat]:
    for process in processes:
        text = _read(process, "stat")
        if text:
            fields = text.rpartition(")")[2].split()
            ticks = sum(int(value) for value in fields[_TIMES])
            yield _Stat(process, int(fields[_PARENT]), ticks / _TICKS)


def _pss_kib(process: int) -> int:
    for line in _read(process, "smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _read(process: int, name: str) -> str:
    try:
        return (_PROC / str(process) / name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        # It ended between two looks, or belongs to somebody else.
        return ""
