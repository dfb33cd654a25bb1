"""The wiring: what is set is used, what is missing is named, and secrets stay shut."""

from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from services.access import FIRST_PROJECT, KeyRing, create_project, signing_secret
from services.bootstrap import bootstrap, main
from services.build import build
from services.endpoints import rotate_signing_secret
from services.secrets import SecretBox, SecretUnreadable, derive
from services.settings import SettingMissing, Settings
from storage.access import project_named
from storage.objects.local import LocalStore
from storage.objects.s3 import S3Store
from tests.support.engine import Engine

NEEDED = {
    "database_url": "postgresql://127.0.0.1:1/none",
    "redis_url": "redis://127.0.0.1:1",
    "secret_key": "k" * 40,
}


def settings(**chosen: object) -> Settings:
    return Settings(_env_file=None, **{**NEEDED, **chosen})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "variable"),
    [
        ("database_url", "DARKROOM_DATABASE_URL"),
        ("redis_url", "DARKROOM_REDIS_URL"),
        ("secret_key", "DARKROOM_SECRET_KEY"),
    ],
)
def test_a_setting_that_is_missing_is_named(field: str, variable: str) -> None:
    with pytest.raises(SettingMissing, match=f"{variable} is not set") as missing:
        build(settings(**{field: None}))
    assert missing.value.name == variable


def test_only_providers_with_a_key_are_set_up(tmp_path: Path) -> None:
    runtime = build(settings(fal_key="real", data_dir=tmp_path))
    assert (list(runtime.providers), list(runtime.hooks)) == (["fal"], ["fal"])
    assert runtime.available["fal"].configured
    assert not runtime.available["fal"].sandbox
    assert not runtime.available["linkmodel"].configured


def test_a_provider_that_lives_in_the_sandbox_is_known_as_one() -> None:
    runtime = build(
        settings(
            fal_key="sandbox-fal",
            fal_queue_url="http://127.0.0.1:9/fal/queue",
            linkmodel_api_key="real",
            sandbox_url="http://127.0.0.1:9",
        )
    )
    assert runtime.available["fal"].sandbox
    assert not runtime.available["linkmodel"].sandbox


def test_files_go_to_the_bucket_that_is_set_and_else_to_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-tests")
    bucket = build(settings(s3_bucket="assets", s3_endpoint_url="http://127.0.0.1:9"))
    assert isinstance(bucket.objects, S3Store)
    assert isinstance(build(settings()).objects, LocalStore)


@pytest.mark.parametrize(
    ("chosen", "start"),
    [
        ({"public_url": "https://d.example"}, "https://d.example/"),
        ({"port": 8123}, "http://127.0.0.1:8123/"),
        ({"url": "http://here:1"}, "http://here:1/"),
    ],
)
def test_links_to_files_lead_to_where_the_api_is_reached(
    tmp_path: Path, chosen: dict[str, object], start: str
) -> None:
    store = build(settings(data_dir=tmp_path, **chosen)).objects
    link = store.link(
        "p/1.png", expires_seconds=60, filename="1.png", disposition="inline", content_type="image/png"
    )
    assert link.startswith(start)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fal_queue_url", "queue.fal.run"),
        ("public_url", "ftp://x"),
        ("database_url", "sqlite://"),
        ("port", 0),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        settings(**{field: value})


@pytest.mark.parametrize("start", ["postgres://", "postgresql://", "postgresql+psycopg://"])
def test_every_common_spelling_of_a_database_is_taken(start: str) -> None:
    assert settings(database_url=f"{start}host/db").database_url == "postgresql+psycopg://host/db"


def test_secrets_do_not_show_in_what_is_printed_of_the_settings() -> None:
    shown = repr(settings(fal_key=SecretStr("very-secret"), linkmodel_api_key="very-secret"))
    assert "very-secret" not in shown
    assert "k" * 40 not in shown


