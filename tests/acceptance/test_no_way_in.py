"""No way into a private network by spelling, redirect or resolver; the operator's list alone opens one."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from outbound.addresses import PrivateHosts
from outbound.callbacks import Sender
from outbound.download import AssetRefused, Downloader
from outbound.guard import BlockedAddress, check_reference, check_url
from tests.acceptance.attacks import LOOPBACK, Trap, attacks
from tests.acceptance.cases import FLUX, results
from tests.acceptance.world import World, world
from tests.emulators.fal_script import output
from tests.support.raw_server import raw_server

pytestmark = pytest.mark.timeout(300)

NONE = PrivateHosts()
NUMBER = len(attacks(0))


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    with Trap().serving() as serving:
        yield serving


@pytest.fixture
def url(trap: Trap, request: pytest.FixtureRequest) -> Iterator[str]:
    """One attack; the trap must be as empty afterwards as it was before."""
    before = trap.caught
    yield attacks(trap.port)[request.param]
    assert trap.caught == before


each_attack = pytest.mark.parametrize("url", range(NUMBER), ids=attacks(0), indirect=True)


@each_attack
def test_an_attack_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(BlockedAddress):
        check_url(url, NONE)
    with pytest.raises(BlockedAddress):
        check_reference(url, NONE)


@each_attack
def test_a_callback_is_not_sent(url: str) -> None:
    answer = Sender(NONE, timeout_seconds=5).post(url, b"{}", {})
    assert answer.status is None
    assert answer.error


@each_attack
def test_a_file_is_not_fetched(url: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r".") as caught:
        Downloader(NONE, total_seconds=5).fetch(url, tmp_path / "file")
    assert type(caught.value).__module__ == "outbound.errors"


@each_attack
def test_a_redirect_leads_nowhere(url: str, tmp_path: Path) -> None:
    """Even from an origin that may be private; what cannot stand in a header is not sent as one."""
    location = url.encode("utf-8").replace(b"\r", b"").replace(b"\n", b"")
    answer = b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\nContent-Length: 0\r\n\r\n"
    with raw_server(answer) as origin:
        trusting = Downloader(NONE, trusted_origins=[origin], total_seconds=5)
        with pytest.raises(Exception, match=r".") as caught:
            trusting.fetch(f"{origin}/a", tmp_path / "file")
        assert type(caught.value).__module__ == "outbound.errors"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_operators_list_opens_what_it_names(trap: Trap, host: str, tmp_path: Path) -> None:
    """So the trap is no dummy: what is allowed falls into it."""
    before = trap.caught
    allowed = PrivateHosts.parse(f"127.0.0.1:{trap.port}, [::1]:{trap.port}")
    url = f"http://{host}:{trap.port}/"
    check_url(url, allowed)
    assert Sender(allowed).post(url, b"{}", {}).excerpt == "caught"
    assert Downloader(allowed).fetch(url, tmp_path / "file").bytes == 6
    assert trap.caught == before + 2


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.1", "017700000001", "0", "LocalHost", "127\u30020\u30020\u30021"]
)
def test_what_has_no_guard_falls_into_the_trap(trap: Trap, host: str) -> None:
    """The spellings are real: a client that leaves them to the system reaches loopback by them."""
    before = trap.caught
    assert host in LOOPBACK
    assert httpx.get(f"http://{host}:{trap.port}/", trust_env=False, timeout=60).text == "caught"
    assert trap.caught > before


class Names:
    """A resolver that answers each question differently, the last answer for ever."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, seconds: float) -> Sequence[str]:
        del host, port, seconds
        self.asked += 1
        return self._answers[min(self.asked, len(self._answers)) - 1]


@pytest.fixture(scope="module")
def allowed(trap: Trap) -> Iterator[Trap]:
    """A server that may be reached, beside the trap: only the address tells the two apart."""
    with Trap("127.0.0.2").serving(trap.port) as serving:
        yield serving


@pytest.mark.parametrize("inner", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "10.0.0.1"])
def test_a_name_that_is_public_when_given_and_private_later_is_refused(
    trap: Trap, inner: str, tmp_path: Path
) -> None:
    before = trap.caught
    url = f"http://rebinding.example:{trap.port}/"
    names = Names([["93.184.216.34"], [inner]])
    check_url(url, NONE, resolver=names)
    answer = Sender(NONE, resolver=names).post(url, b"{}", {})
    assert str(answer.error).startswith(f"refused: rebinding.example resolves to {inner}, which is ")
    with pytest.raises(AssetRefused):
        Downloader(NONE, resolver=names).fetch(url, tmp_path / "file")
    assert (names.asked, trap.caught) == (3, before)


