"""``darkroom doctor``: looks at every setting and every service, and says what to do."""

from collections.abc import Iterator

from pydantic import ValidationError
from rich.text import Text

from cli.checked_machine import clock, disk, python
from cli.checked_parts import examine_parts
from cli.checked_providers import examine_providers
from cli.checked_settings import examine
from cli.checked_web import examine_api, examine_flower, examine_key
from cli.configuration import malformed
from cli.diagnosis import Diagnosis, State, fail
from cli.errors import FAILED
from cli.output import Output
from services.settings import Settings

_STYLES = {State.OK: "green", State.WARN: "yellow", State.FAIL: "red"}


def doctor(output: Output) -> int:
    """Look at everything, show what was found, and return the exit code: 1 if anything failed."""
    found: list[Diagnosis] = []
    with output.telling("looking") as tell:
        for diagnosis in diagnoses():
            found.append(diagnosis)
            tell(f"looking; {diagnosis.part} is {diagnosis.state}")
    failed = any(one.state is State.FAIL for one in found)
    if output.as_json:
        checks = [
            {"part": one.part, "state": one.state, "found": one.found, "remedy": one.remedy} for one in found
        ]
        output.json({"ok": not failed, "checks": checks})
    else:
        rows = ((one.part, Text(one.state, _STYLES[one.state]), one.found, one.remedy) for one in found)
        output.table(("part", "state", "found", "what to do"), rows)
    return FAILED if failed else 0


def diagnoses() -> Iterator[Diagnosis]:
    """Everything, in the order in which one thing rests on another."""
    yield python()
    try:
        settings = Settings()
    except ValidationError as error:
        for name, sentence in malformed(error):
            yield fail(name, sentence, "correct it; the rest could not be looked at")
        return
    yield disk(settings.data_dir)
    verdict, situation = examine(settings)
    yield verdict
    web = examine_api(settings)
    if situation is not None:
        yield from examine_parts(situation, running=web.state is not State.FAIL)
        yield clock(situation.settings)
    yield web
    if web.state is not State.FAIL:
        yield examine_key(settings)
    yield from examine_providers(settings)
    yield from examine_flower(settings)
