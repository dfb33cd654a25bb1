"""What holds for every row of a batch that does not say otherwise."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from domain.generation import GenerationInput, Priority, Routing, Tags, Url
from domain.lifecycle import Kind


class RowDefaults(BaseModel):
    """A job request without a prompt: a row's own cells are laid over it, tag by tag and field by field."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: str | None = Field(default=None, min_length=1, max_length=200)
    input: dict[str, Any] = Field(default_factory=dict)
    kind: Kind | None = None
    routing: Routing = Routing()
    callback_url: Url | None = None
    tags: Tags = Field(default_factory=dict, max_length=50)
    priority: Priority = Priority.NORMAL

    @field_validator("input")
    @classmethod
    def _all_but_the_prompt(cls, given: dict[str, Any]) -> dict[str, Any]:
        if "prompt" in given:
            raise ValueError("must not hold a prompt: each row has its own")
        whole = GenerationInput.model_validate({**given, "prompt": "of the row"})
        return whole.model_dump(exclude={"prompt"}, exclude_unset=True)
