"""The models that the emulated gateway offers, with their limits and prices, from models.toml."""

import tomllib
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["image", "video"]


class Offering(BaseModel):
    """One row of models.toml; see the head of that file for what each column means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: Kind
    price: Decimal
    per: Literal["second", "call", "image"]
    rates: dict[str, Decimal] = {}
    audio: Decimal = Decimal(1)
    prompt_max: int | None = None
    prompt_required: bool = True
    images_max: int | None = None
    count_max: int | None = None
    sizes: tuple[str, ...] = ()
    free_size: bool = False
    resolutions: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    durations: tuple[int, ...] = ()
    duration_min: int | None = None
    duration_max: int | None = None
    duration_default: int = 5
    duration_automatic: bool = False
    long_resolutions: tuple[str, ...] = ()
    framed_resolutions: tuple[str, ...] = ()
    extends: bool = False
    texts: dict[str, str] = {}

    def chosen(self, arguments: dict[str, Any], name: str, choices: tuple[str, ...]) -> str | None:
        """The value of an argument, or the model's default; None where the model has no such argument."""
        return str(arguments[name]) if name in arguments else next(iter(choices), None)

    def seconds(self, arguments: dict[str, Any]) -> int:
        """The length of the video that is asked for; automatic is the default length."""
        length = int(arguments.get("duration", self.duration_default))
        return self.duration_default if length < 0 else length

    def count(self, arguments: dict[str, Any]) -> int:
        """How many files are asked for; one where the model takes no number."""
        return int(arguments.get("max_images") or 1) if self.count_max else 1

    def cost_usd(self, arguments: dict[str, Any]) -> Decimal:
        """What a task with these arguments costs (contract section 9, scaled as section 12 assumes)."""
        step = self.chosen(arguments, "resolution", self.resolutions)
        rate = self.rates.get(step or "", self.price)
        if self.extends and (arguments.get("extends") or {}).get("audio"):
            rate *= self.audio
        if self.per == "second":
            return rate * self.seconds(arguments)
        return rate * self.count(arguments) if self.per == "image" else rate


def _load() -> dict[str, Offering]:
    table = tomllib.loads(files("sandbox.linkmodel").joinpath("models.toml").read_text("utf-8"))
    return {name: Offering(id=name, **row) for name, row in table.items()}


OFFERINGS: Final = _load()
