"""The fields that a request may have, by dotted name, and what to do about one that does not exist."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel


@cache
def field_names(model: type[BaseModel], parent: str = "") -> tuple[str, ...]:
    """Every field that the object ``parent`` may have; "" is the request, a number an entry of a list."""
    at = model
    for name in parent.split("."):
        field = at.model_fields.get(name)
        at = (_model_in(field.annotation) if field is not None else None) or at
    return tuple(at.model_fields)


def advice(model: type[BaseModel], parent: str, stranger: str) -> str:
    """What to do about a field that does not exist there."""
    known = field_names(model, parent)
    if elsewhere := [path for path in _paths(model) if path.rpartition(".")[2] == stranger]:
        return f"it belongs in {elsewhere[0].rpartition('.')[0] or 'the request itself'}: give {elsewhere[0]}"
    if like := get_close_matches(stranger, known, n=1):
        return f"did you mean {like[0]}?"
    extra = "; the provider's own parameters go into input.extra" if parent == "input" else ""
    return f"known here are {', '.join(known)}{extra}"


def _paths(model: type[BaseModel], parents: Sequence[str] = ()) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        yield ".".join([*parents, name])
        if inner is not None and not _in_list(field.annotation):
            yield from _paths(inner, [*parents, name])


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - a type form
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one)) is not None), None)


def _in_list(annotation: Any) -> bool:  # noqa: ANN401 - a type form
    return any(getattr(one, "__origin__", None) is list for one in (annotation, *get_args(annotation)))
