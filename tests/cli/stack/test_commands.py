"""The Procfile, the compose file and `darkroom up` run the same commands; .env.example is complete."""

import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.stack.applications import darkroom
from cli.stack.child import Program
from cli.stack.environment import variable
from services.settings import Settings

_ROOT = Path(__file__).resolve().parents[3]
_COMPOSE: dict[str, Any] = yaml.safe_load((_ROOT / "docker-compose.yml").read_text())
_PORT, _FLOWER_PORT = 8000, 5555
_NAMES = ["web", "worker", "submits", "callbacks", "batches", "watcher", "flower"]


def programs() -> dict[str, Program]:
    return {program.name: program for program in darkroom(_PORT, _FLOWER_PORT).processes}


def anywhere(command: Sequence[str]) -> list[str]:
    """A command without where it listens: in a container that is every address, at home the loopback."""
    return [re.sub(r"127\.0\.0\.1|0\.0\.0\.0", "HOST", part) for part in command]


def procfile() -> dict[str, list[str]]:
    lines = (_ROOT / "Procfile").read_text().splitlines()
    ports = {"$DARKROOM_PORT": str(_PORT), "$DARKROOM_FLOWER_PORT": str(_FLOWER_PORT)}
    commands = {}
    for line in lines:
        name, _, command = line.partition(": ")
        for port, number in ports.items():
            command = command.replace(port, number)
        commands[name] = shlex.split(command)
    return commands


def test_up_runs_every_process_of_the_procfile() -> None:
    assert list(procfile()) == list(programs()) == _NAMES


@pytest.mark.parametrize("name", _NAMES)
def test_the_procfile_has_the_same_command(name: str) -> None:
    command = procfile()[name]
    extra: dict[str, str] = {}
    if command[0] == "env":
        key, _, setting = command[1].partition("=")
        extra, command = {key: setting}, command[2:]
    program = programs()[name]
    assert anywhere(command) == anywhere(program.command)
    # Flower's login is known only at start, so it is part of the common environment there.
    assert {key: extra[key] for key in extra if key != "FLOWER_BASIC_AUTH"} == program.extra


@pytest.mark.parametrize("name", _NAMES)
def test_the_compose_file_has_the_same_command(name: str) -> None:
    service, program = _COMPOSE["services"][name], programs()[name]
    assert anywhere(service["command"]) == anywhere(program.command)
    assert program.extra.items() <= service["environment"].items()


def test_the_steps_before_are_the_same() -> None:
    steps = {step.name: list(step.command) for step in darkroom(_PORT, _FLOWER_PORT).steps}
    assert steps == {name: _COMPOSE["services"][name]["command"] for name in ("migrate", "bootstrap")}


def test_the_image_starts_the_api() -> None:
    line = next(line for line in (_ROOT / "Dockerfile").read_text().splitlines() if line.startswith("CMD "))
    command = yaml.safe_load(line.removeprefix("CMD "))
    assert anywhere(command) == anywhere(programs()["web"].command)


def test_every_service_restarts_and_everything_that_stays_is_watched() -> None:
    once = {"migrate", "bootstrap", "bucket"}
    for name, service in _COMPOSE["services"].items():
        assert service["restart"] == ("on-failure" if name in once else "unless-stopped")
        assert ("healthcheck" in service) == (name not in once), name


def test_no_secret_has_a_default() -> None:
    text = (_ROOT / "docker-compose.yml").read_text()
    secrets = ("PASSWORD", "SECRET", "AWS_ACCESS_KEY_ID", "FLOWER_AUTH")
    used = re.findall(r"\$\{(\w+)(:[-?])", text)
    assert {kind for name, kind in used if any(secret in name for secret in secrets)} == {":?"}


def test_compose_names_only_settings_that_there_are() -> None:
    text = (_ROOT / "docker-compose.yml").read_text()
    assert set(re.findall(r"DARKROOM_\w+", text)) <= {variable(field) for field in Settings.model_fields}


def test_the_settings_file_explains_every_setting_and_no_other() -> None:
    shared, _, compose_only = (_ROOT / ".env.example").read_text().partition("--- docker-compose.yml only")
    named = set(re.findall(r"^# (\w+)=", shared, re.MULTILINE))
    assert named == {variable(field) for field in Settings.model_fields}
    used_by_compose = set(re.findall(r"\$\{(\w+)", (_ROOT / "docker-compose.yml").read_text()))
    assert set(re.findall(r"^# (\w+)=", compose_only, re.MULTILINE)) == used_by_compose - named


def test_the_settings_file_sets_nothing_by_itself() -> None:
    lines = (_ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_its_defaults_are_the_real_ones() -> None:
    shown = dict(re.findall(r"^# (DARKROOM_\w+)=(\S+)$", (_ROOT / ".env.example").read_text(), re.MULTILINE))
    for field in (
        "port",
        "flower_port",
        "fal_queue_url",
        "fal_platform_url",
        "fal_jwks_url",
        "linkmodel_url",
    ):
        assert shown[variable(field)] == str(Settings.model_fields[field].default)
    assert Path(shown["DARKROOM_DATA_DIR"]) == Settings.model_fields["data_dir"].default


@pytest.mark.parametrize("script", [".ci/run", "dev/find-python"])
def test_the_scripts_parse_and_can_be_run(script: str) -> None:
    path = _ROOT / script
    assert path.stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", path], check=False).returncode == 0


def test_an_old_python_is_named_with_what_would_do(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\ncase "$2" in *print*) echo 3.9;; *) exit 1;; esac\n')
    old.chmod(0o755)
    found = subprocess.run(
        ["/bin/sh", _ROOT / "dev" / "find-python"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert "Python 3.11 or newer; python3 is 3.9; install a newer one" in found.stderr