@given(st.text())
def test_a_sealed_secret_opens_as_it_was(text: str) -> None:
    box = SecretBox("one key")
    sealed = box.seal(text)
    assert box.open(sealed) == text
    assert len(text) < 4 or text.encode() not in sealed


def test_a_secret_that_was_sealed_with_another_key_says_what_to_do() -> None:
    sealed = SecretBox("one key").seal("secret")
    with pytest.raises(SecretUnreadable, match="DARKROOM_SECRET_KEY"):
        SecretBox("another key").open(sealed)


def test_no_two_purposes_share_a_key() -> None:
    assert derive("key", "a") != derive("key", "b")
    assert derive("key", "a") == derive("key", "a")
    assert len(derive("key", "a")) == 32


def test_the_first_start_leaves_a_key_and_a_secret_that_only_their_owner_can_read(
    engine: Engine, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "var"
    bootstrap(engine.runtime, folder)
    key = (folder / "api-key").read_text().strip()
    caller = KeyRing(engine.runtime).look_up(key)
    assert caller is not None
    assert (folder / "callback-secret").read_text().startswith("whsec_")
    assert {(folder / name).stat().st_mode & 0o777 for name in ("api-key", "callback-secret")} == {0o600}


def test_a_second_start_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    bootstrap(engine.runtime, tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    bootstrap(engine.runtime, tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == before


def test_a_secret_that_is_rotated_goes_into_the_file_that_the_first_start_left(
    engine: Engine,
) -> None:
    folder = engine.runtime.settings.data_dir
    first = create_project(engine.runtime, name=FIRST_PROJECT)
    secret = rotate_signing_secret(engine.runtime, UUID(first["id"]))["secret"]
    assert not (folder / "callback-secret").exists()
    bootstrap(engine.runtime, folder)
    assert (folder / "callback-secret").read_text() == f"{secret}\n"
    rotate_signing_secret(engine.runtime, engine.project_id)
    assert (folder / "callback-secret").read_text() == f"{secret}\n"
    newer = rotate_signing_secret(engine.runtime, UUID(first["id"]))["secret"]
    assert (folder / "callback-secret").read_text() == f"{newer}\n" != f"{secret}\n"
    assert (folder / "callback-secret").stat().st_mode & 0o777 == 0o600


def test_a_secret_that_cannot_be_written_is_rotated_all_the_same(engine: Engine) -> None:
    folder = engine.runtime.settings.data_dir
    bootstrap(engine.runtime, folder)
    (folder / "callback-secret.new").mkdir()
    with engine.runtime.database.work() as session:
        project = project_named(session, FIRST_PROJECT)
    assert project is not None
    with capture_logs() as logged:
        secret = rotate_signing_secret(engine.runtime, project.id)["secret"]
    assert signing_secret(engine.runtime, project.id)["secret"] == secret
    assert [entry["event"] for entry in logged] == ["callback_secret_not_written"]


def test_a_key_that_does_not_open_the_door_any_more_is_replaced(engine: Engine, tmp_path: Path) -> None:
    bootstrap(engine.runtime, tmp_path)
    first = (tmp_path / "api-key").read_text()
    (tmp_path / "api-key").write_text("dk_of_another_database\n")
    bootstrap(engine.runtime, tmp_path)
    second = (tmp_path / "api-key").read_text()
    assert second not in {first, "dk_of_another_database\n"}
    (tmp_path / "api-key").unlink()
    bootstrap(engine.runtime, tmp_path)
    assert KeyRing(engine.runtime).look_up((tmp_path / "api-key").read_text().strip()) is not None


def test_the_bootstrap_command_works_on_what_the_environment_says(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DARKROOM_DATABASE_URL", database_url)
    monkeypatch.setenv("DARKROOM_REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("DARKROOM_SECRET_KEY", "k" * 40)
    assert main() == 0
    assert (tmp_path / "var" / "api-key").exists()


def test_the_bootstrap_command_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DARKROOM_DATABASE_URL", raising=False)
    assert main() == 2
    assert "DARKROOM_DATABASE_URL is not set" in capsys.readouterr().err
