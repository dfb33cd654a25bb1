"""The catalogue, quotes and the reading of prices, on the real API."""

import httpx
import pytest

from api.schemas.offers import ModelList, PriceSync, Quote
from services.access import Scope
from tests.support.front import Project

KITE = {"model": "kling-v3", "input": {"prompt": "a kite", "duration": 5}}


def test_the_catalogue_tells_prices_with_their_sources_and_what_is_kept(client: httpx.Client) -> None:
    document = client.get("/v1/models").json()
    ModelList.model_validate(document)
    models = {model["id"]: model for model in document["data"]}
    flux = models["flux-dev"]["offers"][0]
    assert flux["price"]["since"] == "2026-05-25"
    assert (flux["zero_retention"], "X-Fal-Store-IO" in flux["retention_source"]) == (True, True)
    machines = {one["id"]: one for one in document["machines"]}
    assert (machines["H100"]["usd"], machines["H100"]["unit"]) == ("0.000525", "gpu_second")


def test_a_quote_tells_what_it_stands_on(client: httpx.Client) -> None:
    asked = KITE | {"routing": {"policy": ["predictable", "fastest"], "split": {"linkmodel": 3, "fal": 1}}}
    document = client.post("/v1/quotes", json=asked).json()
    Quote.model_validate(document)
    first, second = document["offers"]
    assert [(one["provider"], one["share"]) for one in (first, second)] == [
        ("linkmodel", 75.0),
        ("fal", 25.0),
    ]
    assert first["why"] == (
        "75 % of jobs begin here by split: the price is fixed, takes about 120 s, costs $0.305"
    )
    assert first["evidence"]["words"].startswith("catalogue, read 2026-11-22: LinkModel documentation")
    assert first["evidence"]["n"] is None
    assert first["retention"]["zero_retention"] is False


def test_zero_retention_names_who_does_not_promise_it(client: httpx.Client) -> None:
    refused = client.post("/v1/quotes", json=KITE | {"routing": {"zero_retention": True}})
    assert refused.status_code == 422
    assert (
        "linkmodel kling-v3: it does not promise zero retention: result links last"
        in refused.json()["detail"]
    )


@pytest.mark.parametrize(
    ("routing", "field", "message"),
    [
        ({"policy": ["cheapest", "random"]}, "routing.policy.1", "must be 'cheapest', 'predictable'"),
        ({"policy": []}, "routing.policy", "must not be empty"),
        ({"split": {"fal": 1}, "provider": "fal"}, "routing.split", "goes with provider auto"),
        ({"split": {"fal": 0}}, "routing.split", "give at least one provider a share above 0"),
        ({"split": {"acme": 1}}, "routing.split.acme", "is not known"),
        ({"split": {"fal": 1001}}, "routing.split.fal", "must be 1000 or less"),
        ({"zero_retention": True, "object_lifetime": 90_000}, "routing.object_lifetime", "must be 86400"),
    ],
)
def test_a_routing_that_makes_no_sense_is_refused_by_field(
    client: httpx.Client, routing: object, field: str, message: str
) -> None:
    refused = client.post("/v1/quotes", json=KITE | {"routing": routing})
    faults = {fault["field"]: fault["message"] for fault in refused.json()["errors"]}
    assert refused.status_code == 422
    assert message in faults[field]


def test_reading_prices_needs_an_admin_and_tells_a_list_that_is_away(
    client: httpx.Client, project: Project
) -> None:
    document = client.post("/v1/models/sync?dry_run=true").json()
    PriceSync.model_validate(document)
    assert (document["dry_run"], document["prices"]) == (True, [])
    assert "could not be read" in document["failed"][0]["message"]
    assert client.post("/v1/models/sync?dry=true").json()["code"] == "invalid_query"
    with project.client(Scope.SUBMIT) as submitter:
        assert submitter.post("/v1/models/sync").status_code == 403
