"""`darkroom up`: the stack in the foreground, from the first line to the last, with an exit code."""

import signal
import sys

from cli.stack import applications
from cli.stack.console import Console
from cli.stack.failures import StackError
from cli.stack.stack import MakeApplications, Stack
from services.settings import Settings

_STOPPED = 0
_FAILED = 1
_LOOK_SECONDS = 1.0


def run(
    settings: Settings, console: Console | None = None, apps: MakeApplications = applications.darkroom
) -> int:
    """Run the stack until it is told to stop (Ctrl-C, TERM, a closed terminal) or cannot go on.

    Returns:
        The exit code: 0 when it was stopped, 1 when it failed; then the reason was printed last.
    """
    shown = console or Console(sys.stdout)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # What was ignored on purpose stays ignored: `nohup darkroom up`.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        stack = Stack(settings, shown, apps)
        return _run(stack, shown)
    except StackError as failure:
        _tell(failure, shown)
        return _FAILED


def _run(stack: Stack, console: Console) -> int:
    choices = [(choice.part, choice.source, choice.detail) for choice in stack.plan.choices]
    console.block([("part", "who", "what"), *choices])
    try:
        stack.start()
        stack.wait_ready()
        console.block(_where(stack))
        while True:
            stack.check(_LOOK_SECONDS)
    except KeyboardInterrupt:
        console.notice("stopping; once more to kill")
        return _STOPPED
    finally:
        _stop(stack, console)


def _stop(stack: Stack, console: Console) -> None:
    try:
        stack.stop()
    except KeyboardInterrupt:
        console.notice("killing what is left")
        stack.stop(grace_seconds=0)
    console.notice("stopped")


def _where(stack: Stack) -> list[tuple[str, str]]:
    flower_login = stack.folder.flower_auth if stack.settings.flower_auth is None else "DARKROOM_FLOWER_AUTH"
    return [
        ("API", stack.url),
        ("Docs", f"{stack.url}/docs"),
        ("Flower", f"{stack.flower_url} (login: {flower_login})"),
        ("API key", str(stack.folder.api_key)),
        ("Data", str(stack.folder.root)),
        ("Stop", "Ctrl-C"),
    ]


def _tell(failure: StackError, console: Console) -> None:
    for line in failure.last_lines:
        console.notice(f"  {line}")
    console.notice(f"error: {failure}")
