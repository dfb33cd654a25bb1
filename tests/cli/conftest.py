"""The command line as a person or a script has it: arguments in; exit code, stdout and stderr out."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from cli.main import main
from cli.stack.environment import variable
from services.access import Scope, create_key
from services.runtime import Runtime
from services.settings import Settings
from tests.support.front import Project, new_project, served


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.out)


Darkroom = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture
def darkroom(capsys: pytest.CaptureFixture[str]) -> Darkroom:
    """Runs a command in this process."""

    def run(*arguments: object) -> Outcome:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        sys.stdout.flush()
        said = capsys.readouterr()
        return Outcome(int(end.value.code or 0), said.out, said.err)

    return run


@pytest.fixture(scope="session")
def api_url(runtime: Runtime) -> Iterator[str]:
    with served(create_app(runtime)) as address:
        yield address


@pytest.fixture
def project(runtime: Runtime, api_url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of the real API, whose admin key the commands use."""
    made = new_project(runtime, api_url)
    key = create_key(runtime, project_id=made.id, name="test", scope=Scope.ADMIN)["key"]
    monkeypatch.setenv("DARKROOM_URL", api_url)
    monkeypatch.setenv("DARKROOM_API_KEY", key)
    return made
