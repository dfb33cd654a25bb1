"""What a customer may ask for: one vocabulary over all providers, checked before anything is sent."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from domain.lifecycle import Kind
from domain.money import parse_usd
from domain.retry import DEFAULT_MAX_ATTEMPTS

Url = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^https?://")]


class Policy(StrEnum):
    """What the choice between offers goes by."""

    CHEAPEST = "cheapest"
    PREDICTABLE = "predictable"
    FASTEST = "fastest"
    QUALITY = "quality"


class Priority(StrEnum):
    """Which jobs go first when there is not room for all."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 goes first."""
        return _RANKS[self]

    def place(self, *, in_batch: bool) -> int:
        """Where a job stands in its queue: before the rows of batches that matter as much as it does."""
        return 2 * self.rank + in_batch


_RANKS: Final = {priority: rank for rank, priority in enumerate(Priority)}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Lora(_Strict):
    """Weights laid over a base model: where they lie and how strongly they act."""

    path: str = Field(min_length=1, max_length=4096)
    scale: float = Field(default=1, ge=-4, le=4, strict=True)


class GenerationInput(_Strict):
    """The input of a job; ``extra`` goes to the provider untouched."""

    prompt: str = Field(min_length=1, max_length=200_000)
    negative_prompt: str | None = Field(default=None, max_length=20_000)
    image_url: Url | list[Url] | None = None
    last_image_url: Url | None = None
    aspect_ratio: str | None = Field(default=None, pattern=r"^\d{1,2}:\d{1,2}$")
    resolution: str | None = Field(default=None, pattern=r"^[0-9A-Za-z.]{1,10}$")
    duration: int | None = Field(default=None, ge=1, le=600, strict=True)
    size: str | None = Field(default=None, max_length=40)
    count: int | None = Field(default=None, ge=1, le=100, strict=True)
    seed: int | None = Field(default=None, ge=0, lt=2**63, strict=True)
    quality: str | None = Field(default=None, max_length=40)
    audio: bool | None = Field(default=None, strict=True)
    loras: list[Lora] | None = Field(default=None, max_length=20)
    extra: dict[str, Any] = Field(default_factory=dict)

    @field_validator("prompt", "negative_prompt")
    @classmethod
    def _storable(cls, text: str | None) -> str | None:
        if text is not None and "\x00" in text:
            raise ValueError("must not contain the NUL character")
        return text

    def given(self) -> dict[str, Any]:
        """The fields that the customer set, without ``extra``: what an offer has to honour."""
        fields = self.__dict__.items()
        return {name: value for name, value in fields if value is not None and name != "extra"}


class Routing(_Strict):
    """Where a job may run, by which rule, and at what price at most."""

    provider: Literal["auto", "linkmodel", "fal"] = "auto"
    policy: Policy = Policy.CHEAPEST
    fallback: bool = Field(default=True, strict=True)
    max_cost_usd: str | None = None
    start_timeout: int | None = Field(default=None, ge=2, le=86_400, strict=True)
    deadline: int | None = Field(default=None, ge=1, le=2_592_000, strict=True)
    max_attempts: int = Field(default=DEFAULT_MAX_ATTEMPTS, ge=1, le=10, strict=True)
    zero_retention: bool = Field(default=False, strict=True)
    hint: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
    object_lifetime: int | None = Field(default=None, ge=60, le=31_536_000, strict=True)

    @field_validator("max_cost_usd")
    @classmethod
    def _money(cls, text: str | None) -> str | None:
        if text is not None:
            parse_usd(text)
        return text

    @property
    def max_cost_nano(self) -> int | None:
        """The ceiling in nano-dollars; None where none was given."""
        return None if self.max_cost_usd is None else parse_usd(self.max_cost_usd)


Tags = dict[
    Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")],
    Annotated[str, StringConstraints(max_length=256)],
]


class JobRequest(_Strict):
    """What ``POST /v1/jobs`` takes."""

    model: str = Field(min_length=1, max_length=200)
    input: GenerationInput
    kind: Kind | None = None
    routing: Routing = Routing()
    callback_url: Url | None = None
    tags: Tags = Field(default_factory=dict, max_length=50)
    priority: Priority = Priority.NORMAL
