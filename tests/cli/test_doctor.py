"""The doctor, as a person has it: everything looked at, exit code 1 if anything failed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pytest_httpserver import HTTPServer
from redis import Redis

from cli.stack.ports import free_port
from sandbox.testing import SandboxServer
from storage.health import beat
from tests.cli.conftest import Darkroom, Outcome
from tests.support.credentials import without_credentials
from tests.support.front import Project, migrated
from tests.support.postgres import Postgres
from tests.support.programs import ROOT
from tests.support.valkey import valkey_server

Found = dict[str, tuple[str, str, str]]


def found(ended: Outcome) -> Found:
    return {one["part"]: (one["state"], one["found"], one["remedy"]) for one in ended.json["checks"]}


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@pytest.fixture
def all_yours(
    project: Project, valkey: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing embedded but the files: a database, a Redis and providers of one's own, and a web that runs."""
    chosen = {
        "DARKROOM_DATABASE_URL": project.runtime.database.url,
        "DARKROOM_REDIS_URL": valkey,
        "DARKROOM_SECRET_KEY": "a secret of the tests",
        "DARKROOM_DATA_DIR": str(tmp_path / "data"),
        "FAL_KEY": "sandbox-fal",
        "FAL_ADMIN_KEY": "sandbox-admin-fal",
        "DARKROOM_FAL_QUEUE_URL": sandbox.fal_queue_url,
        "DARKROOM_FAL_PLATFORM_URL": sandbox.fal_platform_url,
        "LINKMODEL_API_KEY": "sandbox-linkmodel",
        "DARKROOM_LINKMODEL_URL": sandbox.linkmodel_url,
    }
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    beat(project.runtime.database, "watcher", project.runtime.clock())


@pytest.mark.usefixtures("all_yours")
def test_a_whole_installation_is_well(darkroom: Darkroom, project: Project) -> None:
    ended = darkroom("doctor", "--json")
    states = {part: one[0] for part, one in found(ended).items()}
    # The API of these tests has no Redis of its own, and says so.
    assert states.pop("web") == "warn"
    assert set(states.values()) == {"ok"}, ended.out
    assert ended.code == 0
    parts = {"python", "disk", "settings", "database", "schema", "redis", "object store", "watcher", "clock"}
    assert states.keys() == parts | {"api key", "fal", "fal billing", "linkmodel"}
    assert project.url in found(ended)["web"][1]


@pytest.mark.usefixtures("all_yours")
def test_no_secret_is_shown(darkroom: Darkroom) -> None:
    shown = darkroom("doctor").out
    for name in ("FAL_KEY", "FAL_ADMIN_KEY", "LINKMODEL_API_KEY", "DARKROOM_SECRET_KEY", "DARKROOM_API_KEY"):
        assert name in shown
        assert os.environ[name] not in shown
    assert os.environ["DARKROOM_REDIS_URL"] not in shown


