"""Reading what is typed: ``name=value`` options, and ids."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cli.errors import Misused


def read_inputs(given: Sequence[str]) -> dict[str, Any]:
    """``--set`` options as the fields of a job's input; ``extra.steps=4`` fills the object ``extra``.

    A value that is JSON is that JSON, anything else is text; money (a name that ends in ``_usd``) stays text.

    Raises:
        Misused: not ``name=value``, or one name twice.
    """
    fields: dict[str, Any] = {}
    for option in given:
        name, value = _split(option, "--set", "duration=5")
        *parents, last = name.split(".")
        at = fields
        for parent in parents:
            at = at.setdefault(parent, {})
            if not isinstance(at, dict):
                raise Misused(f"--set {name}: {parent} is set to a value already, so it cannot hold fields")
        if last in at:
            raise Misused(f"--set {name} is given twice: give it once")
        at[last] = value if last.endswith("_usd") else _value(value)
    return fields


def read_tags(given: Sequence[str]) -> dict[str, str]:
    """``--tag`` options as a job's tags; a value is always text.

    Raises:
        Misused: not ``name=value``, or one name twice.
    """
    tags: dict[str, str] = {}
    for option in given:
        name, value = _split(option, "--tag", "client=acme")
        if name in tags:
            raise Misused(f"--tag {name} is given twice: give it once")
        tags[name] = value
    return tags


def uuid_of(given: str, what: str, commands: str | None = None) -> str:
    """The id of a ``what``, in its usual spelling; its ``commands`` are its plural unless told otherwise.

    Raises:
        Misused: it is none; what was given is not repeated, for it may be a key.
    """
    try:
        return str(UUID(given))
    except ValueError as error:
        example = "0199aa00-0000-7000-8000-000000000000"
        finds = f"`darkroom {commands or f'{what}s'} list`"
        raise Misused(f"that is not the id of a {what}, which looks like {example}: {finds}") from error


def _split(option: str, flag: str, example: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if not equals or not all(name.split(".")):
        raise Misused(f"{flag} {option!r} is not name=value: write it like {flag} {example}")
    return name, value


def _value(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(constant: str) -> None:
    """NaN and Infinity are Python's, not JSON's: they stay text."""
    raise ValueError(constant)
