"""The doctor's look at what listens here: the API, the key for it, and Flower behind its login."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

import httpx

from cli.client import Client
from cli.connection import connection
from cli.diagnosis import Diagnosis, fail, ok, warn
from cli.errors import CliError
from services.settings import Settings

_SECONDS: Final = 10.0


def examine_api(settings: Settings) -> Diagnosis:
    """Whether the API answers and says that it is ready."""
    url = settings.base_url
    try:
        answer = httpx.get(f"{url}/readyz", timeout=_SECONDS, trust_env=False)
        view = answer.json()
        ailing = [f"{name}: {check['message']}" for name, check in view["checks"].items() if not check["ok"]]
    except httpx.HTTPError as error:
        return fail("web", f"nothing answers at {url} ({type(error).__name__})", "start it: `darkroom up`")
    except (ValueError, KeyError, TypeError, AttributeError, httpx.InvalidURL):
        return fail(
            "web", f"what answers at {url} is not a Darkroom", "correct DARKROOM_URL or DARKROOM_PORT"
        )
    if not answer.is_success:
        return fail("web", f"{url} is not ready: {'; '.join(ailing)}", "mend the parts that it names")
    if ailing:
        return warn("web", f"{url} is ready, but {'; '.join(ailing)}", "mend the parts that it names")
    return ok("web", f"{url} is ready")


def examine_key(settings: Settings) -> Diagnosis:
    """Whether the key that commands would use is taken."""
    try:
        known = connection(settings)
        with Client(known) as client:
            client.get("/v1/jobs", {"limit": 1})
    except CliError as error:
        return fail("api key", str(error), "set DARKROOM_API_KEY, or make one: `darkroom keys create`")
    return ok("api key", f"the one in {known.key_place} is accepted")


def examine_flower(settings: Settings) -> Iterator[Diagnosis]:
    """Whether Flower asks for its login; only where it would run on this machine."""
    if settings.url is not None:
        return
    url = f"http://127.0.0.1:{settings.flower_port}"
    try:
        answer = httpx.get(url, timeout=_SECONDS, trust_env=False)
    except httpx.HTTPError:
        yield warn("flower", f"nothing answers at {url}", "only the queue monitor is missing: `darkroom up`")
        return
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        yield ok("flower", f"{url} asks for its login")
    else:
        found = f"{url} answers with status {answer.status_code} to anyone"
        yield fail("flower", found, "start it with a login: DARKROOM_FLOWER_AUTH=user:password")
