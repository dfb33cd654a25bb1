"""The seam to the message queue: notes that say where to look, carrying ids only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from celery import Celery
from kombu import Exchange
from kombu import Queue as KombuQueue
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

QUEUES: Final = ("image", "video", "collect", "callbacks", "batches")
SUBMIT: Final = "submit"
COLLECT: Final = "collect"
DELIVER: Final = "deliver"
READ: Final = "read"

# Redis takes the smallest number first; what nobody waits for by itself stands behind the rest.
_AT_ONCE: Final = 0
_IN_TURN: Final = 6


class QueueUnavailable(Exception):  # noqa: N818 - names the fact
    """The broker took nothing; the rows still say what is to be done."""


@dataclass(frozen=True, slots=True)
class Note:
    """A hint for a worker: run ``task`` on ``queue`` for the rows ``ids``; it may be lost or come twice.

    ``in_turn``: rows of batches, which let the others pass.
    """

    task: str
    queue: str
    ids: tuple[UUID, ...]
    in_turn: bool = False


class Queue(Protocol):
    """Where notes for the workers go."""

    def publish(self, notes: Sequence[Note]) -> None:
        """Send every note; raises QueueUnavailable when the broker cannot be reached in seconds."""
        ...


def settings_for(redis_url: str) -> dict[str, Any]:
    """Celery's settings, each for a reason that was measured (see ARCHITECTURE.md)."""
    return {
        "broker_url": redis_url,
        # State lives in SQL: nothing of a task is stored in Redis.
        "result_backend": None,
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        # A task that dies with its worker is found again by the watcher; requeueing it here would loop.
        "task_acks_late": True,
        "task_reject_on_worker_lost": False,
        "task_retry_on_worker_lost": False,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "task_soft_time_limit": 1740,
        "task_time_limit": 1800,
        "broker_transport_options": {
            # More than twice the longest task, since it is never renewed.
            "visibility_timeout": 4000,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 3,
            # A Redis that swallows packets must not hang a publish.
            "socket_timeout": 15,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 25,
            "global_keyprefix": "darkroom:",
            "queue_order_strategy": "priority",
        },
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 2,
        "task_publish_retry": False,
        "worker_soft_shutdown_timeout": 20,
        "worker_enable_soft_shutdown_on_idle": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_max_tasks_per_child": 1000,
        "worker_max_memory_per_child": 400_000,
        "worker_hijack_root_logger": False,
        # Flower lives on events, and asks the workers for them while it runs; without it they are a waste.
        "worker_send_task_events": False,
        "task_send_sent_event": False,
        "task_queues": [KombuQueue(name, Exchange(name), routing_key=name) for name in QUEUES],
        "task_default_queue": "collect",
        "task_create_missing_queues": False,
        "task_serializer": "json",
        "accept_content": ["json"],
    }


def make_app(redis_url: str, **overrides: Any) -> Celery:  # noqa: ANN401 - Celery's own settings
    """A Celery application on ``redis_url``; workers add their tasks to it, publishers only send by name."""
    app = Celery("darkroom")
    app.conf.update(settings_for(redis_url) | overrides)
    return app


class CeleryQueue:
    """Publishes over Celery, giving up within seconds when Redis refuses or swallows connections."""

    def __init__(self, redis_url: str) -> None:
        options = settings_for(redis_url)["broker_transport_options"] | {
            "socket_timeout": 2,
            "socket_connect_timeout": 1,
        }
        self._app = make_app(redis_url, broker_transport_options=options)

    def publish(self, notes: Sequence[Note]) -> None:
        """Send every note in one pipeline; raises QueueUnavailable."""
        try:
            with self._app.producer_pool.acquire(block=True, timeout=2) as producer:
                self._send_all(producer, notes)
        except (KombuError, RedisError, OSError) as error:
            raise QueueUnavailable(f"the broker did not take the notes: {type(error).__name__}") from error

    def _send_all(self, producer: Any, notes: Sequence[Note]) -> None:  # noqa: ANN401 - kombu's producer
        with producer.batch(max(len(notes), 1)):
            for note in notes:
                ids = [str(one) for one in note.ids]
                self._app.send_task(
                    note.task,
                    args=[ids],
                    queue=note.queue,
                    priority=_IN_TURN if note.in_turn else _AT_ONCE,
                    producer=producer,
                    retry=False,
                )
