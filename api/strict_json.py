"""Reading JSON strictly: what cannot be kept exactly is refused by name, and nothing is guessed."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

MAX_DEPTH: Final = 64
_MOST_PROBLEMS: Final = 20
# How a number begins that may not be finite.
_UNSURE: Final = re.compile(rb"[0-9](?:[eE][+0-9]|[0-9]{299})")


class NotJsonError(ValueError):
    """The text is not JSON in UTF-8; the message says where."""


class UnkeepableError(ValueError):
    """JSON that cannot be kept as it stands; ``problems`` holds (field, sentence) for each place."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {sentence}" for field, sentence in problems))
        self.problems = problems


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object in ``raw``, with whole numbers exact.

    Raises:
        NotJsonError: not UTF-8, or not JSON.
        UnkeepableError: not an object, a name twice in one object, too deep, a number that is none or too
            large, or text that no database takes (NUL, half a surrogate pair).
    """
    document = _load(raw)
    if not isinstance(document, dict):
        raise UnkeepableError(("", 'must be a JSON object, like {"model": "…", "input": {"prompt": "…"}}'))
    if _is_plain(raw):
        return document
    problems = [problem for _, problem in zip(range(_MOST_PROBLEMS), _problems(document), strict=False)]
    if problems:
        raise UnkeepableError(*problems)
    return document


def _load(raw: bytes) -> object:
    try:
        return _DECODER.decode(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise NotJsonError(
            f"the body is not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}"
        ) from error
    except json.JSONDecodeError as error:
        raise NotJsonError(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise UnkeepableError(_too_deep("")) from error
    except UnkeepableError:
        raise
    except ValueError as error:
        # The interpreter refuses to read whole numbers of thousands of digits, which takes quadratic time.
        raise UnkeepableError(("", "holds a whole number with more digits than can be read")) from error


def _is_plain(raw: bytes) -> bool:
    """Whether nothing in the JSON ``raw`` can be a problem, as in nearly every body: no walk is needed then.

    NUL and half a surrogate pair are escapes in whatever is JSON in UTF-8, and nesting takes brackets.
    """
    shallow = raw.count(b"{") + raw.count(b"[") < MAX_DEPTH
    finite = b"NaN" not in raw and b"Infinity" not in raw and _UNSURE.search(raw) is None
    return shallow and finite and b"\\" not in raw


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UnkeepableError((twice, "is given twice in one object: give it once"))
    return found


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object)


def _problems(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every place that cannot be kept; walks without recursion, so no depth is too deep for it."""
    left: list[tuple[str, Any, int]] = [("", document, 1)]
    while left:
        path, value, depth = left.pop()
        if depth > MAX_DEPTH:
            yield _too_deep(path)
            return
        yield from _scalar_problems(path, value)
        if isinstance(value, dict):
            yield from (
                (_join(path, name), f"its name {trouble}")
                for name in value
                if (trouble := _text_trouble(name)) is not None
            )
            left.extend((_join(path, name), item, depth + 1) for name, item in reversed(value.items()))
        elif isinstance(value, list):
            left.extend((_join(path, str(n)), item, depth + 1) for n, item in enumerate(value))


def _scalar_problems(path: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and (trouble := _text_trouble(value)) is not None:
        yield path, trouble
    if isinstance(value, float) and not math.isfinite(value):
        yield path, "must be a finite number: NaN, Infinity and numbers beyond 1.8e308 cannot be kept"


def _text_trouble(text: str) -> str | None:
    if "\0" in text:
        return "must not contain the NUL character (\\u0000)"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half a surrogate pair (\\ud800 to \\udfff): write the whole character"
    return None


def _too_deep(path: str) -> tuple[str, str]:
    return path, f"is nested deeper than {MAX_DEPTH} levels"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
