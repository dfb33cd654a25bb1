"""What holds for every row that does not say otherwise, and the key that the same rows and settings share."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.assignments import read_inputs, read_tags
from cli.errors import Misused


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """A batch as the options of ``batch submit`` describe it; None is left to Darkroom."""

    model: str | None = None
    name: str | None = None
    kind: str | None = None
    budget_usd: str | None = None
    callback_url: str | None = None
    priority: str | None = None
    strict: bool = False
    routing: Mapping[str, str | None] = field(default_factory=dict)
    inputs: list[str] | None = None
    tags: list[str] | None = None

    def fields(self) -> dict[str, str]:
        """The fields of the form that ``POST /v1/batches`` takes beside the file; raises Misused."""
        inputs = read_inputs(self.inputs or [])
        if "prompt" in inputs:
            raise Misused("each row has a prompt of its own: leave it out of --set")
        given = {
            "model": self.model,
            "name": self.name,
            "kind": self.kind,
            "budget_usd": self.budget_usd,
            "callback_url": self.callback_url,
            "priority": self.priority,
            "strict": "true" if self.strict else None,
            "routing": _json({name: value for name, value in self.routing.items() if value is not None}),
            "input": _json(inputs),
            "tags": _json(read_tags(self.tags or [])),
        }
        return {name: value for name, value in given.items() if value is not None}


def key_of(sha256: str, fields: Mapping[str, str]) -> str:
    """The idempotency key of a file's bytes with these settings, whatever the file is called."""
    whole = json.dumps([sha256, fields], sort_keys=True)
    return f"sheet-{hashlib.sha256(whole.encode()).hexdigest()}"


def _json(value: Mapping[str, Any]) -> str | None:
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if value else None
