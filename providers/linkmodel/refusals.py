"""LinkModel's ways to say no: which refusal each code and text is, and whether another try can help."""

from collections.abc import Mapping
from typing import Final

from domain.failures import ErrorCode, Failure

_BILLING_CODE: Final = "100601"
_UNFUNDED: Final = (_BILLING_CODE, "insufficient balance")
_MODERATED: Final = (
    "content policy",
    "content_policy",
    "content filter",
    "content violation",
    "policy violation",
    "moderation",
    "sensitive",
    "safety",
    "nsfw",
    "prohibited",
    "inappropriate",
    "copyright",
    "risk control",
)
# A gateway that itself lost its upstream does not know whether a task was made.
_DOUBTFUL: Final = (
    "timeout",
    "timed out",
    "deadline exceeded",
    "context canceled",
    "connection reset",
    "broken pipe",
    ": eof",
    "bad gateway",
)

_BUSY: Final = 429
_DOUBTFUL_CODES: Final = frozenset({408, 499, 502, 504})

# Code (HTTP status or the envelope's own) -> (our code, sentence, retryable, elsewhere).
_BY_CODE: Final[Mapping[int, tuple[ErrorCode, str, bool, bool]]] = {
    400: (ErrorCode.INVALID_INPUT, "LinkModel refused the input", False, False),
    401: (ErrorCode.PROVIDER_AUTH, "LinkModel refused the key: check LINKMODEL_API_KEY", False, True),
    402: (ErrorCode.INSUFFICIENT_FUNDS, "The LinkModel balance is too low: top it up", False, True),
    403: (ErrorCode.PROVIDER_AUTH, "LinkModel does not let this key do that", False, True),
    404: (ErrorCode.INVALID_INPUT, "LinkModel does not know this model", False, False),
    413: (ErrorCode.INVALID_INPUT, "LinkModel calls the request too large", False, False),
    415: (ErrorCode.INVALID_INPUT, "LinkModel does not take this type of file", False, False),
    422: (ErrorCode.INVALID_INPUT, "LinkModel refused the input", False, False),
    429: (ErrorCode.PROVIDER_REJECTED, "LinkModel is throttling", True, False),
}


# Codes whose texts speak of something else ("model names are case-sensitive").
_NEVER_MODERATION: Final = frozenset({401, 402, 404, 413, 415, 429})


def told(code: int | None) -> bool:
    """Whether the code alone says what was wrong with the request or the account."""
    return code in _BY_CODE


def unfunded(text: str) -> bool:
    """Whether the text says that the prepaid balance is short; it comes as a plain 500, which it is not."""
    return _mentions(text, _UNFUNDED)


def doubtful(code: int | None, text: str) -> bool:
    """Whether code or text shows that LinkModel itself got no answer from behind it."""
    return code in _DOUBTFUL_CODES or _mentions(text, _DOUBTFUL)


def refusal(code: int, text: str, said: str) -> Failure:
    """The failure for a refused request; ``said`` is LinkModel's sentence as it is shown."""
    if unfunded(text):
        return _unfunded(said)
    if _mentions(text, _MODERATED) and code not in _NEVER_MODERATION:
        return _moderated(said, str(code))
    if code in _BY_CODE:
        ours, sentence, retryable, elsewhere = _BY_CODE[code]
        return Failure(
            ours,
            f"{sentence}: {said}",
            str(code),
            retryable=retryable,
            elsewhere=elsewhere,
            busy=code == _BUSY,
        )
    # Other 4xx stay as they are however often they are sent; an in-band fault with no task may pass.
    final = 400 <= code < 500  # noqa: PLR2004 - the class of the caller's errors
    return Failure(
        ErrorCode.PROVIDER_REJECTED,
        f"LinkModel made no task: {said}",
        str(code),
        retryable=not final,
        elsewhere=final,
    )


def failed(text: str, said: str) -> Failure:
    """The failure for a task that ended as ``Failed``."""
    if unfunded(text):
        return _unfunded(said)
    if _mentions(text, _MODERATED):
        return _moderated(said, "Failed")
    return Failure(
        ErrorCode.PROVIDER_FAILED, f"LinkModel could not make it: {said}", "Failed", retryable=True
    )


def _unfunded(said: str) -> Failure:
    ours, sentence, retryable, elsewhere = _BY_CODE[402]
    return Failure(ours, f"{sentence}: {said}", _BILLING_CODE, retryable=retryable, elsewhere=elsewhere)


def _moderated(said: str, provider_code: str) -> Failure:
    return Failure(ErrorCode.CONTENT_POLICY, f"LinkModel's moderation stopped it: {said}", provider_code)


def _mentions(text: str, phrases: tuple[str, ...]) -> bool:
    lowered = text.lower()
    return any(phrase in lowered for phrase in phrases)
