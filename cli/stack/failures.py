"""What can keep the stack from starting or from going on, said to the person who started it."""

from collections.abc import Sequence


class StackError(Exception):
    """The stack cannot start or go on; the message says what to do, ``last_lines`` what was said last."""

    def __init__(self, message: str, last_lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.last_lines = tuple(last_lines)


class FolderInUse(StackError):  # noqa: N818 - names the fact
    """Another `darkroom up` runs on the same data folder."""


class PortTaken(StackError):  # noqa: N818 - names the fact
    """A port that the stack must listen on is held by another program."""
