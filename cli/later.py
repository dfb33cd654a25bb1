"""Loading a command's parts only when it runs: `darkroom jobs` need not wait for what `up` imports."""

from collections.abc import Callable
from importlib import import_module
from typing import Any


def later(module: str, function: str) -> Callable[..., Any]:
    """``function`` of ``module``, which is imported at the first call: seconds, for the heavy ones."""

    def call(*arguments: object) -> Any:  # noqa: ANN401 - as the function has it
        return getattr(import_module(module), function)(*arguments)

    return call
