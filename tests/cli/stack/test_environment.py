"""What is yours, what is embedded, and what the processes are told of it."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.stack.environment import Embedded, Plan, environment, plan, variable
from cli.stack.failures import StackError
from cli.stack.folder import DataFolder
from services.settings import Settings

DATABASE = "postgresql://me:pw@db/mine"
NOTHING = Embedded()
SANDBOX = Embedded(sandbox_port=8010)
ALL_YOURS = {
    "DARKROOM_DATABASE_URL": DATABASE,
    "DARKROOM_REDIS_URL": "redis://queue:6379/0",
    "DARKROOM_S3_BUCKET": "bucket",
    "FAL_KEY": "fal-secret",
    "LINKMODEL_API_KEY": "linkmodel-secret",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder.at(tmp_path / "var")


def from_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, setting in variables.items():
        monkeypatch.setenv(name, setting)
    return Settings()


def sources(planned: Plan) -> dict[str, str]:
    return {choice.part: choice.source for choice in planned.choices}


def test_nothing_set_is_all_embedded(folder: DataFolder) -> None:
    planned = plan(Settings(), folder)
    assert (planned.database, planned.redis, planned.sandbox) == (True, True, True)
    assert sources(planned) == {
        "database": "embedded",
        "queue": "embedded",
        "assets": "embedded",
        "fal": "sandbox",
        "LinkModel": "sandbox",
    }


def test_everything_set_is_all_yours(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(from_environment(monkeypatch, **ALL_YOURS), folder)
    assert (planned.database, planned.redis, planned.sandbox) == (False, False, False)
    assert set(sources(planned).values()) == {"yours"}


def test_each_part_falls_back_by_itself(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(from_environment(monkeypatch, DARKROOM_DATABASE_URL=DATABASE, FAL_KEY="k"), folder)
    assert sources(planned) == {
        "database": "yours",
        "queue": "embedded",
        "assets": "embedded",
        "fal": "yours",
        "LinkModel": "sandbox",
    }
    assert planned.sandbox


def test_a_setting_in_a_dotenv_file_counts_as_set(folder: DataFolder, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"DARKROOM_DATABASE_URL={DATABASE}\nDARKROOM_REDIS_URL=\n")
    planned = plan(Settings(), folder)
    assert (planned.database, planned.redis) == (False, True)


def test_the_table_shows_no_secret(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = repr(plan(from_environment(monkeypatch, **ALL_YOURS), folder).choices)
    assert "secret" not in shown
    assert "pw" not in shown


@pytest.mark.parametrize(
    ("present", "missing"),
    [
        ("DARKROOM_FAL_QUEUE_URL", "FAL_KEY"),
        ("DARKROOM_FAL_PLATFORM_URL", "FAL_KEY"),
        ("FAL_ADMIN_KEY", "FAL_KEY"),
        ("DARKROOM_LINKMODEL_URL", "LINKMODEL_API_KEY"),
        ("DARKROOM_S3_ENDPOINT_URL", "DARKROOM_S3_BUCKET"),
    ],
)
def test_half_a_setting_is_an_error_that_names_the_other_half(
    present: str, missing: str, folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = from_environment(monkeypatch, **{present: "http://127.0.0.1:9"})
    with pytest.raises(StackError, match=f"^{present} is set but {missing} is not: set {missing} too"):
        plan(settings, folder)


def told(settings: Settings, folder: DataFolder, embedded: Embedded = NOTHING) -> dict[str, str]:
    return environment(settings, folder, embedded, {"HOME": "/home/me"})


def test_embedded_parts_are_named_to_every_process(folder: DataFolder) -> None:
    variables = told(Settings(), folder, Embedded("postgresql+psycopg://x", "redis://y"))
    assert variables["DARKROOM_DATABASE_URL"] == "postgresql+psycopg://x"
    assert variables["DARKROOM_REDIS_URL"] == "redis://y"
    assert variables["DARKROOM_DATA_DIR"] == str(folder.root)
    assert variables["HOME"] == "/home/me"


def test_your_settings_reach_every_process_from_wherever_they_came(folder: DataFolder) -> None:
    settings = Settings(fal_key="mine", database_url=DATABASE, port=8123, data_dir=Path("elsewhere"))
    variables = told(settings, folder)
    assert variables["FAL_KEY"] == "mine"
    assert variables["DARKROOM_DATABASE_URL"] == "postgresql+psycopg://me:pw@db/mine"
    assert variables["DARKROOM_PORT"] == "8123"
    assert variables["DARKROOM_DATA_DIR"] == str(folder.root)


def test_the_sandbox_plays_the_provider_that_has_no_key_and_only_that(folder: DataFolder) -> None:
    variables = told(Settings(fal_key="mine"), folder, SANDBOX)
    assert variables["FAL_KEY"] == "mine"
    assert "DARKROOM_FAL_QUEUE_URL" not in variables
    assert variables["DARKROOM_LINKMODEL_URL"] == "http://127.0.0.1:8010/linkmodel/api/v1"
    assert variables["LINKMODEL_API_KEY"].startswith("sandbox")
    assert variables["DARKROOM_SANDBOX_URL"] == "http://127.0.0.1:8010"


def test_the_sandbox_plays_all_of_fal(folder: DataFolder) -> None:
    variables = told(Settings(linkmodel_api_key="mine"), folder, SANDBOX)
    assert variables["DARKROOM_FAL_QUEUE_URL"] == "http://127.0.0.1:8010/fal/queue"
    assert variables["DARKROOM_FAL_PLATFORM_URL"] == "http://127.0.0.1:8010/fal/platform/v1"
    assert variables["DARKROOM_FAL_JWKS_URL"] == "http://127.0.0.1:8010/fal/.well-known/jwks.json"
    assert variables["FAL_KEY"].startswith("sandbox")
    assert variables["FAL_ADMIN_KEY"].startswith("sandbox-admin")


def test_callbacks_may_reach_the_sandbox_beside_what_you_allow(folder: DataFolder) -> None:
    assert told(Settings(), folder, SANDBOX)["DARKROOM_PRIVATE_HOSTS"] == "127.0.0.1:8010"
    allowed = told(Settings(private_hosts="10.0.0.0/8"), folder, SANDBOX)
    assert allowed["DARKROOM_PRIVATE_HOSTS"] == "10.0.0.0/8,127.0.0.1:8010"
    assert "DARKROOM_PRIVATE_HOSTS" not in told(Settings(), folder)


def test_secrets_that_are_not_set_are_made_once(folder: DataFolder) -> None:
    first, second = told(Settings(), folder), told(Settings(), folder)
    for name, path in (
        ("DARKROOM_SECRET_KEY", folder.secret_key),
        ("DARKROOM_FLOWER_AUTH", folder.flower_auth),
    ):
        assert first[name] == second[name] == path.read_text().strip()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first["FLOWER_BASIC_AUTH"] == first["DARKROOM_FLOWER_AUTH"]
    assert first["FLOWER_BASIC_AUTH"].startswith("darkroom:")


def test_secrets_that_are_set_are_not_made(folder: DataFolder) -> None:
    variables = told(Settings(secret_key="mine", flower_auth="me:pw"), folder)
    assert variables["DARKROOM_SECRET_KEY"] == "mine"
    assert variables["FLOWER_BASIC_AUTH"] == "me:pw"
    assert not folder.secret_key.exists()
    assert not folder.flower_auth.exists()


@given(st.sets(st.sampled_from(sorted(ALL_YOURS))))
def test_what_is_yours_depends_on_nothing_else(yours: set[str]) -> None:
    fields = {variable(field): field for field in Settings.model_fields}
    settings = Settings(**{fields[name]: ALL_YOURS[name] for name in yours})  # type: ignore[arg-type]
    planned = plan(settings, DataFolder(Path("/nowhere")))
    assert planned.database == ("DARKROOM_DATABASE_URL" not in yours)
    assert planned.redis == ("DARKROOM_REDIS_URL" not in yours)
    assert planned.sandbox == (not {"FAL_KEY", "LINKMODEL_API_KEY"} <= yours)
