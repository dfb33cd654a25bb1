"""``darkroom up``: the whole stack in the foreground."""

from cli.configuration import read_settings
from cli.stack.foreground import run
from cli.whereabouts import with_whereabouts


def up() -> int:
    """Run until stopped; the exit code."""
    return run(read_settings(), apps=with_whereabouts)
