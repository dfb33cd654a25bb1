"""The catalogue: its shipped prices, look-ups by name and by endpoint, and an operator's file over it."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.generation import GenerationInput
from domain.lifecycle import Kind
from domain.offers import Unit
from domain.pricing import quote
from providers.catalogue import Catalogue, CatalogueError, KindMismatch, KindRequired, UnknownModel
from providers.catalogue_file import CatalogueFileError

SHIPPED = Catalogue.load()
PROMPT = GenerationInput(prompt="a kite")


def overlaid(folder: Path, text: str) -> Catalogue:
    """The shipped catalogue with ``text`` laid over it."""
    path = folder / "prices.toml"
    path.write_text(text, "utf-8")
    return Catalogue.load(path)


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


def test_an_overlay_changes_the_price_and_keeps_the_rest(tmp_path: Path) -> None:
    ours = overlaid(
        tmp_path,
        """
        [[models.kling-v3.offers]]
        provider = "linkmodel"
        endpoint = "kling-v3"
        price = { unit = "second", usd = "0.055", since = 2026-12-01, source = "our contract" }
        """,
    )
    linkmodel, fal = ours.offers("kling-v3")
    assert quote(linkmodel, PROMPT).high_nano == 275_000_000
    assert linkmodel.accepts == SHIPPED.offers("kling-v3")[0].accepts
    assert fal == SHIPPED.offers("kling-v3")[1]
    assert ours.dated == SHIPPED.dated
    assert len(ours.models()) == len(SHIPPED.models())


def test_an_overlay_adds_offers_and_models(tmp_path: Path) -> None:
    ours = overlaid(
        tmp_path,
        """
        dated = 2026-12-02
        [providers.fal]
        retention = "as agreed in our contract"

        [[models.flux-dev.offers]]
        provider = "fal"
        endpoint = "acme/flux-dev"
        zero_retention = true

        [models.house-style]
        kind = "image"
        [[models.house-style.offers]]
        provider = "fal"
        endpoint = "acme/house-style"
        unit = "image"
        retention = "none"
        """,
    )
    assert [offer.endpoint for offer in ours.offers("flux-dev")] == ["fal-ai/flux/dev", "acme/flux-dev"]
    (house,) = ours.offers("house-style")
    assert (house.billed_in, house.retention) == (Unit.IMAGE, "none")
    assert ours.offers("fal:acme/house-style")[0].kind is Kind.IMAGE
    assert ours.offers("flux-dev")[1].retention == "as agreed in our contract"
    assert house.priced_extra == SHIPPED.offers("flux-dev")[0].priced_extra
    assert ours.dated == date(2026, 12, 2)


OFFER = '[[models.kling-v3.offers]]\nprovider = "linkmodel"\nendpoint = "kling-v3"\n'
PRICE = OFFER + 'price = {{ unit = "second", usd = "0.1", since = 2026-12-01, source = "us"{} }}\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("models = [", "is not TOML in UTF-8"),
        ("prices = 1", "prices: Extra inputs are not permitted"),
        (OFFER + 'colour = "red"', "model kling-v3, offer 1, colour: Extra inputs"),
        (
            PRICE.replace('"0.1"', "0.1").format(""),
            "model kling-v3, offer 1, price.usd: write dollars as text",
        ),
        (PRICE.replace('"0.1"', '"-1"').format(""), "price.usd: write dollars as text"),
        (PRICE.replace('"second"', '"minute"').format(""), "offer 1, price.unit: Input should be"),
        (PRICE.replace(', source = "us"', "").format(""), "offer 1, price.source: Field required"),
        (PRICE.format(', high_usd = "0.01"'), "price: high_usd must not be below usd"),
        (PRICE.format(", rounded_up = true"), "price: rounded_up goes with the unit megapixel only"),
        (PRICE.format(", only_when = { colour = 1 }"), "price.only_when: 'colour' is not an input"),
        (PRICE.format(', only_when = { audio = "loud" }'), "price.only_when: audio: Input should be a valid"),
        (
            PRICE.format(', tiers = [{ when = {}, usd = "1" }]'),
            "price.tiers.0.when: Value should have at least 1",
        ),
        (OFFER + "defaults = { duration = 0 }", "offer 1, defaults: duration: Input should be greater"),
        (OFFER + 'accepts = ["colour"]', "offer 1, accepts: colour: not inputs"),
        (OFFER + 'expected_seconds = "60"', "offer 1, expected_seconds: Input should be a valid integer"),
        (OFFER + OFFER.replace("linkmodel", "replicate"), "model kling-v3, offer 2, provider: String should"),
        ('[models.kling-v3]\nkind = "song"', "model kling-v3, kind: Input should be 'image' or 'video'"),
        ("[models.kling-v9]", "model kling-v9, kind: say image or video"),
        ("models = 3", "models: Input should be a valid dictionary"),
    ],
)
def test_a_malformed_overlay_is_refused_with_file_entry_and_field(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(CatalogueFileError) as refused:
        overlaid(tmp_path, text)
    assert complaint in str(refused.value)
    assert str(tmp_path / "prices.toml") in str(refused.value)
    assert refused.value.problems


def test_every_problem_of_an_overlay_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(CatalogueFileError) as refused:
        overlaid(tmp_path, '[models.a]\nkind = "song"\n[models.b]\nkind = "poem"')
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_is_missing_or_not_text_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "prices.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CatalogueFileError, match=r"prices\.toml"):
        Catalogue.load(path)
