"""What every use case is handed: the settings and the parts built from them, one set a process."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.routing import Availability
from outbound.addresses import PrivateHosts
from outbound.callbacks import Sender
from outbound.download import Downloader
from providers.base import HookVerifier, Provider
from providers.catalogue import Catalogue
from services.lane_book import LaneBook
from services.secrets import SecretBox
from services.settings import Settings
from storage.database import Database
from storage.objects.base import ObjectStore
from storage.queue import Queue


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts of a running Darkroom."""

    settings: Settings
    database: Database
    queue: Queue
    objects: ObjectStore
    catalogue: Catalogue
    providers: Mapping[str, Provider]
    hooks: Mapping[str, HookVerifier]
    available: Mapping[str, Availability]
    private_hosts: PrivateHosts
    downloader: Downloader
    sender: Sender
    secrets: SecretBox
    lanes: LaneBook
    clock: Callable[[], datetime]
