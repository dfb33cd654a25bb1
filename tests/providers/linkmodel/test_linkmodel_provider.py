"""What the LinkModel adapter is beside its two calls, and that the catalogue's offers fit it."""

from datetime import UTC, datetime

import pytest

from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Offer
from providers.base import Handle, LookFailed
from providers.catalogue import Catalogue
from providers.linkmodel import LinkModelProvider
from providers.linkmodel.limits import Limits, limits_of

LINKMODEL = LinkModelProvider("sk-test", "http://127.0.0.1:1")
OFFERS = [
    offer for model in Catalogue.load().models() for offer in model.offers if offer.provider == "linkmodel"
]


def a_value(limits: Limits, field: str) -> object:
    """A value of the field that the model takes beside its defaults."""
    plain = {
        "negative_prompt": "blur",
        "image_url": "https://example.com/in.png",
        "last_image_url": "https://example.com/end.png",
        "aspect_ratio": "16:9",
        "size": next(iter(limits.sizes.values()), None),
        "audio": True,
        "count": 1,
    }
    allowed = limits.duration if isinstance(limits.duration, tuple) else (limits.duration.least,)
    first = {"quality": limits.quality, "resolution": limits.resolution, "duration": allowed}
    return plain[field] if field in plain else first[field][0]


def test_it_cannot_cancel_and_says_what_that_means() -> None:
    answer = LINKMODEL.cancel(Handle("t", Kind.IMAGE, "seedream-4.0", datetime(2026, 11, 22, tzinfo=UTC)))

    assert answer.effect == "impossible"
    assert "billed" in answer.message


def test_the_price_is_named_at_creation_and_not_before() -> None:
    assert LINKMODEL.unit_price("kling-v3") is None


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.endpoint)
def test_an_offer_of_the_catalogue_takes_every_field_that_it_says_it_takes(offer: Offer) -> None:
    limits = limits_of(offer.kind, offer.endpoint)
    assert limits is not None
    bare = LINKMODEL.arguments(offer, GenerationInput(prompt="a kite"))
    assert bare["prompt"] == "a kite"

    for field in offer.accepts:
        given: dict[str, object] = {"prompt": "a kite", "image_url": "https://example.com/in.png"}
        if field != "prompt":
            given[field] = a_value(limits, field)
        assert LINKMODEL.arguments(offer, GenerationInput.model_validate(given))


def test_there_is_no_list_to_look_for_lost_tasks_in() -> None:
    with pytest.raises(LookFailed, match="no list of tasks") as caught:
        LINKMODEL.search("kling-v3", [], datetime(2026, 11, 22, tzinfo=UTC))
    assert caught.value.permanent
    assert LINKMODEL.marker_field is None
