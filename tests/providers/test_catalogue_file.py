"""An operator's file laid over the shipped catalogue: what it changes, and how its mistakes are told."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from domain.generation import GenerationInput
from domain.lanes import Lane
from domain.lifecycle import Kind
from domain.limits import LimitBook
from domain.offers import Unit
from domain.pricing import quote
from providers.catalogue import Catalogue
from providers.catalogue_file import CatalogueFileError

SHIPPED = Catalogue.load()
PROMPT = GenerationInput(prompt="a kite")


def overlaid(folder: Path, text: str) -> Catalogue:
    """The shipped catalogue with ``text`` laid over it."""
    path = folder / "prices.toml"
    path.write_text(text, "utf-8")
    return Catalogue.load(path)


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


def test_an_application_of_ones_own_is_priced_by_its_machines(tmp_path: Path) -> None:
    ours = overlaid(
        tmp_path,
        """
        [machines.H100]
        usd_per_hour = "1.80"
        since = 2026-12-01
        source = "our contract"

        [models.house-style]
        kind = "image"
        [[models.house-style.offers]]
        provider = "fal"
        endpoint = "acme/house-style"
        machine = "H100"
        gpus = 2
        """,
    )
    (house,) = ours.offers("house-style")
    assert house.price is not None
    assert (house.price.unit, house.price.usd, house.price.source) == (
        Unit.GPU_SECOND,
        Decimal("0.001"),
        "our contract",
    )
    assert house.pays_starts
    assert quote(house, PROMPT).high_nano is None
    assert ours.machines["H200"] == SHIPPED.machines["H200"]


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
        (
            OFFER + 'machine = "H900"',
            "model kling-v3, offer 1, machine: 'H900' is not one of A100-40G, B200",
        ),
        (PRICE.format("") + 'machine = "H100"', "offer 1: give it a price or a machine, not both"),
        (OFFER + "gpus = 0", "offer 1, gpus: Input should be greater than"),
        ("[machines.H900]\nusd_per_hour = 2", "machines.H900.usd_per_hour: write dollars as text"),
        (
            '[machines.H900]\nusd_per_hour = "2"\nhigh_usd_per_hour = "1"\nsince = 2026-12-01\nsource = "us"',
            "machines.H900: high_usd_per_hour must not be below usd_per_hour",
        ),
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


def limits_of(folder: Path, text: str) -> LimitBook:
    overlay = folder / "mine.toml"
    overlay.write_text(text)
    return Catalogue.load(overlay).limits


def test_limits_are_laid_over_the_shipped_ones_field_by_field(tmp_path: Path) -> None:
    shipped = Catalogue.load().limits
    mine = limits_of(tmp_path, "[limits.fal]\nin_flight = 40\nlooks_per_second = 0.5\n")
    assert shipped.of_provider("fal").in_flight is None
    assert mine.of_provider("fal") == replace(shipped.of_provider("fal"), in_flight=40, looks_per_second=0.5)
    assert mine.of_provider("linkmodel") == shipped.of_provider("linkmodel")


def test_an_endpoints_limits_are_its_own_over_its_providers(tmp_path: Path) -> None:
    mine = limits_of(
        tmp_path, '[limits.fal]\nwarm_seconds = 10\n[limits."fal:fal-ai/flux/dev"]\nin_flight = 2\n'
    )
    lane = mine.of_lane(Lane("fal", "fal-ai/flux/dev"))
    assert (lane.in_flight, lane.warm_seconds, lane.runners) == (2, 10, True)
    assert mine.of_provider("fal").in_flight is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[limits.fal]\nin_flight = 0\n", "limits.fal.in_flight: Input should be greater than or equal to 1"),
        ('[limits.fal]\nin_flight = "4"\n', "limits.fal.in_flight: Input should be a valid integer"),
        ("[limits.fal]\nin_flihgt = 4\n", "limits.fal.in_flihgt: Extra inputs are not permitted"),
        ("[limits.fal]\nsubmits_per_second = 0\n", "limits.fal.submits_per_second"),
        ("[limits.fal]\nwarm_seconds = nan\n", "limits.fal.warm_seconds"),
        ("[limits.replicate]\nin_flight = 4\n", "limits.replicate"),
    ],
)
def test_a_limit_that_makes_no_sense_is_named(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueFileError, match=re.escape(problem)):
        limits_of(tmp_path, text)
