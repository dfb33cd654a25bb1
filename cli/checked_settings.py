"""The doctor's look at the settings: what is yours, what is embedded, and where the embedded parts are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from cli.diagnosis import Diagnosis, fail, ok
from cli.stack.environment import Plan, plan, variable
from cli.stack.failures import StackError
from cli.stack.folder import DataFolder
from cli.stack.ports import LOOPBACK
from cli.stack.postgres import Cluster
from services.settings import Settings

_ASK: Final = "`darkroom up` says the same; .env.example explains every setting"
# Stands for a secret that no start has made yet: the doctor signs nothing that anybody sees.
_PLACEHOLDER: Final = "doctor"
# Nothing listens there: what it stands for has never run.
_NOWHERE: Final = f"redis://{LOOPBACK}:1/0"


@dataclass(frozen=True, slots=True)
class Situation:
    """The settings with the addresses of the embedded parts filled in, and which parts those are."""

    settings: Settings
    plan: Plan


def examine(settings: Settings) -> tuple[Diagnosis, Situation | None]:
    """What is set and what is embedded; no situation where the settings cannot go together."""
    root = settings.data_dir.expanduser().resolve()
    try:
        # Where files are kept in it, it is needed, and made as a start would make it: for its owner only.
        folder = DataFolder(root) if settings.s3_bucket is not None else DataFolder.at(root)
        planned = plan(settings, folder)
        situation = Situation(_filled(settings, folder, planned), planned)
    except StackError as error:
        return fail("settings", str(error), _ASK), None
    return ok("settings", f"{_set(settings)}; {_sources(planned)}"), situation


def _set(settings: Settings) -> str:
    names = sorted(
        variable(name) for name in settings.model_fields_set if getattr(settings, name) is not None
    )
    return f"set: {', '.join(names)}" if names else "nothing is set"


def _sources(planned: Plan) -> str:
    return ", ".join(f"{choice.part}: {choice.source}" for choice in planned.choices)


def _filled(settings: Settings, folder: DataFolder, planned: Plan) -> Settings:
    found: dict[str, object] = {"data_dir": folder.root}
    if settings.secret_key is None:
        found["secret_key"] = SecretStr(_read(folder.secret_key) or _PLACEHOLDER)
    if planned.database:
        found["database_url"] = Cluster.at(folder.postgres).url()
    if planned.redis:
        found["redis_url"] = _valkey_url(folder.valkey / "valkey.conf")
    return settings.model_copy(update=found)


def _valkey_url(configuration: Path) -> str:
    """The embedded Valkey's address, from the file that its start writes."""
    pairs = (line.split(maxsplit=1) for line in _read(configuration).splitlines())
    told = {pair[0]: pair[1] for pair in pairs if len(pair) > 1}
    if not {"port", "requirepass"} <= told.keys():
        return _NOWHERE
    return f"redis://:{told['requirepass']}@{LOOPBACK}:{told['port']}/0"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
