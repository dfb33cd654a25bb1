"""Notes on a real Valkey: on the right queue, with an id and nothing else."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis

from storage.queue import COLLECT, DELIVER, QUEUES, SUBMIT, CeleryQueue, Note, settings_for
from tests.support.valkey import valkey_server


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey_server(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def valkey(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as client:
        client.flushall()
        yield client


def messages(client: redis.Redis, queue: str) -> list[dict[str, Any]]:
    found: list[Any] = client.lrange(f"darkroom:{queue}", 0, -1)
    return [json.loads(text) for text in found]


def test_each_note_arrives_on_its_queue_with_the_id_alone(valkey: redis.Redis, valkey_url: str) -> None:
    notes = [
        Note(SUBMIT, "image", (uuid4(),)),
        Note(SUBMIT, "video", (uuid4(),)),
        Note(COLLECT, "collect", (uuid4(),)),
        Note(DELIVER, "callbacks", (uuid4(),)),
    ]
    CeleryQueue(valkey_url).publish(notes)
    for note in notes:
        [message] = messages(valkey, note.queue)
        args, kwargs, _ = json.loads(base64.b64decode(message["body"]))
        assert (message["headers"]["task"], args, kwargs) == (note.task, [[str(one) for one in note.ids]], {})


def test_many_notes_go_in_one_batch_in_order(valkey: redis.Redis, valkey_url: str) -> None:
    ids = [uuid4() for _ in range(200)]
    CeleryQueue(valkey_url).publish([Note(SUBMIT, "image", (one,)) for one in ids])
    arrived = [UUID(json.loads(base64.b64decode(one["body"]))[0][0][0]) for one in messages(valkey, "image")]
    assert arrived[::-1] == ids


def test_no_notes_are_no_messages(valkey: redis.Redis, valkey_url: str) -> None:
    CeleryQueue(valkey_url).publish([])
    assert not any(messages(valkey, queue) for queue in QUEUES)


def test_nothing_of_a_task_is_kept_in_redis_and_nothing_is_sent_again_by_celery() -> None:
    settings = settings_for("redis://127.0.0.1:1")
    assert settings["result_backend"] is None
    assert settings["task_ignore_result"]
    assert not settings["task_reject_on_worker_lost"]
    assert settings["broker_transport_options"]["visibility_timeout"] > 2 * settings["task_time_limit"]
