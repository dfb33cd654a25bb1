"""Why a request was refused, as errors that carry what an answer needs to say."""

from typing import Any


class Refused(Exception):  # noqa: N818 - the root of what callers may do wrong
    """A request that cannot be carried out as it stands.

    Refused
    ├── NotFound            there is no such thing in this project
    ├── Conflict            it cannot be done to a thing in this state
    ├── Unprocessable       the request itself is wrong
    ├── OverBudget          a budget does not cover what it may cost
    └── Unavailable         a service that is needed does not answer just now

    ``code`` is stable; ``details`` are added to the answer as they are.
    """

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:  # noqa: ANN401 - JSON
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = details


class NotFound(Refused):
    """There is no such thing in this project."""

    code = "not_found"


class Conflict(Refused):
    """The thing is in a state that does not allow it."""

    code = "conflict"


class Unprocessable(Refused):
    """The request is understood and wrong: the message names the field and what would be right."""

    code = "invalid_input"


class OverBudget(Refused):
    """A budget does not cover what it may cost: the message names the budget, what is left and until when."""

    code = "budget_exceeded"


class Unavailable(Refused):
    """A service that is needed does not answer just now."""

    code = "unavailable"
