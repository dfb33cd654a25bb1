"""The first start: a project, its key and its callback secret, left where only their owner can read them."""

import sys
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from services.access import FIRST_PROJECT, KeyRing, Scope, create_key, create_project, signing_secret
from services.build import build
from services.left_files import API_KEY, CALLBACK_SECRET, leave
from services.refusals import Conflict
from services.runtime import Runtime
from services.settings import SettingMissing
from storage import access


def bootstrap(runtime: Runtime, folder: Path) -> None:
    """Make what is missing of the first project, and of the files ``api-key`` and ``callback-secret``.

    A key file that still opens the door is left alone; one that does not (another database, a revoked key)
    gets a new key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(Conflict):
        leave(folder / API_KEY, create_project(runtime, name=FIRST_PROJECT)["api_key"]["key"])
    project_id = _project(runtime)
    key_file = folder / API_KEY
    key = key_file.read_text().strip() if key_file.exists() else ""
    caller = KeyRing(runtime).look_up(key)
    if caller is None or caller.project_id != project_id:
        key = create_key(runtime, project_id=project_id, name="first key", scope=Scope.ADMIN)["key"]
        leave(key_file, key)
    leave(folder / CALLBACK_SECRET, signing_secret(runtime, project_id)["secret"])


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


if __name__ == "__main__":
    sys.exit(main())
