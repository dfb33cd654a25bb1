"""Wrong bodies for ``POST /v1/jobs`` (quotes take the same): what is sent, and what must be named."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.acceptance.cases import FLUX

_TOO_LONG = "x" * 2_000_000
_SOUND: Mapping[str, Any] = {"model": FLUX, "input": {"prompt": "a kite"}}

# Field, wrong values. A dot leads into an object of the request.
_WRONG: Mapping[str, tuple[object, ...]] = {
    "model": (
        None,
        1,
        "",
        " ",
        "no-such-model",
        "fal:",
        "fal:alone",
        "fal:../../etc/passwd",
        "fal:a/b?x=1",
        "fal:a/b#c",
        "fal://a/b",
        "fal:a/b/requests/c",
        "linkmodel:",
        "LINKMODEL:seedream-4.0",
        "x" * 5000,
        "fal:fal-ai/flux/dev\0",
        "fal:a b/c",
        [],
        {},
    ),
    "kind": ("audio", 1, "", []),
    "input": (None, [], "a kite", 5, {}),
    "input.prompt": (None, "", 5, [], {}, "a\0b", _TOO_LONG),
    "input.negative_prompt": (5, [], "a\0b"),
    "input.image_url": (
        5,
        "",
        "not a url",
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "javascript:alert(1)",
    ),
    "input.aspect_ratio": (5, "banana", "0:0", "16:", "16:9:4"),
    "input.resolution": (5, "", []),
    "input.duration": ("long", -1, 0, 10**30, True, [], {}),
    "input.size": (5, "-1x5", "0x0", "1024", "1024x1024x1024"),
    "input.count": (0, -1, 10**6, "many", 1.5, True),
    "input.seed": ("a", -1, 2**70, 1.5, True),
    "input.audio": ("perhaps", 5, []),
    "input.loras": ("x", [5], [{"path": 5}], [{}], {"path": "x"}),
    "input.extra": ([], "x", 5),
    "input.colour": ("blue",),
    "routing": ([], "fal", 5),
    "routing.provider": ("nobody", 5, ""),
    "routing.policy": ("random", 5, ""),
    "routing.fallback": ("perhaps", 5, []),
    "routing.max_cost_usd": ("-1", "abc", "NaN", "Infinity", "1e999999999", "", [], True, -0.5, "9" * 400),
    "routing.start_timeout": (-1, 0, "soon", 10**20, []),
    "routing.zero_retention": ("perhaps", 5),
    "routing.speed": ("high",),
    "tags": (
        [],
        "client=acme",
        {"client": 5},
        {"client": {"a": "b"}},
        {"": "x"},
        {"a\0": "b"},
        {"a": "b\0"},
        {str(number): "x" for number in range(2000)},
        {"x" * 5000: "y"},
        {"x": "y" * 100_000},
    ),
    "priority": ("urgent", 5, ""),
    "callback_url": (5, [], "x" * 100_000),
    "colour": ("blue",),
    "id": ("0199",),
}

# Not JSON, or not an object: what is sent as it is, and its content type.
RAW: Mapping[str, tuple[bytes, str]] = {
    "nothing": (b"", "application/json"),
    "null": (b"null", "application/json"),
    "a list": (b"[]", "application/json"),
    "a text": (b'"kling-v3"', "application/json"),
    "a number": (b"5", "application/json"),
    "an open brace": (b"{", "application/json"),
    "something after the end": (b'{"model": "kling-v3", "input": {"prompt": "x"}} {}', "application/json"),
    "single quotes": (b"{'model': 'kling-v3'}", "application/json"),
    "no UTF-8": (b'{"model": "\xff\xfe", "input": {"prompt": "x"}}', "application/json"),
    "UTF-16": ('{"model": "kling-v3", "input": {"prompt": "x"}}'.encode("utf-16"), "application/json"),
    "NaN": (b'{"model": "kling-v3", "input": {"prompt": "x", "duration": NaN}}', "application/json"),
    "a number beyond all": (
        b'{"model": "kling-v3", "input": {"prompt": "x", "duration": 1e999}}',
        "application/json",
    ),
    "a number of 5000 digits": (
        b'{"model": "kling-v3", "input": {"prompt": "x", "seed": ' + b"9" * 5000 + b"}}",
        "application/json",
    ),
    "half a character": (b'{"model": "kling-v3", "input": {"prompt": "\\ud800"}}', "application/json"),
    "a nest of 100,000 lists": (
        b'{"model": "kling-v3", "input": {"prompt": "x", "extra": {"a": ' + b"[" * 100_000,
        "application/json",
    ),
    "a closed nest": (
        b'{"model": "kling-v3", "input": {"prompt": "x", "extra": {"a": '
        + b"[" * 5000
        + b"]" * 5000
        + b"}}}",
        "application/json",
    ),
    "a form": (b"model=kling-v3&prompt=x", "application/x-www-form-urlencoded"),
    "plain text": (b'{"model": "kling-v3", "input": {"prompt": "x"}}', "text/plain"),
    "no type": (b'{"model": "kling-v3", "input": {"prompt": "x"}}', ""),
    "a type that is none": (b'{"model": "kling-v3", "input": {"prompt": "x"}}', ";;==,"),
    "a multipart without an end": (
        b"--x\r\nContent-Disposition: form-data",
        "multipart/form-data; boundary=x",
    ),
    "too much": (b'{"model": "' + b"x" * 12_000_000 + b'"}', "application/json"),
}


def wrong_jobs() -> Iterator[tuple[str, object, dict[str, Any]]]:
    """Field, wrong value, and the request that is right but for that."""
    for name, values in _WRONG.items():
        for value in values:
            yield name, value, _with(name, value)
    for name in ("model", "input"):
        yield name, "missing", {key: value for key, value in _SOUND.items() if key != name}


def _with(name: str, value: object) -> dict[str, Any]:
    outer, _, inner = name.partition(".")
    if not inner:
        return {**_SOUND, outer: value}
    return {**_SOUND, outer: {**_SOUND.get(outer, {}), inner: value}}
