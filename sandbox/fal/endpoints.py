"""The endpoints that the emulator knows, from prices.toml; any other id is an app of one's own."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib.resources import files
from typing import Any, Final, Literal

Kind = Literal["image", "video"]
Rule = Literal["megapixels", "images", "seconds", "luma", "compute", "runner"]
# An app of one's own is billed by its runner's time, here at the price of an H100: 1.89 dollars an hour.
RUNNER_SECOND_USD: Final = Decimal("0.000525")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: what it makes, dollars per unit, how units are counted, and what input it takes."""

    id: str
    kind: Kind
    unit: str
    unit_price: Decimal
    rule: Rule
    audio: Decimal = Decimal(1)
    prompt_max: int | None = None
    durations: tuple[str, ...] = ()
    images_max: int | None = None

    @property
    def listed(self) -> bool:
        """Whether it is a shared model, with a price in the Platform API and units on its results."""
        return self.rule != "runner"


def find(endpoint_id: str, arguments: dict[str, Any]) -> Endpoint:
    """The endpoint of this id; an unknown one makes a video if its name or its input says so."""
    known = ENDPOINTS.get(endpoint_id)
    if known is not None:
        return known
    kind: Kind = "video" if "video" in endpoint_id or "duration" in arguments else "image"
    return Endpoint(endpoint_id, kind, "seconds", RUNNER_SECOND_USD, "runner")


def priced(endpoint: Endpoint, prices: Mapping[str, Decimal]) -> Endpoint:
    """The endpoint at the price that is set for it, where one is.

    One that the table lacks becomes a shared model by that, billed by the image or the second.
    """
    price = prices.get(endpoint.id)
    if price is None:
        return endpoint
    if endpoint.listed:
        return replace(endpoint, unit_price=price)
    rule: Rule = "images" if endpoint.kind == "image" else "seconds"
    return replace(endpoint, unit_price=price, unit=rule, rule=rule)


def _load() -> dict[str, Endpoint]:
    table = tomllib.loads(files("sandbox.fal").joinpath("prices.toml").read_text("utf-8"))
    return {
        name: Endpoint(
            id=name,
            kind=row["kind"],
            unit=row["unit"],
            unit_price=Decimal(row["unit_price"]),
            rule=row["rule"],
            audio=Decimal(row.get("audio", "1")),
            prompt_max=row.get("prompt_max"),
            durations=tuple(row.get("durations", ())),
            images_max=row.get("images_max"),
        )
        for name, row in table.items()
    }


ENDPOINTS: Final = _load()
