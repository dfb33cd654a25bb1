"""The only keys that the sandbox takes: made-up ones. A real key is refused, and never kept or logged."""

REFUSAL = (
    "this is the Darkroom sandbox, not the provider: only keys that start with 'sandbox' are accepted here,"
    " and real keys are not welcome"
)


def is_sandbox_key(authorization: str | None, scheme: str) -> bool:
    """Whether the header is ``<scheme> sandbox...``; the scheme's case does not matter."""
    return _key(authorization, scheme).startswith("sandbox")


def is_admin_key(authorization: str | None, scheme: str) -> bool:
    """Whether the header is ``<scheme> sandbox-admin...``."""
    return _key(authorization, scheme).startswith("sandbox-admin")


def _key(authorization: str | None, scheme: str) -> str:
    given, _, key = (authorization or "").partition(" ")
    return key.strip() if given.lower() == scheme.lower() else ""
