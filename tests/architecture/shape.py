"""How long, how deep and how named: measures of files and functions."""

import ast
from collections.abc import Iterator, Mapping

from tests.architecture.modules import Module

MOST_FILE_LINES = 350
MOST_FUNCTION_LINES = 60
DEEPEST_NESTING = 3
# Names that say nothing about what lives in a file.
EMPTY_NAMES = frozenset({"utils", "util", "helpers", "common", "manager", "managers", "models", "misc"})

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_NESTING = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)


def long_files(module: Module, allowed: Mapping[str, int]) -> list[str]:
    """A file over the limit, or over its own entry in the ratchet file; an entry that is no longer needed."""
    lines = len(module.text.splitlines())
    limit = allowed.get(module.path, MOST_FILE_LINES)
    if lines > limit:
        return [f"{module.path} has {lines} lines, {limit} are allowed: split it by what it is about"]
    if module.path in allowed and lines <= MOST_FILE_LINES:
        return [f"{module.path} is within {MOST_FILE_LINES} lines: take it out of the ratchet file"]
    return []


def empty_names(module: Module) -> list[str]:
    """A file whose name does not say what lives there."""
    stem = module.path.rpartition("/")[2].removesuffix(".py")
    return [f"{module.path}: name the file after what lives there"] if stem in EMPTY_NAMES else []


def long_functions(module: Module) -> list[str]:
    """Functions with too many lines, their docstring not counted."""
    return [
        f"{module.path}:{function.lineno} {function.name} has {length(function)} lines, "
        f"{MOST_FUNCTION_LINES} are allowed"
        for function in functions(module)
        if length(function) > MOST_FUNCTION_LINES
    ]


def deep_functions(module: Module) -> list[str]:
    """Functions whose statements nest too deeply."""
    return [
        f"{module.path}:{function.lineno} {function.name} nests {depth(function)} deep, "
        f"{DEEPEST_NESTING} are allowed"
        for function in functions(module)
        if depth(function) > DEEPEST_NESTING
    ]


def functions(module: Module) -> Iterator[_Function]:
    """Every function and method."""
    return (node for node in ast.walk(module.tree) if isinstance(node, _Function))


def length(function: _Function) -> int:
    """Lines from ``def`` to the last one, without the docstring's."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def depth(node: ast.AST) -> int:
    """How many nesting statements lie around the innermost one; an inner function is measured by itself."""
    return max((_step(node, child) + depth(child) for child in _children(node)), default=0)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    return (
        child
        for child in ast.iter_child_nodes(node)
        if not isinstance(child, _Function | ast.Lambda | ast.ClassDef)
    )


def _step(parent: ast.AST, child: ast.AST) -> int:
    is_elif = isinstance(parent, ast.If) and isinstance(child, ast.If) and parent.orelse == [child]
    return int(isinstance(child, _NESTING) and not is_elif)
