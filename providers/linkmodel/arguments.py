"""Maps our one vocabulary to LinkModel's flat request body (LinkModel contract, models and parameters)."""

from collections.abc import Mapping
from typing import Any, Final

from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Offer
from providers.base import Unsupported
from providers.linkmodel.checks import check_lists, honoured, passed_through
from providers.linkmodel.limits import Limits, limits_of

_PLAIN: Final = ("prompt", "quality", "resolution", "duration")
_NESTED: Final = ("negative_prompt", "audio")
_PRICED: Final = ("quality", "resolution", "duration", "count", "audio")


def arguments(offer: Offer, given: GenerationInput) -> dict[str, Any]:
    """The body of a create call, without ``model``.

    Raises:
        Unsupported: the model has no such field, or does not take this value.
    """
    if "model" in given.extra:
        raise Unsupported("extra.model", "the job's own model decides: ask for linkmodel:ID there")
    asked = {name: value for name, value in given.given().items() if value != []}
    limits = limits_of(offer.kind, offer.endpoint)
    if limits is None:
        values = passed_through(offer.kind, offer.endpoint, asked)
    else:
        check_lists(limits, given.extra)
        values = honoured(limits, _assumed(limits, offer) | asked)
    return _merged(_body(offer, limits, values), given.extra)


def _assumed(limits: Limits, offer: Offer) -> dict[str, Any]:
    """What the price was quoted for where the customer is silent; the offer's word goes first."""
    priced = {
        name: offer.defaults[name] for name in _PRICED if name in offer.defaults and getattr(limits, name)
    }
    return dict(limits.defaults) | priced


def _body(offer: Offer, limits: Limits | None, values: Mapping[str, Any]) -> dict[str, Any]:
    body = {name: values[name] for name in _PLAIN if name in values}
    body |= _images(offer, limits, values) | _size(values) | _count(offer, limits, values)
    # Documented samples show `extends.audio` as a top-level key too; the vendor's own client nests it.
    extends = {name: values[name] for name in _NESTED if name in values}
    return body | ({"extends": extends} if extends else {})


def _images(offer: Offer, limits: Limits | None, values: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    image = values.get("image_url")
    if image is not None and offer.kind is Kind.IMAGE:
        body["images"] = image if isinstance(image, list) else [image]
    elif isinstance(image, list) and limits is not None and limits.references is not None:
        body[limits.references.name] = image
    elif image is not None:
        body["first_frame_image"] = _only(image)
    if "last_image_url" in values:
        body["last_frame_image"] = values["last_image_url"]
    return body


def _only(image: str | list[str]) -> str:
    first, *rest = [image] if isinstance(image, str) else image
    if rest:
        raise Unsupported("image_url", "a video takes one first frame: put a list of references into extra")
    return first


def _size(values: Mapping[str, Any]) -> dict[str, Any]:
    sizes = {values[name] for name in ("size", "aspect_ratio") if name in values}
    if len(sizes) > 1:
        raise Unsupported("size", "LinkModel has one field for both: give size or aspect_ratio, not both")
    return {"size": sizes.pop()} if sizes else {}


def _count(offer: Offer, limits: Limits | None, values: Mapping[str, Any]) -> dict[str, Any]:
    count = values.get("count")
    several = limits.count > 0 if limits is not None else offer.kind is Kind.IMAGE
    if count is None or (count == 1 and not several):
        return {}
    if not several:
        raise Unsupported("count", f"{offer.endpoint} makes one file a job: submit more jobs")
    return {"max_images": count}


def _merged(body: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {**body, **extra}
    ours, theirs = body.get("extends"), extra.get("extends")
    if isinstance(ours, dict) and isinstance(theirs, dict):
        result["extends"] = {**ours, **theirs}
    return result
