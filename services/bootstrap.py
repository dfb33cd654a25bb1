"""The first start: a project, its key and its callback secret, left where only their owner can read them."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from services.access import FIRST_PROJECT, KeyRing, Scope, create_key, create_project, signing_secret
from services.build import build
from services.refusals import Conflict
from services.runtime import Runtime
from services.settings import SettingMissing
from storage import access

_OWNER_ONLY: Final = 0o600


def bootstrap(runtime: Runtime, folder: Path) -> None:
    """Make what is missing of the first project, and of the files ``api-key`` and ``callback-secret``.

    A key file that still opens the door is left alone; one that does not (another database, a revoked key)
    gets a new key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(Conflict):
        _write(folder / "api-key", create_project(runtime, name=FIRST_PROJECT)["api_key"]["key"])
    project_id = _project(runtime)
    key_file = folder / "api-key"
    key = key_file.read_text().strip() if key_file.exists() else ""
    caller = KeyRing(runtime).look_up(key)
    if caller is None or caller.project_id != project_id:
        key = create_key(runtime, project_id=project_id, name="first key", scope=Scope.ADMIN)["key"]
        _write(key_file, key)
    _write(folder / "callback-secret", signing_secret(runtime, project_id)["secret"])


def main() -> int:
    """Bootstrap the configured installation: 0 when done, 2 when a setting is missing."""
    try:
        runtime = build()
    except SettingMissing as error:
        sys.stderr.write(f"{error}\n")
        return 2
    bootstrap(runtime, runtime.settings.data_dir)
    runtime.database.close()
    return 0


def _project(runtime: Runtime) -> UUID:
    with runtime.database.work() as session:
        project = access.project_named(session, FIRST_PROJECT)
    if project is None:
        raise RuntimeError(f"the project {FIRST_PROJECT!r} was removed while it was set up")
    return project.id


def _write(path: Path, text: str) -> None:
    """Replace ``path`` whole, readable for its owner alone from the first byte."""
    draft = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY), "w") as file:
        file.write(f"{text}\n")
    draft.replace(path)


if __name__ == "__main__":
    sys.exit(main())
