"""Billed units of a fal request, and what they cost."""

from decimal import Decimal
from typing import Any, Final

from sandbox.fal.endpoints import Endpoint
from sandbox.fal.inputs import image_count, image_size, seconds
from sandbox.invoice import to_nano

_EIGHT_PLACES: Final = Decimal("0.00000001")
_MEGAPIXEL: Final = 1024 * 1024
_LUMA_RESOLUTIONS: Final = {"540p": 1, "720p": 2, "1080p": 4}


def units(endpoint: Endpoint, arguments: dict[str, Any], inference: float) -> Decimal:
    """The units that a successful answer is billed with; ``inference`` is its time on the runner, seconds."""
    if endpoint.rule == "megapixels":
        width, height = image_size(arguments)
        # Each image counts up to the next whole megapixel.
        return Decimal(-(-width * height // _MEGAPIXEL) * image_count(arguments))
    if endpoint.rule == "images":
        return Decimal(image_count(arguments))
    if endpoint.rule == "seconds":
        silent = arguments.get("generate_audio") is False
        return seconds(arguments) * (Decimal(1) if silent else endpoint.audio)
    if endpoint.rule == "luma":
        longer = 2 if seconds(arguments) > 5 else 1  # noqa: PLR2004 - nine seconds count twice
        return Decimal(longer * _LUMA_RESOLUTIONS.get(str(arguments.get("resolution")), 1))
    return Decimal(str(inference)).quantize(_EIGHT_PLACES)


def nano_usd(endpoint: Endpoint, billed: Decimal) -> int:
    """What ``billed`` units cost, in whole nano-dollars, half of one rounded up."""
    return to_nano(billed * endpoint.unit_price)


def header(billed: Decimal) -> str:
    """The units as ``X-Fal-Billable-Units`` has them: a whole number, or eight decimals."""
    return str(int(billed)) if billed == billed.to_integral_value() else f"{billed:.8f}"
