"""The sandbox's arithmetic and reading, without a server: JSON, money, paths, timelines, clock, keys."""

import asyncio
import json
import math
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.__main__ import is_loopback, parse, settings
from sandbox.app import create_app
from sandbox.clock import ManualClock, SystemClock
from sandbox.config import Config
from sandbox.fal import billing
from sandbox.fal.endpoints import find
from sandbox.fal.paths import QueuePath, app_id, read
from sandbox.fal.timeline import COMPLETED, Course, lay_out
from sandbox.invoice import to_nano, to_usd
from sandbox.keys import is_admin_key, is_sandbox_key
from sandbox.media.spec import MediaSpec
from sandbox.media.store import MediaStore
from sandbox.scenarios import Script, Step
from sandbox.testing import SandboxServer
from sandbox.wire import BodyError, dumps, loads

MONEY = st.decimals(0, 10**9, places=9, allow_nan=False)


@given(MONEY)
def test_decimals_cross_the_wire_with_every_digit(amount: Decimal) -> None:
    printed = dumps({"price": amount, "text": str(amount)})
    assert loads(printed) == {"price": amount, "text": str(amount)}


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        dumps({"a": object()})


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'{"a": Infinity}', b"\xff"])
def test_bodies_that_are_no_objects_are_refused(body: bytes) -> None:
    with pytest.raises(BodyError):
        loads(body)


@given(st.integers(0, 2**63 - 1))
def test_nano_dollars_survive_the_way_through_dollars(nano: int) -> None:
    assert to_nano(to_usd(nano)) == nano


@pytest.mark.parametrize(("usd", "nano"), [("0.0000000005", 1), ("0.00000000049", 0), ("10", 10**10)])
def test_half_a_nano_dollar_is_rounded_up(usd: str, nano: int) -> None:
    assert to_nano(Decimal(usd)) == nano


@pytest.mark.parametrize(
    ("endpoint_id", "arguments", "units", "nano"),
    [
        ("fal-ai/flux/dev", {}, "1", 25_000_000),
        (
            "fal-ai/flux/dev",
            {"image_size": {"width": 1500, "height": 1500}, "num_images": 2},
            "6",
            150_000_000,
        ),
        ("fal-ai/flux-pro/v1.1-ultra", {"num_images": 3}, "3", 180_000_000),
        ("fal-ai/kling-video/v3/standard/text-to-video", {"duration": "10"}, "15", 1_260_000_000),
        ("fal-ai/kling-video/v3/pro/text-to-video", {"generate_audio": False}, "5", 560_000_000),
        ("fal-ai/luma-dream-machine/ray-2", {"duration": "9s", "resolution": "1080p"}, "8", 4_000_000_000),
        ("fal-ai/fast-sdxl", {}, "1.23400000", 1_369_740),
        ("me/mine", {}, "1.23400000", 647_850),
    ],
)
def test_each_rule_counts_its_own_units(
    endpoint_id: str, arguments: dict[str, object], units: str, nano: int
) -> None:
    endpoint = find(endpoint_id, arguments)
    billed = billing.units(endpoint, arguments, 1.234)
    assert billing.header(billed) == units
    assert billing.nano_usd(endpoint, billed) == nano


@pytest.mark.parametrize(("endpoint_id", "arguments"), [("me/video-maker", {}), ("me/mine", {"duration": 3})])
def test_an_unknown_app_makes_videos_if_it_sounds_like_it(
    endpoint_id: str, arguments: dict[str, object]
) -> None:
    assert find(endpoint_id, arguments).kind == "video"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("fal-ai/flux/dev", QueuePath("fal-ai/flux/dev", "", "submit")),
        ("fal-ai/requests", QueuePath("fal-ai/requests", "", "submit")),
        ("a/b/c/requests/1/status/", QueuePath("a/b/c", "1", "status")),
        ("a/b/requests/1/status/stream", QueuePath("a/b", "1", "stream")),
        ("comfy/a/b/requests/1/cancel", QueuePath("comfy/a/b", "1", "cancel")),
        ("workflows/a", None),
        ("", None),
    ],
)
def test_queue_paths_are_read_in_every_form(path: str, expected: QueuePath | None) -> None:
    assert read(path) == expected


def test_an_app_is_the_first_two_parts_or_three_with_a_namespace() -> None:
    assert app_id("fal-ai/flux/dev") == "fal-ai/flux"
    assert app_id("workflows/me/mine/v1") == "workflows/me/mine"


@given(
    run=st.floats(0.1, 50),
    cold=st.floats(0, 50),
    queued=st.integers(0, 5),
    elapsed=st.floats(0, 200),
    regression=st.booleans(),
)
def test_a_timeline_ends_exactly_at_its_end(
    run: float, cold: float, queued: int, elapsed: float, *, regression: bool
) -> None:
    timeline = lay_out(Course(run, cold=cold, queued=queued, step=0.5, regression=regression))
    assert (timeline.at(elapsed) is None) == (elapsed >= timeline.end)
    assert timeline.start == pytest.approx(queued * 0.5 + cold)
    assert timeline.inference == pytest.approx(run)


