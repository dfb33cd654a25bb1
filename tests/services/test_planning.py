"""Plans, quotes and the catalogue as customers see them."""

from decimal import Decimal

import pytest

from domain.generation import JobRequest
from domain.lifecycle import Kind
from domain.offers import KnownPrice, Offer, Quote
from domain.quoting import Known
from domain.routing import Availability
from providers.base import Unsupported
from services.offering import offering
from services.planning import Planner, offer_of, quoted_text
from services.quotes import quotes
from services.references import BlockedReference
from services.refusals import Unprocessable
from storage.prices import remember
from tests.support.engine import Engine

FAL = Offer("pair", Kind.IMAGE, "fal", "test/pair/b")


def request(model: str = "pair", **fields: object) -> JobRequest:
    return JobRequest.model_validate({"model": model, "input": {"prompt": "kites"}, **fields})


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (None, None, "price not known before"),
        (20_000_000, 20_000_000, "$0.02"),
        (20_000_000, 30_000_000, "$0.02 to $0.03"),
    ],
)
def test_a_quote_in_words(low: int | None, high: int | None, words: str) -> None:
    assert quoted_text(Quote(FAL, low, high, None)) == words


def test_a_quote_ranks_every_offer_and_sends_nothing(engine: Engine) -> None:
    answer = quotes(engine.runtime, request())
    assert (answer["model"], answer["kind"], answer["passed_over"]) == ("pair", "image", [])
    assert [(one["rank"], one["provider"], one["high"]["usd"]) for one in answer["offers"]] == [
        (1, "linkmodel", "0.02"),
        (2, "fal", "0.03"),
    ]
    assert engine.linkmodel.submits.asked == []


def test_a_quote_says_why_an_offer_was_passed_over(engine: Engine) -> None:
    engine.linkmodel.arguments_script.says(Unsupported("seed", "it takes none"))
    answer = quotes(engine.runtime, request())
    assert answer["passed_over"] == [
        {"provider": "linkmodel", "endpoint": "pair-a", "reason": "seed: it takes none"}
    ]


def test_a_price_that_the_provider_named_goes_before_the_catalogues(engine: Engine) -> None:
    with engine.runtime.database.work() as session:
        remember(
            session,
            provider="fal",
            endpoint="test/pair/b",
            usd=Decimal("0.01"),
            unit="image",
            at=engine.clock(),
        )
    best = quotes(engine.runtime, request())["offers"][0]
    assert (best["provider"], best["high"]["usd"]) == ("fal", "0.01")


def test_an_offer_whose_provider_is_not_set_up_is_passed_over(engine: Engine) -> None:
    providers, available = engine.runtime.providers, engine.runtime.available
    assert isinstance(providers, dict)
    assert isinstance(available, dict)
    del providers["linkmodel"]
    available["linkmodel"] = Availability(configured=False, sandbox=False)
    [passed] = quotes(engine.runtime, request())["passed_over"]
    assert "not configured" in passed["reason"]


def test_a_planned_offer_is_found_again_in_the_catalogue(engine: Engine) -> None:
    entry = {"provider": "fal", "endpoint": "test/pair/b"}
    offer = offer_of(engine.runtime, model="pair", kind=Kind.IMAGE, entry=entry)
    assert offer.price is not None
    assert offer.price.usd == Decimal("0.03")


def test_the_endpoint_for_images_is_found_by_its_own_name(engine: Engine) -> None:
    endpoint = "fal-ai/kling-video/v3/standard/image-to-video"
    entry = {"provider": "fal", "endpoint": endpoint}
    offer = offer_of(engine.runtime, model="kling-v3", kind=Kind.VIDEO, entry=entry)
    assert (offer.endpoint, offer.image_endpoint) == (endpoint, None)
    assert offer.price is not None


@pytest.mark.parametrize(
    ("model", "kind"), [("gone", Kind.IMAGE), ("pair", Kind.VIDEO), ("nothing", Kind.IMAGE)]
)
def test_what_the_catalogue_has_dropped_still_runs_as_it_was(engine: Engine, model: str, kind: Kind) -> None:
    entry = {"provider": "fal", "endpoint": "old/app"}
    assert offer_of(engine.runtime, model=model, kind=kind, entry=entry) == Offer(
        model, kind, "fal", "old/app"
    )


def test_the_catalogue_shows_every_model_with_its_offers(engine: Engine) -> None:
    models = {model["id"]: model for model in offering(engine.runtime)["data"]}
    assert models["nothing"]["offers"] == []
    first, second = models["pair"]["offers"]
    assert (first["provider"], first["configured"], first["unit"]) == ("linkmodel", True, "image")
    assert first["price"]["usd"] == "0.02"
    assert first["price"]["since"] == "2026-11-22"
    assert second["accepts"] == ["count", "prompt"]
    [film] = models["film"]["offers"]
    assert (film["price"], film["unit"]) == (None, None)
    tiered = models["kling-v3"]["offers"][1]["price"]
    assert tiered["tiers"][0]["usd"]
    assert models["flux-pro"]["offers"][0]["price"]["high_usd"] == "0.055"