@pytest.mark.usefixtures("all_yours")
def test_people_see_a_table_with_what_to_do(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    ended = darkroom("doctor")
    assert ended.code == 1
    assert "start it, or correct DARKROOM_REDIS_URL" in ended.out


@pytest.mark.usefixtures("all_yours")
def test_a_schema_that_is_behind_and_a_watcher_that_never_ran_are_found(
    darkroom: Darkroom, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_DATABASE_URL", server.database(migrated(server)))
    watcher = found(darkroom("doctor", "--json"))["watcher"]
    assert watcher[0] == "fail"
    assert "python -m workers.watcher" in watcher[2]
    monkeypatch.setenv("DARKROOM_DATABASE_URL", server.database())
    ended = darkroom("doctor", "--json")
    schema = found(ended)["schema"]
    newest = max(path.name[:4] for path in (ROOT / "migrations" / "versions").glob("0*.py"))
    assert schema == ("fail", f"at nothing, not at {newest}", "bring it there: `python -m storage.migrate`")
    assert ended.code == 1


@pytest.mark.usefixtures("all_yours")
def test_keys_that_are_not_accepted_are_found(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "a-real-key")
    monkeypatch.setenv("FAL_ADMIN_KEY", "sandbox-no-admin")
    monkeypatch.setenv("LINKMODEL_API_KEY", "another")
    monkeypatch.setenv("DARKROOM_API_KEY", "dk_unknown")
    ended = darkroom("doctor", "--json")
    for part, name in (
        ("fal", "FAL_KEY"),
        ("fal billing", "FAL_ADMIN_KEY"),
        ("linkmodel", "LINKMODEL_API_KEY"),
        ("api key", "DARKROOM_API_KEY"),
    ):
        assert found(ended)[part][0] == "fail", part
        assert name in found(ended)[part][1]


def test_where_nothing_has_run_yet_only_the_web_is_missed(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DARKROOM_PORT", str(free_port()))
    monkeypatch.setenv("DARKROOM_FLOWER_PORT", str(free_port()))
    ended = darkroom("doctor", "--json")
    assert ended.code == 1
    assert [part for part, one in found(ended).items() if one[0] == "fail"] == ["web"]
    for part in ("database", "redis", "watcher"):
        assert found(ended)[part] == ("warn", "embedded, and not running", "start the stack: `darkroom up`")
    assert found(ended)["object store"][0] == "ok"
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700


def test_an_embedded_redis_is_found_where_its_start_has_written_it_down(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, valkey: str
) -> None:
    monkeypatch.setenv("DARKROOM_PORT", str(free_port()))
    address = urlsplit(valkey)
    (tmp_path / "var" / "valkey").mkdir(parents=True)
    written = f"port {address.port}\nrequirepass {address.password}\nappendonly\n"
    (tmp_path / "var" / "valkey" / "valkey.conf").write_text(written)
    assert found(darkroom("doctor", "--json"))["redis"][0] == "ok"


def test_malformed_settings_are_named_one_by_one(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_PORT", "eighty")
    monkeypatch.setenv("DARKROOM_DATABASE_URL", "mysql://me:secret@db/x")
    ended = darkroom("doctor", "--json")
    assert ended.code == 1
    assert {part for part, one in found(ended).items() if one[0] == "fail"} == {
        "DARKROOM_PORT",
        "DARKROOM_DATABASE_URL",
    }
    assert "secret" not in ended.out


def test_half_a_setting_is_found(darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_S3_ENDPOINT_URL", "http://127.0.0.1:9")
    ended = darkroom("doctor", "--json")
    assert found(ended)["settings"][0] == "fail"
    assert "set DARKROOM_S3_BUCKET too" in found(ended)["settings"][1]
    assert "database" not in found(ended)


def test_a_setting_that_only_its_part_can_judge_is_found(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "prices.toml").write_text("not TOML")
    monkeypatch.setenv("DARKROOM_CATALOGUE", "prices.toml")
    checks = darkroom("doctor", "--json").json["checks"]
    assert [one for one in checks if one["state"] == "fail" and "prices.toml" in one["found"]]


@pytest.mark.usefixtures("all_yours")
def test_a_provider_that_is_away_or_ill_is_told_apart(
    darkroom: Darkroom, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = httpserver.url_for("").rstrip("/")
    httpserver.expect_request("/auth/check").respond_with_data("<html>Bad gateway", 502)
    monkeypatch.setenv("DARKROOM_LINKMODEL_URL", base)
    monkeypatch.setenv("DARKROOM_FAL_PLATFORM_URL", f"http://127.0.0.1:{free_port()}")
    ended = darkroom("doctor", "--json")
    assert found(ended)["linkmodel"][0] == "warn"
    assert "the key could not be checked" in found(ended)["linkmodel"][1]
    assert found(ended)["fal"][0] == "fail"
    assert "does not answer" in found(ended)["fal"][1]


@pytest.mark.usefixtures("all_yours")
def test_a_refusal_in_the_body_of_a_200_counts(
    darkroom: Darkroom, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/auth/check").respond_with_json({"code": 401, "msg": "invalid key"})
    monkeypatch.setenv("DARKROOM_LINKMODEL_URL", httpserver.url_for("").rstrip("/"))
    assert found(darkroom("doctor", "--json"))["linkmodel"][0] == "fail"


@pytest.mark.parametrize(("status", "state"), [(401, "ok"), (200, "fail")])
def test_flower_without_a_login_is_found(
    status: int, state: str, darkroom: Darkroom, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/").respond_with_data("flower", status)
    monkeypatch.setenv("DARKROOM_FLOWER_PORT", str(httpserver.port))
    monkeypatch.setenv("DARKROOM_PORT", str(free_port()))
    assert found(darkroom("doctor", "--json"))["flower"][0] == state


@pytest.mark.parametrize(
    ("status", "document", "state", "said"),
    [
        (200, {"checks": {"redis": {"ok": True, "message": None}}}, "ok", "is ready"),
        (
            503,
            {"checks": {"redis": {"ok": False, "message": "Redis is away"}}},
            "fail",
            "redis: Redis is away",
        ),
        (200, {"status": "ok"}, "fail", "is not a Darkroom"),
        (200, ["another"], "fail", "is not a Darkroom"),
    ],
)
def test_what_answers_at_the_port_is_judged(
    status: int,
    document: object,
    state: str,
    said: str,
    darkroom: Darkroom,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    httpserver.expect_request("/readyz").respond_with_json(document, status)
    monkeypatch.setenv("DARKROOM_URL", httpserver.url_for("").rstrip("/"))
    web = found(darkroom("doctor", "--json"))["web"]
    assert web[0] == state
    assert said in web[1]


@pytest.mark.usefixtures("all_yours")
def test_a_redis_that_tells_nothing_of_itself_is_taken_as_it_is(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, valkey: str
) -> None:
    with Redis.from_url(valkey) as client:
        client.acl_setuser("hosted", enabled=True, passwords=["+pw"], keys="*", commands=["+@all", "-config"])
    monkeypatch.setenv("DARKROOM_REDIS_URL", f"redis://hosted:pw@{valkey.rpartition('@')[2]}")
    assert found(darkroom("doctor", "--json"))["redis"][0] == "ok"


@pytest.mark.usefixtures("all_yours")
def test_a_database_that_is_away_is_found_and_what_needs_it(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_DATABASE_URL", f"postgresql://me:secret@127.0.0.1:{free_port()}/none")
    ended = darkroom("doctor", "--json")
    assert found(ended)["database"][0] == "fail"
    assert found(ended)["watcher"][2] == "mend the database first"
    assert "secret" not in ended.out


@pytest.mark.usefixtures("all_yours")
def test_a_store_that_cannot_be_written_is_found(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "objects").touch()
    ended = darkroom("doctor", "--json")
    assert found(ended)["object store"][0] == "fail"
    without_credentials(monkeypatch)
    monkeypatch.setenv("DARKROOM_S3_BUCKET", "bucket")
    monkeypatch.setenv("DARKROOM_S3_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    assert found(darkroom("doctor", "--json"))["object store"][0] == "fail"


@contextmanager
def forgetful(url: str) -> Iterator[None]:
    with Redis.from_url(url) as client:
        client.config_set("appendonly", "no")
        yield
        client.config_set("appendonly", "yes")


@pytest.mark.usefixtures("all_yours")
def test_a_redis_that_forgets_is_warned_of(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, valkey: str
) -> None:
    with forgetful(valkey):
        redis = found(darkroom("doctor", "--json"))["redis"]
    assert redis[0] == "warn"
    assert "set appendonly yes" in redis[2]
    monkeypatch.setenv("DARKROOM_REDIS_URL", "amqp://rabbit")
    assert found(darkroom("doctor", "--json"))["redis"] == ("ok", "another broker is used", "")
