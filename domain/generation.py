"""What a customer may ask for: one vocabulary over all providers, checked before anything is sent."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

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


class Split(_Strict):
    """How many of all jobs are to go first to each provider, as shares of their sum: for comparing them."""

    linkmodel: int = Field(default=0, ge=0, le=1000, strict=True)
    fal: int = Field(default=0, ge=0, le=1000, strict=True)

    @model_validator(mode="after")
    def _has_shares(self) -> Self:
        if not self.shares:
            raise ValueError("give at least one provider a share above 0")
        return self

    @property
    def shares(self) -> dict[str, int]:
        """The share of each provider that has one."""
        return {name: share for name, share in self.__dict__.items() if share}


def _how_many(policy: object) -> str:
    return "several" if isinstance(policy, list | tuple) else "one"


# By its form, so that a wrong name is told as such and not as a list that it is not.
Policies = Annotated[
    Annotated[Policy, Tag("one")]
    | Annotated[tuple[Policy, ...], Field(min_length=1, max_length=len(Policy)), Tag("several")],
    Discriminator(_how_many),
]

# With more, a promise to keep nothing would be an empty one.
LONGEST_UNRETAINED: Final = 86_400


class Routing(_Strict):
    """Where a job may run, by which rule, and at what price at most.

    Several policies are taken in their order: where offers are equal by one, the next decides.
    """

    provider: Literal["auto", "linkmodel", "fal"] = "auto"
    policy: Policies = Policy.CHEAPEST
    split: Split | None = None
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

    @field_validator("policy")
    @classmethod
    def _once_each(cls, given: Policy | tuple[Policy, ...]) -> Policy | tuple[Policy, ...]:
        if isinstance(given, tuple) and len(set(given)) < len(given):
            raise ValueError("name each policy once")
        return given

    @field_validator("split")
    @classmethod
    def _has_a_choice(cls, split: Split | None, info: ValidationInfo) -> Split | None:
        if split is not None and info.data.get("provider") in {"linkmodel", "fal"}:
            raise ValueError("goes with provider auto: a provider that is named gets every job")
        return split

    @field_validator("object_lifetime")
    @classmethod
    def _is_short(cls, seconds: int | None, info: ValidationInfo) -> int | None:
        if info.data.get("zero_retention") and (seconds or 0) > LONGEST_UNRETAINED:
            raise ValueError(f"must be {LONGEST_UNRETAINED} or less with zero_retention")
        return seconds

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies in their order."""
        return self.policy if isinstance(self.policy, tuple) else (self.policy,)

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
