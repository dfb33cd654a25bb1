"""Checking the files that a customer names for a provider to fetch: none may lie in a private network."""

import re
from collections.abc import Iterator
from typing import Any, Final

from domain.generation import GenerationInput
from outbound.addresses import PrivateHosts
from outbound.guard import BlockedAddress, check_reference
from services.refusals import Unprocessable

# A URL, also as a lenient reader takes it (``http:host``, ``//host``): weights may be named by a bare path as
# well, and ``extra`` may hold any text.
_WEIGHTS: Final = re.compile(r"\s*((https?|file):|[/\\]{2})", re.IGNORECASE)
_TEXT: Final = re.compile(r"\s*https?:\S", re.IGNORECASE)


class BlockedReference(Unprocessable):
    """A file lies where no provider could or should fetch it."""


def check_references(given: GenerationInput, private_hosts: PrivateHosts) -> None:
    """Raise BlockedReference, naming the field, for a file that no provider could or should fetch.

    Darkroom itself never fetches these, so their names are not looked up, which no request has to wait for.
    """
    if not (given.image_url or given.last_image_url or given.loras or given.extra):
        return
    for field, url in _references(given):
        try:
            check_reference(url, private_hosts)
        except BlockedAddress as error:
            raise BlockedReference(f"{field}: {error}", field=f"input.{field}") from error


def _references(given: GenerationInput) -> Iterator[tuple[str, str]]:
    images = given.image_url or []
    for image in [images] if isinstance(images, str) else images:
        yield "image_url", image
    if given.last_image_url is not None:
        yield "last_image_url", given.last_image_url
    yield from (("loras", lora.path) for lora in given.loras or [] if _WEIGHTS.match(lora.path))
    yield from (("extra", text) for text in _texts(given.extra) if _TEXT.match(text))


def _texts(extra: dict[str, Any]) -> Iterator[str]:
    """Every text in ``extra``; without calling itself, since JSON can lie deeper than calls may."""
    left: list[Any] = [extra]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
