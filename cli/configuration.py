"""Reading the settings for a command, with errors that name the variable and never show a secret."""

from pydantic import ValidationError

from cli.errors import Misused
from cli.stack.environment import variable
from services.settings import Settings


def read_settings() -> Settings:
    """The settings from the environment and ``.env``.

    Raises:
        Misused: a setting is malformed; each one is named.
    """
    try:
        return Settings()
    except ValidationError as error:
        said = "; ".join(f"{name} {sentence}" for name, sentence in malformed(error))
        raise Misused(f"a setting is malformed: {said}") from error


def malformed(error: ValidationError) -> list[tuple[str, str]]:
    """Each malformed setting's variable and what is wrong with it; what was given stays out of it."""
    return [
        (_variable(str(one["loc"][0])), one["msg"].removeprefix("Value error, "))
        for one in error.errors(include_input=False, include_url=False)
    ]


def _variable(name: str) -> str:
    """Errors name some settings by their field and others by the variable."""
    return variable(name) if name in Settings.model_fields else name
