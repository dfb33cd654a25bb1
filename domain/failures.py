"""What can go wrong with a job, as values: a stable code, our own sentence, and the provider's word."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# The provider code of an attempt that failed for a field of ours, and is worth the same again without it.
MARKER_REFUSED: Final = "marker_refused"


class ErrorCode(StrEnum):
    """The stable codes of the public surface."""

    CONTENT_POLICY = "content_policy"
    INVALID_INPUT = "invalid_input"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    PROVIDER_AUTH = "provider_auth"
    PROVIDER_REJECTED = "provider_rejected"
    PROVIDER_FAILED = "provider_failed"
    START_TIMEOUT = "start_timeout"
    DEADLINE = "deadline"
    ASSET_UNAVAILABLE = "asset_unavailable"
    ASSET_INVALID = "asset_invalid"
    BUDGET_EXCEEDED = "budget_exceeded"
    OUTCOME_UNKNOWN = "outcome_unknown"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt or a job did not succeed.

    ``retryable`` means that another try may succeed, here or at another offer;
    ``elsewhere`` means that this provider will keep refusing, and another may not;
    ``busy`` that it takes no more just now and asks to be given time.
    """

    code: ErrorCode
    message: str
    provider_code: str | None = None
    retryable: bool = False
    elsewhere: bool = False
    busy: bool = False

    def as_json(self) -> dict[str, str | bool | None]:
        """The public shape of an error."""
        return {
            "code": self.code.value,
            "message": self.message,
            "provider_code": self.provider_code,
            "retryable": self.retryable,
        }
