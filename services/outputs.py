"""How the files of a finished generation are kept with its attempt."""

from typing import Any

from providers.base import Finished


def outputs_of(verdict: Finished) -> list[dict[str, Any]]:
    """Where the files lie, what the provider says that they are, and which of them are extras."""
    return [
        {"url": output.url, "content_type": output.content_type, "extra": output.extra}
        for output in verdict.outputs
    ]
