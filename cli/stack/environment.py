"""Decides, setting by setting, what is yours and what is embedded, and what every process is told of it."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import AliasChoices, SecretStr

from cli.stack.failures import StackError
from cli.stack.folder import DataFolder, kept_secret
from cli.stack.ports import LOOPBACK
from services.settings import Settings


@dataclass(frozen=True, slots=True)
class _Provider:
    """Which settings make a provider yours, and what stands in their place in the sandbox."""

    name: str
    key: str
    others: tuple[str, ...]
    paths: Mapping[str, str]
    keys: Mapping[str, str]


_PROVIDERS = (
    _Provider(
        name="fal",
        key="fal_key",
        others=("fal_queue_url", "fal_platform_url", "fal_jwks_url", "fal_admin_key"),
        paths={
            "fal_queue_url": "/fal/queue",
            "fal_platform_url": "/fal/platform/v1",
            "fal_jwks_url": "/fal/.well-known/jwks.json",
        },
        keys={"fal_key": "sandbox-fal", "fal_admin_key": "sandbox-admin-fal"},
    ),
    _Provider(
        name="LinkModel",
        key="linkmodel_api_key",
        others=("linkmodel_url",),
        paths={"linkmodel_url": "/linkmodel/api/v1"},
        keys={"linkmodel_api_key": "sandbox-linkmodel"},
    ),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One part of the stack and who provides it; fit to be shown, so without any secret."""

    part: str
    source: str
    detail: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Which parts are embedded, and the table that says so."""

    database: bool
    redis: bool
    sandbox: bool
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Where the embedded parts are reached; None for a part that is not embedded."""

    database_url: str | None = None
    redis_url: str | None = None
    sandbox_port: int | None = None


def plan(settings: Settings, folder: DataFolder) -> Plan:
    """What is set is used; each thing that is not set falls back to its embedded part.

    Raises:
        StackError: settings that belong together are set only in part; the message names the missing one.
    """
    own = _own(settings)
    database, redis, assets = (name not in own for name in ("database_url", "redis_url", "s3_bucket"))
    yours = {provider.name: _is_yours(provider, own) for provider in _PROVIDERS}
    if "s3_endpoint_url" in own and "s3_bucket" not in own:
        raise StackError(_half("s3_endpoint_url", "s3_bucket", "store assets in a local folder"))
    choices = (
        _choice("database", "DARKROOM_DATABASE_URL", f"PostgreSQL in {folder.postgres}", embedded=database),
        _choice("queue", "DARKROOM_REDIS_URL", f"Valkey in {folder.valkey}", embedded=redis),
        _choice("assets", "DARKROOM_S3_BUCKET", f"files in {folder.objects}", embedded=assets),
        *(_provider_choice(provider, yours=yours[provider.name]) for provider in _PROVIDERS),
    )
    return Plan(database, redis, sandbox=not all(yours.values()), choices=choices)


def environment(
    settings: Settings, folder: DataFolder, embedded: Embedded, inherited: Mapping[str, str]
) -> dict[str, str]:
    """What every process of the stack is told: ``inherited``, the settings, and the embedded parts."""
    told = dict(inherited)
    told.update({variable(name): _text(getattr(settings, name)) for name in _own(settings)})
    told["DARKROOM_DATA_DIR"] = str(folder.root)
    told["DARKROOM_PORT"] = str(settings.port)
    told["DARKROOM_FLOWER_PORT"] = str(settings.flower_port)
    if settings.secret_key is None:
        told["DARKROOM_SECRET_KEY"] = kept_secret(folder.secret_key)
    if settings.flower_auth is None:
        told["DARKROOM_FLOWER_AUTH"] = kept_secret(folder.flower_auth, "darkroom:")
    # Flower reads it from here, which keeps it out of the list of processes.
    told["FLOWER_BASIC_AUTH"] = told["DARKROOM_FLOWER_AUTH"]
    if embedded.database_url is not None:
        told["DARKROOM_DATABASE_URL"] = embedded.database_url
    if embedded.redis_url is not None:
        told["DARKROOM_REDIS_URL"] = embedded.redis_url
    if embedded.sandbox_port is not None:
        told.update(_sandbox_settings(settings, embedded.sandbox_port))
    told["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), told.get("PATH", os.defpath)))
    told["PYTHONUNBUFFERED"] = "1"
    return told


def variable(field: str) -> str:
    """The environment variable of a field of the settings."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"DARKROOM_{field.upper()}"


def _own(settings: Settings) -> frozenset[str]:
    return frozenset(name for name in settings.model_fields_set if getattr(settings, name) is not None)


def _is_yours(provider: _Provider, own: frozenset[str]) -> bool:
    if provider.key in own:
        return True
    for name in provider.others:
        if name in own:
            raise StackError(_half(name, provider.key, f"run {provider.name} in the sandbox"))
    return False


def _half(present: str, missing: str, otherwise: str) -> str:
    return (
        f"{variable(present)} is set but {variable(missing)} is not: set {variable(missing)} too, "
        f"or unset {variable(present)} to {otherwise}"
    )


def _sandbox_settings(settings: Settings, port: int) -> dict[str, str]:
    base = f"http://{LOOPBACK}:{port}"
    told = {"DARKROOM_SANDBOX_URL": base}
    for provider in _PROVIDERS:
        if provider.key not in _own(settings):
            told.update({variable(name): f"{base}{path}" for name, path in provider.paths.items()})
            told.update({variable(name): key for name, key in provider.keys.items()})
    # The sandbox also receives callbacks, and is the one private address that they may reach unasked.
    allowed = (settings.private_hosts, f"{LOOPBACK}:{port}")
    told["DARKROOM_PRIVATE_HOSTS"] = ",".join(part for part in allowed if part)
    return told


def _choice(part: str, name: str, fallback: str, *, embedded: bool) -> Choice:
    return Choice(part, "embedded", fallback) if embedded else Choice(part, "yours", name)


def _provider_choice(provider: _Provider, *, yours: bool) -> Choice:
    if yours:
        return Choice(provider.name, "yours", variable(provider.key))
    return Choice(provider.name, "sandbox", f"costs nothing; set {variable(provider.key)} for the real one")


def _text(setting: object) -> str:
    return setting.get_secret_value() if isinstance(setting, SecretStr) else str(setting)