def test_a_remembered_plan_asks_the_provider_about_every_longer_prompt(engine: Engine) -> None:
    planner = Planner(engine.runtime)
    both = planner.plan(request())
    assert planner.plan(request(tags={"client": "acme"})) is both
    engine.linkmodel.arguments_script.says(Unsupported("prompt", "it is too long"))
    assert planner.plan(request(input={"prompt": "kite"})) is both
    longer = request(input={"prompt": "kites over dunes"})
    alone = planner.plan(longer)
    assert [choice.offer.provider for choice in alone.plan.choices] == ["fal"]
    engine.fal.arguments_script.says(Unsupported("prompt", "nor does this one"))
    with pytest.raises(Unprocessable, match="nor does this one"):
        planner.plan(longer)


def test_a_seed_decides_nothing_but_that_there_is_one(engine: Engine) -> None:
    planner = Planner(engine.runtime)
    first = planner.plan(request(input={"prompt": "kites", "seed": 1}))
    assert planner.plan(request(input={"prompt": "kites", "seed": 2})) is first
    assert planner.plan(request(input={"prompt": "kites"})) is not first


IMAGE = "https://files.example/1.png"


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        ({"image_url": IMAGE}, {"image_url": "https://files.example/2.png"}, {}),
        ({"image_url": [IMAGE]}, {"image_url": ["https://files.example/2.png"]}, {"image_url": IMAGE}),
        ({"image_url": [IMAGE]}, {"image_url": ["https://files.example/2.png"]}, {"image_url": [IMAGE] * 2}),
        ({"last_image_url": IMAGE}, {"last_image_url": "https://files.example/2.png"}, {}),
    ],
)
def test_of_files_only_their_number_decides(
    engine: Engine, one: dict[str, object], same: dict[str, object], other: dict[str, object]
) -> None:
    planner = Planner(engine.runtime)
    first = planner.plan(request(input={"prompt": "kites"} | one))
    assert planner.plan(request(input={"prompt": "kites"} | same)) is first
    assert planner.plan(request(input={"prompt": "kites"} | other)) is not first


def test_a_file_in_a_private_network_is_refused_however_many_others_were_planned(engine: Engine) -> None:
    planner = Planner(engine.runtime)
    planner.plan(request(input={"prompt": "kites", "image_url": IMAGE}))
    with pytest.raises(BlockedReference, match="image_url: 10"):
        planner.plan(request(input={"prompt": "kites", "image_url": "http://10.0.0.1/1.png"}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"extra": {"a": 1}}, {"extra": {"a": True}}),
        ({"extra": {"a": {"b": [1]}}}, {"extra": {"a": {"b": [2]}}}),
        ({"loras": [{"path": "a"}]}, {"loras": [{"path": "b"}]}),
        ({"loras": [{"path": "a"}]}, {"loras": [{"path": "a", "scale": 0.5}]}),
        ({"negative_prompt": "fog"}, {"negative_prompt": "rain"}),
        ({"audio": False}, {}),
    ],
)
def test_requests_of_other_inputs_have_plans_of_their_own(
    engine: Engine, one: dict[str, object], other: dict[str, object]
) -> None:
    planner = Planner(engine.runtime)
    first = planner.plan(request(input={"prompt": "kites"} | one))
    assert planner.plan(request(input={"prompt": "kites"} | one)) is first
    assert planner.plan(request(input={"prompt": "kites"} | other)) is not first


def test_a_remembered_plan_ends_with_the_prices_that_it_was_made_by(engine: Engine) -> None:
    planner = Planner(engine.runtime)
    dear = planner.plan(request()).plan.choices[0]
    planner.know(Known({FAL.lane: KnownPrice(Decimal("0.001"), "image")}))
    cheap = planner.plan(request()).plan.choices[0]
    assert (dear.offer.provider, dear.high_nano) == ("linkmodel", 20_000_000)
    assert (cheap.offer.provider, cheap.high_nano) == ("fal", 1_000_000)
    planner.know(Known({FAL.lane: KnownPrice(Decimal("0.001"), "image")}))
    assert planner.plan(request()).plan.choices[0] is cheap


def test_what_decides_a_plan_is_what_it_is_remembered_by(engine: Engine) -> None:
    planner = Planner(engine.runtime)
    two = planner.plan(request(input={"prompt": "kites", "count": 2}))
    one = planner.plan(request())
    sure = planner.plan(request(routing={"policy": "predictable"}))
    assert [found.plan.choices[0].high_nano for found in (two, one)] == [40_000_000, 20_000_000]
    assert sure.plan.choices[0].why != one.plan.choices[0].why


def test_plans_are_not_remembered_without_bound(engine: Engine) -> None:
    planner = Planner(engine.runtime, most=2)
    first = planner.plan(request())
    for count in (2, 3):
        planner.plan(request(input={"prompt": "kites", "count": count}))
    assert planner.plan(request()) is not first
