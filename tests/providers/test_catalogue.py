"""The catalogue: its shipped prices, look-ups by name and by endpoint."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Unit
from domain.pricing import quote
from providers.catalogue import Catalogue, CatalogueError, KindMismatch, KindRequired, UnknownModel

SHIPPED = Catalogue.load()
PROMPT = GenerationInput(prompt="a kite")


def high(model: str, provider: str, **inputs: object) -> int | None:
    """The upper end of the shipped quote of one provider."""
    asked = GenerationInput.model_validate({"prompt": "a kite"} | inputs)
    quotes = [quote(offer, asked) for offer in SHIPPED.offers(model) if offer.provider == provider]
    return quotes[0].high_nano


@pytest.mark.parametrize(
    ("model", "provider", "inputs", "nano"),
    [
        ("kling-v3", "linkmodel", {}, 305_000_000),
        ("kling-v3", "linkmodel", {"duration": 10, "resolution": "720P"}, 610_000_000),
        ("kling-v3", "linkmodel", {"resolution": "1080p"}, None),
        ("kling-v3", "linkmodel", {"audio": True}, None),
        ("kling-v3", "fal", {}, 420_000_000),
        ("kling-v3", "fal", {"audio": True}, 630_000_000),
        ("kling-v3", "fal", {"resolution": "1080p", "audio": True}, None),
        ("kling-v3-pro", "fal", {"duration": 5}, 560_000_000),
        ("kling-v3-pro", "fal", {"audio": True}, 840_000_000),
        ("luma-ray-2", "fal", {}, 500_000_000),
        ("luma-ray-2", "fal", {"duration": 9, "resolution": "1080p"}, 4_000_000_000),
        ("luma-ray-2", "fal", {"duration": 7}, None),
        ("gpt-image-2", "linkmodel", {}, 50_000_000),
        ("gpt-image-2", "linkmodel", {"quality": "high"}, None),
        ("gpt-image-2", "linkmodel", {"size": "3840x2160"}, None),
        ("seedream-4.0", "linkmodel", {"count": 4}, 92_800_000),
        ("seedream-5.0-pro", "linkmodel", {}, None),
        ("sora-2", "linkmodel", {}, 340_000_000),
        ("sora-2", "linkmodel", {"duration": 12}, None),
        ("hailuo-2.3", "linkmodel", {}, 224_000_000),
        ("wan-2.6", "linkmodel", {"duration": 5}, 304_900_000),
        ("wan-2.6", "linkmodel", {}, None),
        ("flux-dev", "fal", {}, 25_000_000),
        ("flux-dev", "fal", {"size": "1024x1024", "count": 2}, 50_000_000),
        ("sdxl", "fal", {}, None),
        ("flux-2-lora", "fal", {"size": "1024x1024"}, 21_000_000),
        ("flux-pro-ultra", "fal", {"count": 2}, 120_000_000),
        ("kling-v3-turbo", "fal", {}, 560_000_000),
        ("kling-v3-turbo-pro", "fal", {"duration": 10}, 1_400_000_000),
        ("luma-ray-2-flash", "fal", {}, None),
        ("sdxl-lora", "fal", {}, None),
        ("seedance-2.0", "linkmodel", {}, None),
        ("gemini-3-pro-image", "linkmodel", {}, None),
    ],
)
def test_shipped_prices_hold_for_what_they_were_published_for_and_for_nothing_else(
    model: str, provider: str, inputs: dict[str, object], nano: int | None
) -> None:
    assert high(model, provider, **inputs) == nano


def test_every_shipped_price_says_where_and_when_it_was_read() -> None:
    assert SHIPPED.dated == date(2026, 11, 22)
    prices = [offer.price for model in SHIPPED.models() for offer in model.offers if offer.price]
    assert len(prices) >= 14
    assert all(price.source and price.since <= date(2026, 11, 22) for price in prices)


def test_every_model_is_listed_once_by_name_with_what_its_offers_accept() -> None:
    models = SHIPPED.models()
    names = [model.name for model in models]
    assert names == sorted(set(names))
    assert {"gpt-image-2", "kling-v3", "flux-dev", "seedream-4.0", "hailuo-2.3", "wan-2.6"} <= set(names)
    for model in models:
        assert model.offers
        assert {(offer.model, offer.kind) for offer in model.offers} == {(model.name, model.kind)}
        assert all("prompt" in offer.accepts for offer in model.offers)
        assert all(offer.defaults.keys() <= offer.accepts | {"count", "resolution"} for offer in model.offers)


def test_zero_retention_is_promised_by_no_offer_that_passes_the_prompt_on() -> None:
    promised = {
        offer.endpoint for model in SHIPPED.models() for offer in model.offers if offer.zero_retention
    }
    assert "fal-ai/flux/dev" in promised
    assert not {endpoint for endpoint in promised if "kling" in endpoint or "luma" in endpoint}
    assert not [offer for offer in SHIPPED.offers("kling-v3") if offer.zero_retention]


def test_a_name_answers_its_offers_at_every_provider() -> None:
    offers = SHIPPED.offers("kling-v3")
    assert [offer.provider for offer in offers] == ["linkmodel", "fal"]
    assert SHIPPED.offers("kling-v3", Kind.VIDEO) == offers


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(UnknownModel) as refused:
        SHIPPED.offers("Kling-V3.0")
    assert refused.value.suggestions[0] == "kling-v3"
    assert "did you mean kling-v3 or" in str(refused.value)


def test_a_name_like_none_is_answered_with_where_to_look() -> None:
    with pytest.raises(UnknownModel, match="GET /v1/models lists them") as refused:
        SHIPPED.offers("zzzzzzzz")
    assert refused.value.suggestions == ()


@pytest.mark.parametrize(
    ("model", "endpoint", "price"),
    [
        ("fal:fal-ai/flux/dev", "fal-ai/flux/dev", "0.025"),
        (
            "fal:fal-ai/kling-video/v3/standard/image-to-video",
            "fal-ai/kling-video/v3/standard/image-to-video",
            "0.084",
        ),
        ("linkmodel:MiniMax-Hailuo-2.3", "MiniMax-Hailuo-2.3", "0.224"),
    ],
)
def test_an_endpoint_that_the_catalogue_knows_has_its_price_and_kind(
    model: str, endpoint: str, price: str
) -> None:
    (offer,) = SHIPPED.offers(model)
    assert offer.model == model
    assert offer.endpoint == endpoint
    assert offer.image_endpoint is None
    assert offer.price is not None
    assert offer.price.usd == Decimal(price)


@pytest.mark.parametrize(
    "model",
    ["fal:acme/my-checkpoint", "fal:workflows/acme/flow", "fal:comfy/acme/graph/v2", "linkmodel:veo-9"],
)
def test_an_endpoint_of_ones_own_needs_a_kind_and_has_no_price(model: str) -> None:
    with pytest.raises(KindRequired, match="set kind to image or video"):
        SHIPPED.offers(model)
    (offer,) = SHIPPED.offers(model, Kind.IMAGE)
    assert f"{offer.provider}:{offer.endpoint}" == model
    assert offer.kind is Kind.IMAGE
    assert offer.price is None
    assert not offer.zero_retention
    assert quote(offer, PROMPT).high_nano is None


@pytest.mark.parametrize("model", ["kling-v3", "fal:fal-ai/luma-dream-machine/ray-2", "linkmodel:sora-2"])
def test_a_kind_that_the_model_does_not_make_is_refused(model: str) -> None:
    with pytest.raises(KindMismatch, match="makes a video, and kind says image"):
        SHIPPED.offers(model, Kind.IMAGE)


@pytest.mark.parametrize(
    "model",
    [
        "fal:",
        "fal:owner",
        "fal:workflows/owner",
        "fal:owner/../admin",
        "fal:/owner/app",
        "fal:owner/app/",
        "fal:owner//app",
        "fal:owner/app?fal_webhook=x",
        "fal:owner/app\n",
        "fal:owner/äpp",
        "linkmodel:",
        "linkmodel:a/b",
        "linkmodel:a b",
        "replicate:owner/app",
        ":owner/app",
    ],
)
def test_what_is_not_an_endpoint_id_is_refused(model: str) -> None:
    with pytest.raises(UnknownModel):
        SHIPPED.offers(model, Kind.IMAGE)


@given(st.text(max_size=40) | st.builds("fal:{}/{}".format, st.text(max_size=9), st.text(max_size=9)))
def test_any_text_answers_safe_endpoints_or_a_reason_that_names_it(model: str) -> None:
    try:
        offers = SHIPPED.offers(model, Kind.VIDEO)
    except CatalogueError as error:
        answer = str(error)
    else:
        answer = " ".join(repr(model) for offer in offers if ".." not in offer.endpoint.split("/"))
    assert repr(model) in answer


def test_a_second_of_a_machine_has_its_price_with_source_and_date() -> None:
    h100, b300 = SHIPPED.machines["H100"], SHIPPED.machines["B300"]
    assert (h100.unit, h100.usd, h100.high_usd) == (Unit.GPU_SECOND, Decimal("0.000525"), None)
    assert b300.high_usd is not None
    assert b300.usd * 3600 == pytest.approx(Decimal("4.49"), abs=Decimal("1E-14"))
    assert all(rule.source and rule.since.year == 2026 for rule in SHIPPED.machines.values())


def test_a_claim_of_zero_retention_says_where_it_was_read() -> None:
    for model in SHIPPED.models():
        for offer in model.offers:
            assert offer.retention_source
    (own,) = SHIPPED.offers("fal:acme/mine", Kind.IMAGE)
    assert own.retention_source == SHIPPED.offers("flux-dev")[0].retention_source


def test_a_start_is_billed_at_applications_of_ones_own_only() -> None:
    assert SHIPPED.offers("fal:acme/mine", Kind.IMAGE)[0].pays_starts
    assert not SHIPPED.offers("fal:fal-ai/anything", Kind.IMAGE)[0].pays_starts
    assert not SHIPPED.offers("sdxl")[0].pays_starts
