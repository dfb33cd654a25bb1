"""The wiring: settings in, a running set of parts out; the only reader of the settings."""

from domain.routing import Availability
from outbound.addresses import PrivateHosts
from outbound.callbacks import Sender
from outbound.download import Downloader
from providers.catalogue import Catalogue
from providers.registry import REGISTRY, Registered
from services.lane_book import LaneBook
from services.runtime import Runtime
from services.secrets import SecretBox, derive
from services.settings import SettingMissing, Settings
from storage.database import Database
from storage.objects.base import ObjectStore
from storage.objects.local import LocalStore
from storage.objects.s3 import S3Store
from storage.queue import CeleryQueue
from storage.records.columns import now


def build(settings: Settings | None = None) -> Runtime:
    """Every part that a process needs; connects to nothing yet.

    Raises:
        SettingMissing: a setting that production cannot do without is not set.
    """
    settings = settings or Settings()
    if settings.database_url is None:
        raise SettingMissing("DARKROOM_DATABASE_URL", "jobs are kept in PostgreSQL")
    if settings.redis_url is None:
        raise SettingMissing("DARKROOM_REDIS_URL", "workers are woken through Redis")
    if settings.secret_key is None:
        raise SettingMissing("DARKROOM_SECRET_KEY", "secrets are encrypted and links signed with it")
    secret = settings.secret_key.get_secret_value()
    registered = _registered(settings)
    private_hosts = PrivateHosts.parse(settings.private_hosts)
    database = Database(settings.database_url)
    return Runtime(
        settings=settings,
        database=database,
        queue=CeleryQueue(settings.redis_url),
        objects=_objects(settings, secret),
        catalogue=Catalogue.load(settings.catalogue),
        providers={name: one.provider for name, one in registered.items()},
        hooks={name: one.hooks for name, one in registered.items() if one.hooks is not None},
        available=_available(settings, registered),
        private_hosts=private_hosts,
        downloader=Downloader(private_hosts, trusted_origins=[one.base_url for one in registered.values()]),
        sender=Sender(private_hosts),
        secrets=SecretBox(secret),
        lanes=LaneBook(database),
        clock=now,
    )


def _registered(settings: Settings) -> dict[str, Registered]:
    made = {name: factory(settings) for name, factory in REGISTRY.items()}
    return {name: one for name, one in made.items() if one is not None}


def _available(settings: Settings, registered: dict[str, Registered]) -> dict[str, Availability]:
    return {
        name: Availability(
            configured=name in registered,
            sandbox=name in registered and _is_sandbox(settings, registered[name].base_url),
        )
        for name in REGISTRY
    }


def _is_sandbox(settings: Settings, base_url: str) -> bool:
    return settings.sandbox_url is not None and base_url.startswith(f"{settings.sandbox_url}/")


def _objects(settings: Settings, secret: str) -> ObjectStore:
    if settings.s3_bucket is not None:
        return S3Store(settings.s3_bucket, endpoint_url=settings.s3_endpoint_url)
    base_url = settings.public_url or settings.base_url
    return LocalStore(settings.data_dir / "objects", derive(secret, "asset links"), base_url)
