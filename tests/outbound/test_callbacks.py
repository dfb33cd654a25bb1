import json
import re
import socket
from datetime import UTC, datetime, timedelta, timezone
from threading import Event
from time import monotonic

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from svix.webhooks import Webhook as SvixWebhook
from svix.webhooks import WebhookVerificationError as SvixVerificationError

from outbound.addresses import PrivateHosts
from outbound.callbacks import Sender, new_secret, sign
from tests.support.raw_server import Script, drip, raw_server, silence
from tests.support.seaweed import free_ports

HERE = PrivateHosts.parse("127.0.0.1, ::1")
BODY = json.dumps({"type": "job.succeeded", "data": {"prompt": "röd drake"}}).encode()


@pytest.fixture
def sender() -> Sender:
    return Sender(HERE, timeout_seconds=60)


def test_a_callback_arrives_with_its_headers_and_its_bytes(httpserver: HTTPServer, sender: Sender) -> None:
    httpserver.expect_request("/hook", method="POST").respond_with_data("thanks")
    answer = sender.post(
        httpserver.url_for("/hook"), BODY, {"webhook-id": "msg_1", "content-type": "application/json"}
    )
    request = httpserver.log[0][0]
    assert (answer.ok, answer.status, answer.excerpt, answer.error) == (True, 200, "thanks", None)
    assert request.get_data() == BODY
    assert request.headers["Webhook-Id"] == "msg_1"
    assert request.headers["User-Agent"] == "Darkroom"
    assert request.headers.getlist("Content-Type") == ["application/json"]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_success(httpserver: HTTPServer, sender: Sender, status: int) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=status)
    assert sender.post(httpserver.url_for("/hook"), BODY, {}).ok


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_anything_else_is_a_failure_with_its_status(
    httpserver: HTTPServer, sender: Sender, status: int
) -> None:
    httpserver.expect_request("/hook").respond_with_data("no", status=status, headers={"Retry-After": "30"})
    answer = sender.post(httpserver.url_for("/hook"), BODY, {})
    assert (answer.ok, answer.status, answer.excerpt, answer.retry_after) == (False, status, "no", 30.0)


@pytest.mark.parametrize("target", ["/other", "http://169.254.169.254/", "http://:x/"])
def test_a_redirect_is_a_failure_and_is_not_followed(sender: Sender, target: str) -> None:
    connections: list[socket.socket] = []

    def redirect(connection: socket.socket, _: Event) -> None:
        connections.append(connection)
        connection.sendall(f"HTTP/1.1 307 Over there\r\nLocation: {target}\r\n\r\n".encode())

    with raw_server(redirect) as url:
        answer = sender.post(url, BODY, {})
    assert (answer.ok, answer.status) == (False, 307)
    assert answer.error == "answered with HTTP 307: a callback does not follow redirects"
    assert len(connections) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:%PORT%/",
        "http://2130706433:%PORT%/",
        "http://169.254.169.254/",
        "ftp://example.com/",
        "",
    ],
)
def test_a_private_host_is_refused_when_connecting(httpserver: HTTPServer, url: str) -> None:
    answer = Sender(PrivateHosts()).post(url.replace("%PORT%", str(httpserver.port)), BODY, {})
    assert (answer.ok, answer.status) == (False, None)
    assert str(answer.error).startswith("refused: ")
    assert httpserver.log == []


def test_the_beginning_of_the_answer_is_kept_as_storable_text(httpserver: HTTPServer, sender: Sender) -> None:
    httpserver.expect_request("/hook").respond_with_data(b"\0\xff" + b"x" * 5000)
    excerpt = sender.post(httpserver.url_for("/hook"), BODY, {}).excerpt
    assert excerpt == "\ufffd" + "x" * 1022


