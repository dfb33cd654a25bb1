"""Checks an input, field by field, against what a LinkModel model takes, and gives LinkModel's own values."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from domain.lifecycle import Kind
from providers.base import Unsupported
from providers.linkmodel.limits import Limits, Pixels, Rule, Span

_EDGES: Final = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")

# What the body of a model that the data does not know can carry: the fields that its siblings have.
_USUAL: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.IMAGE: frozenset({"prompt", "image_url", "quality", "aspect_ratio", "size", "count"}),
    Kind.VIDEO: frozenset(
        {"prompt", "negative_prompt", "image_url", "last_image_url", "aspect_ratio", "size", "resolution"}
        | {"duration", "audio", "count"}
    ),
}


def honoured(limits: Limits, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with LinkModel's values (``720p`` is ``720P``, ``16:9`` is ``16x9``), all within the limits.

    Raises:
        Unsupported: the model has no such field, or does not take this value, alone or beside another one.
    """
    values = {name: _CHECKS[name](limits, name, value) for name, value in fields.items()}
    for rule in limits.rules:
        _obey(rule, limits.model, values)
    return values


def passed_through(kind: Kind, model: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in the usual spelling, without limits: for a model that the data does not know.

    Raises:
        Unsupported: no LinkModel model of this kind is known to have such a field.
    """
    for name in fields:
        if name not in _USUAL[kind]:
            raise Unsupported(
                name, f"no LinkModel {kind} model is known to take it: put {model}'s own field into extra"
            )
    values = dict(fields)
    if "resolution" in values:
        values["resolution"] = values["resolution"].upper()
    if "aspect_ratio" in values:
        values["aspect_ratio"] = values["aspect_ratio"].replace(":", "x")
    return values


def check_lists(limits: Limits, extra: Mapping[str, Any]) -> None:
    """Count the lists of files that ``extra`` carries.

    Raises:
        Unsupported: a list is empty, or longer than the model takes.
    """
    for name, most in limits.lists.items():
        given = extra.get(name)
        if isinstance(given, list) and not 1 <= len(given) <= most:
            raise Unsupported(
                f"extra.{name}", f"{limits.model} takes 1 to {most} entries; leave it out for none"
            )


def _obey(rule: Rule, model: str, values: Mapping[str, Any]) -> None:
    trigger, value = values.get(rule.when), values.get(rule.field)
    if trigger is None or (rule.among and trigger not in rule.among):
        return
    beside = f"with {rule.when} {trigger}" if rule.among else f"with {rule.when}"
    if rule.takes and value not in rule.takes:
        raise Unsupported(rule.field, f"{model} takes {_either(rule.takes)} {beside}")
    if value is None:
        raise Unsupported(rule.field, f"{model} needs it {beside}")


def _text(limits: Limits, name: str, value: str) -> str:
    most: int | None = getattr(limits, name)
    if most == 0:
        raise _absent(limits, name)
    if most is not None and len(value) > most:
        raise Unsupported(name, f"{limits.model} takes at most {most} characters, these are {len(value)}")
    return value


def _choice(limits: Limits, name: str, value: str) -> str:
    offered: tuple[str, ...] = getattr(limits, name)
    if not offered:
        raise _absent(limits, name)
    for wire in offered:
        if wire.lower() == value.lower():
            return wire
    raise Unsupported(name, f"{limits.model} takes {_either(offered)}, not {value}")


def _duration(limits: Limits, name: str, value: int) -> int:
    allowed = limits.duration
    if not allowed:
        raise _absent(limits, name)
    if isinstance(allowed, Span):
        if not allowed.least <= value <= allowed.most:
            raise Unsupported(name, f"{limits.model} takes {allowed.least} to {allowed.most} s, not {value}")
    elif value not in allowed:
        raise Unsupported(name, f"{limits.model} takes {_either(allowed)} s, not {value}")
    return value


def _ratio(limits: Limits, name: str, value: str) -> str:
    if not limits.sizes:
        raise _absent(limits, name)
    if value not in limits.sizes:
        raise Unsupported(name, f"{limits.model} takes {_either(limits.sizes)}, not {value}")
    return limits.sizes[value]


def _size(limits: Limits, name: str, value: str) -> str:
    if not limits.sizes:
        raise _absent(limits, name)
    wire = limits.sizes.get(value, value)
    listed = (*limits.sizes.values(), *limits.other_sizes)
    if limits.any_size or wire in listed:
        return wire
    if limits.pixels is None:
        raise Unsupported(name, f"{limits.model} takes {_either(listed)}, not {value}")
    return _free_size(limits.model, limits.pixels, value)


def _free_size(model: str, rule: Pixels, value: str) -> str:
    edges = _EDGES.fullmatch(value)
    if edges is not None:
        short, long = sorted(int(edge) for edge in edges.groups())
        whole = short % rule.multiple == 0 and long % rule.multiple == 0
        shaped = long <= rule.longest and long <= rule.ratio * short
        if whole and shaped and rule.least <= short * long <= rule.most:
            return value
    raise Unsupported(
        "size",
        f"{model} takes auto or WIDTHxHEIGHT: edges multiples of {rule.multiple} up to {rule.longest}, "
        f"at most {rule.ratio}:1, {rule.least} to {rule.most} pixels in all; not {value}",
    )


def _count(limits: Limits, name: str, value: int) -> int:
    most = max(limits.count, 1)
    if value > most:
        raise Unsupported(name, f"{limits.model} makes at most {most} a job, not {value}: submit more jobs")
    return value


def _images(limits: Limits, name: str, value: str | list[str]) -> str | list[str]:
    if limits.images:
        most = limits.images
    elif isinstance(value, list) and limits.references is not None:
        most = limits.references.most
    else:
        most = int(limits.first_frame)
    given = len(value) if isinstance(value, list) else 1
    if given > most:
        raise Unsupported(name, f"{limits.model} takes at most {most} images, not {given}")
    return value


def _flag(limits: Limits, name: str, value: object) -> object:
    has = limits.audio if name == "audio" else limits.last_frame
    if not has:
        raise _absent(limits, name)
    return value


def _never(limits: Limits, name: str, _value: object) -> object:
    raise _absent(limits, name)


def _absent(limits: Limits, name: str) -> Unsupported:
    return Unsupported(name, f"{limits.model} has no such setting on LinkModel: leave it out")


def _either(values: Iterable[str | int]) -> str:
    return " or ".join(str(value) for value in values)


_CHECKS: Final[Mapping[str, Callable[[Limits, str, Any], Any]]] = {
    "prompt": _text,
    "negative_prompt": _text,
    "image_url": _images,
    "last_image_url": _flag,
    "aspect_ratio": _ratio,
    "resolution": _choice,
    "duration": _duration,
    "size": _size,
    "count": _count,
    "seed": _never,
    "quality": _choice,
    "audio": _flag,
    "loras": _never,
}
