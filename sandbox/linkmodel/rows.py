"""A LinkModel task as a row of the archive, there and back."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sandbox.linkmodel.catalogue import Offering
from sandbox.linkmodel.task import Task
from sandbox.scenarios import Script, Step

JsonObject = dict[str, Any]


def written(task: Task) -> JsonObject:
    """The row; the links are not in it, since they come out the same whenever they are made."""
    return {
        "id": task.id,
        "order_id": task.order_id,
        "offering": task.offering.model_dump(),
        "arguments": task.arguments,
        "script": [asdict(step) for step in task.script.steps],
        "created_at": task.created_at.isoformat(),
        "base_url": task.base_url,
        "nano": task.nano,
        "pending": task.pending,
        "run": task.run,
    }


def read(row: JsonObject) -> Task:
    """The task."""
    return Task(
        **{
            **row,
            "offering": Offering(**row["offering"]),
            "script": Script(Step(**step) for step in row["script"]),
            "created_at": datetime.fromisoformat(row["created_at"]),
        }
    )