def test_no_more_than_64_kilobytes_of_an_answer_are_read(sender: Sender) -> None:
    sent: list[int] = []

    def flood(connection: socket.socket, over: Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not over.is_set():
            connection.sendall(b"x" * 100_000)
            sent.append(100_000)

    with raw_server(flood) as url:
        answer = sender.post(url, BODY, {})
    assert (answer.ok, answer.error) == (True, None)
    assert sum(sent) < 50_000_000


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (silence, None),
        (drip(b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n", 0.02), None),
        (drip(b"HTTP/1.1 200 OK\r\n\r\n", b".", 0.02), 200),
        (drip(b"HTTP/1.1 500 Oops\r\n\r\n", b".", 0.02), 500),
    ],
    ids=["silence", "dripping headers", "dripping body", "dripping error"],
)
def test_one_deadline_covers_everything(script: Script, status: int | None) -> None:
    with raw_server(script) as url:
        started = monotonic()
        answer = Sender(HERE, timeout_seconds=0.4).post(url, BODY, {})
        took = monotonic() - started
    assert 0.3 < took < 2
    assert answer.seconds == pytest.approx(took, abs=0.1)
    assert (answer.status, answer.ok) == (status, status == 200)
    assert re.search("Timeout", str(answer.error))


def test_a_resolver_that_hangs_is_covered_by_the_deadline() -> None:
    def names(host: str, port: int, seconds: float) -> list[str]:
        raise TimeoutError(f"{host}:{port} was not resolved within {seconds:.0f} s")

    answer = Sender(HERE, timeout_seconds=3, resolver=names).post("http://slow.example/", BODY, {})
    assert answer.error == "ConnectTimeout: slow.example:80 was not resolved within 3 s"


def test_a_receiver_that_is_away_is_an_answer(sender: Sender) -> None:
    answer = sender.post(f"http://127.0.0.1:{free_ports(1)[0]}/", BODY, {})
    assert (answer.status, answer.excerpt, answer.retry_after) == (None, "", None)
    assert str(answer.error).startswith("ConnectError: ")


@pytest.mark.parametrize("sent", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_a_receiver_that_answers_nonsense_is_an_answer(sender: Sender, sent: bytes) -> None:
    with raw_server(sent) as url:
        answer = sender.post(url, BODY, {})
    assert (answer.status, answer.ok) == (None, False)
    assert str(answer.error).startswith("RemoteProtocolError: ")


def test_what_came_before_a_break_is_kept(sender: Sender) -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort") as url:
        answer = sender.post(url, BODY, {})
    assert (answer.status, answer.excerpt, answer.ok) == (200, "short", True)


def test_a_signature_is_verified_by_the_standard_library_of_receivers() -> None:
    secret = new_secret()
    headers = sign([secret], "msg_1", datetime.now(timezone(timedelta(hours=9))), BODY)
    assert Webhook(secret).verify(BODY, headers)["type"] == "job.succeeded"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers)


def test_while_a_secret_is_rotated_both_receivers_are_satisfied() -> None:
    old, new = new_secret(), new_secret()
    headers = sign([new, old], "msg_1", datetime.now(UTC), BODY)
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)


def test_a_signature_is_verified_by_svix_too() -> None:
    """Its class takes the headers of either name, and stands in receivers of many services."""
    old, new, now = new_secret(), new_secret(), datetime.now(UTC)
    for signing in ([new], [new, old]):
        headers = sign(signing, "msg_1", now, BODY)
        for secret in signing:
            SvixWebhook(secret).verify(BODY, headers)
        with pytest.raises(SvixVerificationError):
            SvixWebhook(new_secret()).verify(BODY, headers)
        for body, changed in (
            (BODY.replace(b"succeeded", b"failed"), headers),
            (BODY, headers | {"webhook-id": "msg_2"}),
            (BODY, sign(signing, "msg_1", now - timedelta(minutes=10), BODY)),
        ):
            with pytest.raises(SvixVerificationError):
                SvixWebhook(new).verify(body, changed)


def test_a_signature_covers_the_id_and_the_time() -> None:
    secret, now = new_secret(), datetime.now(UTC)
    one = sign([secret], "msg_1", now, BODY)
    assert one == sign([secret], "msg_1", now, BODY)
    for other in (
        sign([secret], "msg_2", now, BODY),
        sign([secret], "msg_1", now - timedelta(seconds=2), BODY),
    ):
        assert other["webhook-signature"] != one["webhook-signature"]


def test_a_known_signature_is_made() -> None:
    """The vector of the Standard Webhooks specification."""
    headers = sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_every_secret_is_new() -> None:
    secrets = {new_secret() for _ in range(20)}
    assert len(secrets) == 20
    assert all(re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret) for secret in secrets)
