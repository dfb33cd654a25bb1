"""What must not be written: pauses in tests, notes to self, floats near money, this or that one's machine."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.modules import Module

_SLEEPERS = frozenset({"time", "asyncio", "anyio", "trio", "gevent"})
_NOTES = re.compile(r"#.*\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
# A path of somebody's machine, or the host of a package registry: neither helps who reads the code.
_REGISTRIES = tuple(f"{name}\\.org" for name in ("pypi", "pythonhosted", "npmjs", "debian"))
_PLACES = re.compile(r"(?<![\w.-])/(?:root|home/\w+|Users/\w+)/|\b(?:" + "|".join(_REGISTRIES) + r")\b")
# Modules that compute with money.
MONEY = ("domain/money.py", "domain/pricing.py", "domain/costs.py", "domain/comparing.py")


def pauses(module: Module) -> list[str]:
    """Calls of a library's sleep, and programs in strings that do the same."""
    return [
        f"{module.path}:{line} sleeps: wait for what should happen, or hand in a clock"
        for line in sorted({*_sleeping_calls(module), *_sleeping_texts(module)})
    ]


def notes(module: Module) -> list[str]:
    """Comments that promise work."""
    return [
        f"{module.path}:{number} holds a note to self: do it, or make it an issue"
        for number, line in enumerate(module.text.splitlines(), 1)
        if _NOTES.search(line)
    ]


def floats(module: Module) -> list[str]:
    """Floating-point numbers: literals, and any use of the type."""
    return [
        f"{module.path}:{getattr(node, 'lineno', 0)} uses a float near money: use Decimal or nano-dollars"
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
    ]


def broad_handlers(module: Module) -> list[str]:
    """Handlers that take every exception and let none of them go on."""
    return [
        f"{module.path}:{node.lineno} swallows every exception: catch what you can answer"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises_again(node)
    ]


def places(path: str, text: str) -> list[str]:
    """Lines that name a machine's own paths or a registry's host."""
    return [
        f"{path}:{number} names a place that only one machine knows"
        for number, line in enumerate(text.splitlines(), 1)
        if _PLACES.search(line)
    ]


def _sleeping_calls(module: Module) -> Iterator[int]:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        bare = isinstance(function, ast.Name) and function.id == "sleep"
        if bare or (isinstance(function, ast.Attribute) and _is_sleeper(function)):
            yield node.lineno


def _is_sleeper(function: ast.Attribute) -> bool:
    owner = function.value
    return function.attr == "sleep" and isinstance(owner, ast.Name) and owner.id in _SLEEPERS


def _sleeping_texts(module: Module) -> Iterator[int]:
    calls = tuple(f"{name}.sleep(" for name in _SLEEPERS)
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and any(call in node.value for call in calls)
        ):
            yield node.lineno


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(
        isinstance(node, ast.Name) and node.id in ("Exception", "BaseException")
        for node in ast.walk(handler.type)
    )


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
