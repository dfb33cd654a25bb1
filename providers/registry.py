"""Which providers there are: one factory and one line of the registry each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import SecretStr

from providers.base import HookVerifier, Provider
from providers.fal import FalProvider
from providers.fal.webhooks import WebhookVerifier
from providers.linkmodel import LinkModelProvider


class ProviderSettings(Protocol):
    """The settings that the factories read."""

    fal_key: SecretStr | None
    fal_admin_key: SecretStr | None
    fal_queue_url: str
    fal_platform_url: str
    fal_jwks_url: str
    linkmodel_api_key: SecretStr | None
    linkmodel_url: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A provider that is set up: its adapter, where it lives, and what checks its webhooks."""

    provider: Provider
    base_url: str
    hooks: HookVerifier | None = None


def _fal(settings: ProviderSettings) -> Registered | None:
    if settings.fal_key is None:
        return None
    admin_key = settings.fal_admin_key
    provider = FalProvider(
        settings.fal_key.get_secret_value(),
        settings.fal_queue_url,
        settings.fal_platform_url,
        admin_key=admin_key.get_secret_value() if admin_key else None,
    )
    return Registered(provider, settings.fal_queue_url, WebhookVerifier(settings.fal_jwks_url))


def _linkmodel(settings: ProviderSettings) -> Registered | None:
    if settings.linkmodel_api_key is None:
        return None
    key = settings.linkmodel_api_key.get_secret_value()
    return Registered(LinkModelProvider(key, settings.linkmodel_url), settings.linkmodel_url)


REGISTRY: Final[Mapping[str, Callable[[ProviderSettings], Registered | None]]] = {
    "fal": _fal,
    "linkmodel": _linkmodel,
}
