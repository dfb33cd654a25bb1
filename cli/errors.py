"""How a command can end badly: each error is a sentence for the person at the terminal and an exit code."""

from typing import Final

FAILED: Final = 1
MISUSED: Final = 2
UNREACHABLE: Final = 3


class CliError(Exception):
    """A command could not do what was asked; the message says why, and what to do.

    CliError
    ├── Failed        1: the job, or a check, failed
    ├── Misused       2: the command or its input is wrong
    └── Unreachable   3: no Darkroom answers, it does not take the key, or it cannot work just now
        ├── NotAllowed   the key is missing, not accepted, or of too small a scope
        └── NoAnswer     the request went out and no whole answer came back: it may have been carried out
    """

    exit_code = FAILED


class Failed(CliError):  # noqa: N818 - names the fact
    """The job, or a check, failed."""


class Misused(CliError):  # noqa: N818 - names the fact
    """The command or its input is wrong."""

    exit_code = MISUSED


class Unreachable(CliError):  # noqa: N818 - names the fact
    """No Darkroom answers, it does not take the key, or it cannot work just now."""

    exit_code = UNREACHABLE


class NotAllowed(Unreachable):
    """The key is missing, not accepted, or of too small a scope."""


class NoAnswer(Unreachable):
    """The request went out and no whole answer came back: it may have been carried out."""