ADDRESSES = st.lists(
    st.sampled_from(["127.0.0.2", "127.0.0.1", "::1", "::ffff:127.0.0.1"]), min_size=1, max_size=3
)


@given(st.lists(ADDRESSES, min_size=1, max_size=4))
@example([["127.0.0.2"], ["127.0.0.1"]])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_resolver_answers_only_checked_addresses_are_reached(
    trap: Trap, allowed: Trap, answers: list[list[str]]
) -> None:
    before, reached = trap.caught, allowed.caught
    names = Names(answers)
    sender = Sender(PrivateHosts.parse("127.0.0.2"), resolver=names)
    answer = sender.post(f"http://rebinding.example:{trap.port}/", b"{}", {})
    good = set(answers[0]) == {"127.0.0.2"}
    assert (answer.ok, names.asked) == (good, 1)
    assert (trap.caught, allowed.caught) == (before, reached + good)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Darkroom whole, with an empty list of private hosts as in production."""
    with world(tmp_path_factory.mktemp("closed"), private_hosts="") as running:
        yield running


def _places(url: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Everywhere that a customer may write ``url``: the path, the field to be named, and the body."""
    prompt = {"prompt": "never"}
    yield "/v1/jobs", "callback_url", {"input": prompt, "callback_url": url}
    for path in ("/v1/jobs", "/v1/quotes"):
        yield path, "image_url", {"input": prompt | {"image_url": url}}
        yield path, "image_url", {"input": prompt | {"image_url": ["https://a.example/1.png", url]}}
        yield path, "last_image_url", {"input": prompt | {"last_image_url": url}}
    if url.startswith("http:"):
        yield "/v1/jobs", "loras", {"input": prompt | {"loras": [{"path": url}]}}
        yield "/v1/jobs", "extra", {"input": prompt | {"extra": {"mask": {"url": url}}}}


def test_the_api_refuses_every_attack_in_every_field(closed: World, trap: Trap) -> None:
    before = trap.caught
    wrong = []
    for url in attacks(trap.port):
        for path, named, body in _places(url):
            answer = closed.client.post(path, json={"model": FLUX, **body})
            if answer.status_code != 422 or named not in answer.text:
                wrong.append(f"{path} {named} {url!r}: {answer.status_code} {answer.text[:200]}")
    assert wrong == []
    assert closed.client.get("/v1/jobs").json()["data"] == []
    assert trap.caught == before


def test_a_batch_is_not_told_of_there(closed: World, trap: Trap) -> None:
    before = trap.caught
    sheet, csv = f"model,prompt\n{FLUX},kites\n", {"Content-Type": "text/csv"}
    for url in attacks(trap.port):
        answer = closed.client.post("/v1/batches", params={"callback_url": url}, content=sheet, headers=csv)
        assert (answer.status_code, "callback_url" in answer.text) == (422, True), f"{url!r}: {answer.text}"
    assert trap.caught == before


@pytest.mark.parametrize("column", ["callback_url", "image_url", "last_image_url", "loras"])
def test_every_row_of_a_sheet_of_attacks_is_wrong(closed: World, trap: Trap, column: str) -> None:
    """A bare path may be weights, so ``loras`` is tried with what begins as an address of the web."""
    before = trap.caught
    urls = [url for url in attacks(trap.port) if column != "loras" or url.startswith("http://")]
    sheet = io.StringIO()
    csv.writer(sheet).writerows([["model", "prompt", column], *([FLUX, "kites", url] for url in urls)])
    answer = closed.client.post(
        "/v1/batches",
        params={"dry_run": "true"},
        content=sheet.getvalue().encode(),
        headers={"Content-Type": "text/csv"},
    )
    trial = answer.json()
    assert (answer.status_code, trial["rows"], trial["good_rows"]) == (200, len(urls), 0)
    assert {problem["column"] for problem in trial["problems"]} == {column}
    assert trap.caught == before


def test_a_file_that_a_provider_places_there_is_not_fetched(closed: World, trap: Trap) -> None:
    before = trap.caught
    around = closed.emulators
    for number, host in enumerate(["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]"]):
        image = around.fal.images(f"http://{host}:{trap.port}/caught.png")
        around.fal.expect(f"inner {number}", *results(output(image))(around))
        job = closed.submit({"model": FLUX, "input": {"prompt": f"inner {number}"}})
        ended = closed.ended(job["id"])
        assert (ended["status"], ended["assets"]) == ("failed", [])
    assert trap.caught == before
    assert around.cdn.server.log == []
    assert all("Traceback" not in closed.logs(name) for name in ("web", "worker", "submits"))
