"""Every setting of Darkroom, typed, read from the environment (and ``.env`` in development) once."""

from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.urls import with_driver


def _bare(name: str) -> AliasChoices:
    """A setting whose name is the provider's own, without our prefix."""
    return AliasChoices(name)


class Settings(BaseSettings):
    """One field per variable, named ``DARKROOM_<FIELD>`` but for the providers' own keys.

    What is None is not set; ``darkroom up`` fills it with its embedded part.
    """

    model_config = SettingsConfigDict(
        env_prefix="DARKROOM_", env_file=".env", extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    database_url: str | None = None
    redis_url: str | None = None
    s3_bucket: str | None = None
    s3_endpoint_url: str | None = None
    fal_queue_url: str = "https://queue.fal.run"
    fal_platform_url: str = "https://api.fal.ai/v1"
    fal_jwks_url: str = "https://rest.fal.ai/.well-known/jwks.json"
    linkmodel_url: str = "https://api.linkmodel.ai/api/v1"
    fal_key: SecretStr | None = Field(default=None, validation_alias=_bare("FAL_KEY"))
    fal_admin_key: SecretStr | None = Field(default=None, validation_alias=_bare("FAL_ADMIN_KEY"))
    linkmodel_api_key: SecretStr | None = Field(default=None, validation_alias=_bare("LINKMODEL_API_KEY"))
    public_url: str | None = None
    private_hosts: str = ""
    catalogue: Path | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    flower_port: Annotated[int, Field(ge=1, le=65535)] = 5555
    flower_auth: SecretStr | None = None
    data_dir: Path = Path("var")
    url: str | None = None
    api_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    sandbox_url: str | None = None

    @field_validator("fal_queue_url", "fal_platform_url", "linkmodel_url", "public_url", "url", "sandbox_url")
    @classmethod
    def _base_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is not a base URL: it must start with https:// (or http://)")
        return url.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, url: str | None) -> str | None:
        return None if url is None else with_driver(url)

    @property
    def base_url(self) -> str:
        """Where this Darkroom's API is reached from this machine."""
        return self.url or f"http://127.0.0.1:{self.port}"


class SettingMissing(RuntimeError):  # noqa: N818 - names the fact
    """A setting that a process cannot do without is not set."""

    def __init__(self, name: str, purpose: str) -> None:
        super().__init__(
            f"{name} is not set: {purpose}. Set it, or start everything with `darkroom up`, "
            "which fills what is not set with its embedded part"
        )
        self.name = name
