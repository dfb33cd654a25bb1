"""Which package may import what: the arrows point down, and each library has its place."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from tests.architecture.modules import PACKAGES, Module

_BELOW_SERVICES = ("domain", "outbound", "providers", "storage")

# What each package may import of ours, besides itself.
ARROWS: Mapping[str, tuple[str, ...]] = {
    "domain": (),
    "sandbox": ("domain",),
    "outbound": ("domain",),
    "storage": ("domain",),
    "providers": ("domain", "outbound"),
    "services": _BELOW_SERVICES,
    "api": ("services", *_BELOW_SERVICES),
    "workers": ("services", *_BELOW_SERVICES),
    "cli": ("services", *_BELOW_SERVICES),
    "migrations": ("domain", "storage"),
    # Measures all of it, from outside and from within; nothing may import it.
    "bench": ("cli", "services", *_BELOW_SERVICES),
}

_HTTP = ("providers/", "outbound/", "sandbox/", "cli/", "bench/")
# The benchmark's textbook services are written as a textbook would; it also listens to what is sent to SQL.
_SQL = ("storage/", "migrations/", "bench/floors.py", "bench/claims.py", "bench/copied.py")
_QUEUE = ("storage/queue.py", "workers/", "bench/naive.py", "bench/blocking.py", "bench/floors.py")

# Where a library may be imported: folders end with a slash.
PLACES: Mapping[str, tuple[str, ...]] = {
    "fastapi": ("api/", "sandbox/", "bench/floors.py"),
    "starlette": ("api/", "sandbox/"),
    "celery": _QUEUE,
    "kombu": _QUEUE,
    "flower": ("workers/",),
    "sqlmodel": _SQL,
    "sqlalchemy": _SQL,
    "alembic": _SQL,
    # Beside the ORM, for the one path whose cost it would decide.
    "asyncpg": ("storage/entrance.py",),
    "boto3": ("storage/objects/s3",),
    "botocore": ("storage/objects/s3",),
    "fal_client": ("providers/fal/", "bench/naive.py"),
    "httpx": _HTTP,
    "httpcore": _HTTP,
    "aiohttp": (),
    "pyreqwest": _HTTP,
    "requests": _HTTP,
    "urllib3": _HTTP,
    "urllib.request": (),
    "http.client": (),
}


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name, and whether it stands inside a function."""

    name: str
    line: int
    inside_function: bool


def imports(module: Module) -> Iterator[Import]:
    """Every import of ``module``, as absolute names; of ``from a import b`` it is ``a.b``."""
    inner = {
        id(node)
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(module.tree):
        for name in _names(node):
            yield Import(name, getattr(node, "lineno", 0), id(node) in inner)


def wrong_arrows(module: Module) -> list[str]:
    """Imports of our own that point up or aside."""
    allowed = ARROWS.get(module.package, PACKAGES)
    return [
        f"{module.path}:{found.line} imports {found.name}, but {module.package} may import "
        f"{' '.join(allowed) or 'nothing of ours'}"
        for found in imports(module)
        if _is_ours(found.name)
        and found.name.partition(".")[0] != module.package
        and not any(_within(found.name, name) for name in allowed)
    ]


def misplaced_libraries(module: Module) -> list[str]:
    """Imports of libraries outside the place that they have."""
    return [
        f"{module.path}:{found.line} imports {library}: it belongs in {' '.join(places) or 'no place'}"
        for found in imports(module)
        for library, places in PLACES.items()
        if _within(found.name, library) and not module.path.startswith(places)
    ]


def hidden_imports(module: Module) -> list[str]:
    """Imports of our own inside functions: they hide a cycle or a wrong arrow."""
    return [
        f"{module.path}:{found.line} imports {found.name} inside a function: fix the direction instead"
        for found in imports(module)
        if found.inside_function and _is_ours(found.name)
    ]


def cycle(sources: Iterable[Module]) -> list[str]:
    """The modules of one import cycle; empty when there is none."""
    by_name = {module.name: module for module in sources}
    graph = {
        name: {
            target for found in imports(module) if (target := _target(found.name, by_name)) not in ("", name)
        }
        for name, module in by_name.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module is not None:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in PACKAGES


def _within(name: str, parent: str) -> bool:
    return name == parent or name.startswith(f"{parent}.")


def _target(name: str, known: Mapping[str, Module]) -> str:
    """The module that holds ``name``: it may be a module itself, or something defined in one."""
    parent = name.rpartition(".")[0]
    return next((candidate for candidate in (name, parent) if candidate in known), "")