def test_what_never_starts_or_ends_is_never_over() -> None:
    assert lay_out(Course(1, never_starts=True)).start == math.inf
    assert lay_out(Course(1, never_ends=True)).at(1e9) is not None
    assert lay_out(Course(1, never_starts=True, start_timeout=2)).end == 2
    assert COMPLETED not in {segment.state for segment in lay_out(Course(1)).segments}


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("Key sandbox", True),
        ("key sandbox-admin", True),
        ("Key real", False),
        ("sandbox", False),
        (None, False),
    ],
)
def test_only_made_up_keys_pass(header: str | None, *, accepted: bool) -> None:
    assert is_sandbox_key(header, "Key") is accepted


def test_an_admin_key_says_so() -> None:
    assert is_admin_key("Key sandbox-admin", "Key")
    assert not is_admin_key("Key sandbox", "Key")


def test_steps_of_later_calls_are_used_up() -> None:
    script = Script([Step("http_500", "2", "status"), Step("slow", "x")])
    assert [step.name if step else None for step in (script.take("status") for _ in range(3))] == [
        "http_500",
        "http_500",
        None,
    ]
    assert script.seconds("slow", 20) == 20
    assert script.seconds("cold", 3) == 0


def test_a_manual_clock_wakes_sleepers_when_they_are_due() -> None:
    async def run() -> list[str]:
        clock, woken = ManualClock(), list[str]()

        async def sleeper(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(name)

        tasks = [asyncio.create_task(sleeper(name, s)) for name, s in (("late", 5), ("soon", 1), ("now", 0))]
        gone = asyncio.create_task(clock.sleep(1))
        await SystemClock().sleep(0.01)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        clock.advance(1)
        await tasks[1]
        clock.advance(4)
        await asyncio.gather(*tasks)
        return woken

    assert asyncio.run(run()) == ["now", "soon", "late"]


def test_drawn_files_are_kept_within_bounds() -> None:
    async def run() -> None:
        store = MediaStore(cache_bytes=1)
        first, second = (MediaSpec("png", 16, 16, prompt) for prompt in "ab")
        assert await store.content(first) == await store.content(first)
        assert await store.content(second) != await store.content(first)
        assert not store.remove("nothing")

    asyncio.run(run())


def test_in_process_a_dropped_connection_is_an_error_to_the_caller() -> None:
    async def run() -> None:
        app = create_app(Config(seed=0))
        headers = {"Authorization": "Key sandbox"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            body = {"prompt": "[sandbox:drop_before_accept]"}
            await client.post("/fal/queue/fal-ai/flux/dev", json=body, headers=headers)

    with pytest.raises(ConnectionResetError):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.com", False)],  # noqa: S104 - shown to be refused
)
def test_only_loopback_addresses_are_local(host: str, *, local: bool) -> None:
    assert is_loopback(host) is local


def test_another_address_must_be_asked_for_twice(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--host", "0.0.0.0"])  # noqa: S104 - shown to be refused
    assert "--allow-remote" in capsys.readouterr().err
    assert parse(["--host", "0.0.0.0", "--allow-remote"]).allow_remote  # noqa: S104 - shown to be allowed


def test_the_command_line_overrides_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_SANDBOX_IMAGE_SECONDS", "7")
    monkeypatch.setenv("DARKROOM_SANDBOX_VIDEO_SECONDS", "8")
    chosen = settings(parse(["--image-seconds", "2", "--manual-clock"]))
    assert (chosen.image_seconds, chosen.video_seconds, chosen.manual_clock) == (2, 8, True)


@pytest.mark.parametrize(
    ("options", "base"),
    [
        ("--port 9 --folder kept", "http://127.0.0.1:9"),
        ("--port 9 --folder kept --host ::1", "http://[::1]:9"),
        ("--port 9 --folder kept --public-url https://media.example", "https://media.example"),
        ("--port 9 --folder kept --host 192.0.2.1 --allow-remote", None),
        ("--port 0 --folder kept", None),
        ("--port 9", None),
    ],
)
def test_with_a_folder_links_lead_to_where_it_listens_now(options: str, base: str | None) -> None:
    assert settings(parse(options.split())).public_url == base


def test_links_can_have_a_public_base() -> None:
    with SandboxServer(Config(public_url="https://media.example/")) as public:
        headers = {"Authorization": "Key sandbox"}
        accepted = public.client.post(
            "/fal/queue/fal-ai/flux/dev", json={"prompt": "x"}, headers=headers
        ).json()
    assert accepted["status_url"].startswith("https://media.example/fal/queue/")
    assert json.dumps(accepted)
