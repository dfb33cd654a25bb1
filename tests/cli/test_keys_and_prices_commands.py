"""Keys, models and quotes, on the real API."""

import pytest
from pytest_httpserver import HTTPServer

from tests.cli.conftest import Darkroom

pytestmark = pytest.mark.usefixtures("project")


def test_a_key_is_shown_once_works_and_can_be_revoked(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = darkroom("keys", "create", "--name", "ci", "--scope", "read")
    key, key_id = made.out.strip(), made.err.split("keys revoke ")[1].strip()
    assert key.startswith("dk_")
    listed = darkroom("keys", "list")
    assert "ci" in listed.out
    assert key not in listed.out
    with monkeypatch.context() as with_new_key:
        with_new_key.setenv("DARKROOM_API_KEY", key)
        assert darkroom("jobs", "list").code == 0
        assert darkroom("keys", "list").code == 3
    assert darkroom("keys", "revoke", key_id).out == f"revoked {key_id}\n"
    [revoked] = [one for one in darkroom("keys", "list", "--json").json["data"] if one["id"] == key_id]
    assert revoked["revoked_at"] is not None


def test_keys_as_json(darkroom: Darkroom) -> None:
    made = darkroom("keys", "create", "--name", "ci", "--json").json
    assert made["key"].startswith("dk_")
    assert made["scope"] == "submit"
    assert darkroom("keys", "revoke", made["id"], "--json").json == {"id": made["id"], "revoked": True}


@pytest.mark.parametrize(
    ("key", "said"),
    [("dk_secret", "`darkroom keys list`"), ("0199aa00-0000-7000-8000-000000000000", "no key")],
)
def test_a_key_that_is_not_there_cannot_be_revoked(key: str, said: str, darkroom: Darkroom) -> None:
    ended = darkroom("keys", "revoke", key)
    assert ended.code == 2
    assert said in ended.err


def test_models_are_listed_with_where_they_run_and_what_they_cost(darkroom: Darkroom) -> None:
    shown = darkroom("models").out
    for said in (
        "kling-v3",
        "fal-ai/flux/dev",
        "$0.061 per second, varies",
        "not published",
        "$0.035 to $0.065",
    ):
        assert said in shown
    assert {one["id"] for one in darkroom("models", "FLUX-d", "--json").json["data"]} == {"flux-dev"}
    assert darkroom("models", "no-such-model").code == 2


def test_a_quote_says_every_price_and_why_an_offer_is_passed_over(darkroom: Darkroom) -> None:
    shown = darkroom("quote", "kling-v3", "a red kite", "--set", "duration=5").out
    assert "$0.305" in shown
    assert "$0.42" in shown
    assert "about 120 s" in shown
    passed = darkroom("quote", "kling-v3", "x", "--set", "duration=5", "--max-cost", "0.40").out
    assert "passed over: fal" in passed
    assert "$0.00225 to $0.003" in darkroom("quote", "flux-schnell", "x").out
    assert darkroom("quote", "kling-v3", "x", "--json").json["offers"][0]["provider"] == "linkmodel"
    assert darkroom("jobs", "list", "--json").json["data"] == []


def test_a_provider_without_a_key_and_a_sandbox_are_told_from_the_rest(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    offer = {
        "provider": "fal",
        "endpoint": "fal-ai/flux/dev",
        "unit": "megapixel",
        "price": None,
        "configured": False,
        "sandbox": False,
    }
    offers = [offer, offer | {"configured": True, "sandbox": True}]
    document = {"object": "list", "data": [{"id": "flux-dev", "kind": "image", "offers": offers}]}
    httpserver.expect_request("/v1/models").respond_with_json(document)
    monkeypatch.setenv("DARKROOM_URL", httpserver.url_for("").rstrip("/"))
    rows = darkroom("models").out.splitlines()
    assert rows[-2].rstrip().endswith("no key")
    assert rows[-1].rstrip().endswith("sandbox")


def test_several_policies_and_a_split_are_given_on_the_command_line(darkroom: Darkroom) -> None:
    quoted = darkroom("quote", "kling-v3", "x", "--policy", "predictable,cheapest", "--json").json
    assert quoted["offers"][0]["why"].startswith("first choice by policy predictable, then cheapest")
    halved = darkroom("quote", "kling-v3", "x", "--split", "linkmodel:80,fal:20", "--json").json
    assert [one["share"] for one in halved["offers"]] == [80.0, 20.0]
    refused = darkroom("quote", "kling-v3", "x", "--split", "80/20")
    assert (refused.code, "write it like linkmodel:80,fal:20" in refused.err) == (2, True)
    kept = darkroom("quote", "kling-v3", "x", "--zero-retention")
    assert (kept.code, "does not promise zero retention" in kept.err) == (2, True)


def test_the_providers_prices_are_read_anew(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    changed = {
        "provider": "fal",
        "endpoint": "fal-ai/flux/dev",
        "change": "changed",
        "before": {"usd": "0.025", "unit": "megapixels", "since": "2026-11-01T00:00:00.000Z"},
        "catalogue_usd": "0.025",
        "now": {"usd": "0.03", "unit": "megapixels"},
        "percent": "+20.0",
    }
    unnamed = changed | {
        "change": "not_named",
        "endpoint": "me/mine",
        "before": None,
        "now": None,
        "percent": None,
    }
    document = {"dry_run": True, "changed": 1, "prices": [changed, unnamed], "failed": []}
    httpserver.expect_request(
        "/v1/models/sync", query_string="dry_run=true", method="POST"
    ).respond_with_json(document)
    failed = document | {
        "dry_run": False,
        "changed": 0,
        "prices": [],
        "failed": [{"provider": "fal", "message": "away"}],
    }
    httpserver.expect_request(
        "/v1/models/sync", query_string="dry_run=false", method="POST"
    ).respond_with_json(failed)
    monkeypatch.setenv("DARKROOM_URL", httpserver.url_for("").rstrip("/"))
    shown = darkroom("models", "sync", "--dry-run").out
    assert "$0.025 per megapixels" in shown
    assert "$0.03 per megapixels" in shown
    assert "+20.0 %" in shown
    assert "me/mine" not in shown
    assert "1 of 2 prices are new or changed, and would be kept" in shown
    assert "not named" in darkroom("models", "sync", "--dry-run", "--all").out
    assert darkroom("models", "sync", "--dry-run", "--json").json["changed"] == 1
    away = darkroom("models", "sync")
    assert (away.code, "fal: away" in away.err) == (1, True)


def test_models_shows_what_the_provider_named_last(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    named = {"usd": "0.03", "unit": "megapixels", "since": "2026-11-20T01:02:03.000Z", "until": None}
    offer = {
        "provider": "fal",
        "endpoint": "fal-ai/flux/dev",
        "unit": "megapixel",
        "price": None,
        "provider_prices": [named],
        "configured": True,
        "sandbox": False,
    }
    document = {"object": "list", "data": [{"id": "flux-dev", "kind": "image", "offers": [offer]}]}
    httpserver.expect_request("/v1/models").respond_with_json(document)
    monkeypatch.setenv("DARKROOM_URL", httpserver.url_for("").rstrip("/"))
    for command in (("models",), ("models", "list"), ("models", "flux")):
        assert "$0.03 per megapixels since 2026-11-20" in darkroom(*command).out
