"""The price that a job may cost at most, held against the prices of the moment in which it would be sent."""

from collections.abc import Mapping
from typing import Any

from domain.failures import ErrorCode, Failure
from domain.money import format_usd, parse_usd
from domain.offers import Quote


class TooDear(Exception):  # noqa: N818 - names the fact
    """The price has risen above what the job may cost at most."""

    def __init__(self, quoted: Quote, high_nano: int, ceiling: str) -> None:
        self.failure = Failure(
            ErrorCode.BUDGET_EXCEEDED,
            f"{quoted.offer.provider} {quoted.offer.endpoint} may cost ${format_usd(high_nano)} by now, "
            f"above max_cost_usd {ceiling}: nothing was sent",
            elsewhere=True,
        )
        super().__init__(self.failure.message)


def check_ceiling(routing: Mapping[str, Any], quoted: Quote) -> None:
    """Prices change while a job waits: what it may cost now counts, and not what it might have cost then.

    Raises:
        TooDear: it may cost more than its ``max_cost_usd``.
    """
    ceiling, high = routing.get("max_cost_usd"), quoted.high_nano
    if ceiling is not None and high is not None and high > parse_usd(ceiling):
        raise TooDear(quoted, high, ceiling)
