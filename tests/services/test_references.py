"""Files that a provider is to fetch: none in a private network, and no name is looked up."""

import socket
from time import process_time

import pytest

from domain.generation import GenerationInput, JobRequest
from outbound.addresses import PrivateHosts
from services.planning import Planner
from services.quotes import quotes
from services.references import check_references
from services.refusals import Unprocessable
from tests.support.engine import Engine

NONE = PrivateHosts()
INNER = "http://169.254.169.254/latest/meta-data/"


def asked(**fields: object) -> GenerationInput:
    return GenerationInput.model_validate({"prompt": "kites", **fields})


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that would fail the test if it were asked for a name."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"image_url": INNER}, "image_url"),
        ({"image_url": ["https://a.example/1.png", "https://127.0.0.1/2.png"]}, "image_url"),
        ({"last_image_url": "http://[fd00:ec2::254]/"}, "last_image_url"),
        ({"loras": [{"path": "owner/weights"}, {"path": "http://10.0.0.1/w"}]}, "loras"),
        ({"loras": [{"path": "//metadata.google.internal/w"}]}, "loras"),
        ({"loras": [{"path": "file:///etc/passwd"}]}, "loras"),
        ({"extra": {"start_image_url": INNER}}, "extra"),
        ({"extra": {"frames": [{"url": " HTTP://localhost/x"}]}}, "extra"),
        ({"extra": {"url": "http:127.0.0.1/x"}}, "extra"),
    ],
)
@pytest.mark.usefixtures("no_names")
def test_a_file_in_a_private_network_is_refused_with_its_field(fields: dict[str, object], field: str) -> None:
    with pytest.raises(Unprocessable, match=rf"^{field}: ") as caught:
        check_references(asked(**fields), NONE)
    assert (caught.value.code, caught.value.details) == ("invalid_input", {"field": f"input.{field}"})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"image_url": "https://a.example/1.png", "last_image_url": "http://93.184.216.34:8080/2.png"},
        {"image_url": ["https://a.example/1.png", "https://bücher.example/2.png"]},
        {
            "loras": [
                {"path": "owner/weights"},
                {"path": "https://a.example/w.safetensors"},
                {"path": "urn:a:b@1"},
            ]
        },
        {
            "extra": {
                "note": "see http://localhost",
                "steps": 5,
                "style": ["// plain", None, "https: explained"],
            }
        },
    ],
)
@pytest.mark.usefixtures("no_names")
def test_public_files_and_other_text_pass_without_being_looked_up(fields: dict[str, object]) -> None:
    check_references(asked(**fields), NONE)


def test_a_private_host_that_the_operator_allowed_may_hold_files() -> None:
    allowed = PrivateHosts.parse("files.internal, 10.0.0.0/8")
    check_references(asked(image_url=["http://files.internal/a.png", "http://10.1.2.3/b.png"]), allowed)
    with pytest.raises(Unprocessable, match="is a name for inner networks"):
        check_references(asked(image_url="http://other.internal/a.png"), allowed)


def test_text_that_lies_deeper_than_calls_may_is_found() -> None:
    value: object = INNER
    for _ in range(5000):
        value = [value]
    given = asked().model_copy(update={"extra": {"deep": value}})
    with pytest.raises(Unprocessable, match="extra"):
        check_references(given, NONE)


def test_looking_at_a_reference_costs_next_to_nothing() -> None:
    given = asked(image_url=["https://a.example/1.png"] * 3)
    started = process_time()
    for _ in range(100):
        check_references(given, NONE)
    assert process_time() - started < 1.0


def test_quotes_and_plans_refuse_such_a_file(engine: Engine) -> None:
    request = JobRequest.model_validate({"model": "pair", "input": {"prompt": "kites", "image_url": INNER}})
    with pytest.raises(Unprocessable, match="image_url: 169"):
        quotes(engine.runtime, request)
    with pytest.raises(Unprocessable, match="image_url: 169"):
        Planner(engine.runtime).plan(request)
