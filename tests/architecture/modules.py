"""Reads our own source, as modules with their syntax trees, for the house rules to look at."""

import ast
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "api",
    "bench",
    "cli",
    "domain",
    "migrations",
    "outbound",
    "providers",
    "sandbox",
    "services",
    "storage",
    "workers",
)


@dataclass(frozen=True, slots=True)
class Module:
    """One source file; ``path`` is from the root of the repository, with forward slashes."""

    path: str
    text: str
    tree: ast.Module

    @classmethod
    def of(cls, path: str, text: str) -> "Module":
        """The module with this text, be it on disk or made up."""
        return cls(path, text, ast.parse(text))

    @property
    def name(self) -> str:
        """Its dotted name."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        """The top-level package that it is in."""
        return self.path.partition("/")[0]


def files() -> list[str]:
    """Every file of the repository, tracked or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in sorted(set(listed.stdout.splitlines())) if (ROOT / path).is_file()]


def modules(*folders: str) -> list[Module]:
    """The Python files in these top-level folders."""
    return [
        Module.of(path, (ROOT / path).read_text(encoding="utf-8"))
        for path in files()
        if path.endswith(".py") and path.partition("/")[0] in folders
    ]
