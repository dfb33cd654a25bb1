"""fal's status and result as the wire may bring them: none of this is a verdict, so every job succeeds."""

from tests.acceptance.cases import FLUX, Case, polls, then_sound
from tests.emulators.fal_script import (
    Answer,
    Links,
    half_json,
    nginx,
    output,
    platform_503,
    queued,
    raw,
    running,
    state,
    too_many,
)
from tests.emulators.wire import RESET, html_reply, json_reply

_UNAUTHORISED = json_reply(401, {"detail": "invalid key credentials"})
_POLLS: dict[str, tuple[Answer, ...]] = {
    "the usual way": (),
    "positions that go up again": (queued(3), queued(1), queued(2), queued(0), running()),
    "a position that is missing": (queued(None), running()),
    "logs that are missing": (queued(0), running(logs=False)),
    "back from running to the queue": (running(), queued(4), running(again=True)),
    "a status of another word": (state(202, {"status": "CANCELLED"}), running()),
    "a status without a status": (state(202, {}), running()),
    "in progress under status 200": (state(200, {"status": "IN_PROGRESS", "logs": None}),),
    "throttled polls": (raw(too_many(1)), running()),
    "polls that meet nginx": (raw(nginx(502)), raw(nginx(503)), raw(nginx(504))),
    "a poll that meets the platform's 503": (raw(platform_503()),),
    "a poll that answers in HTML": (raw(html_reply(200, "Maintenance")),),
    "a poll that answers half a document": (raw(half_json()),),
    "a poll that is reset": (raw(RESET), running()),
    "a poll that is told of a wrong key once": (raw(_UNAUTHORISED), running()),
    "a poll that finds nothing once": (raw(json_reply(404, {"status": "NOT_FOUND"})), running()),
}
_RESULTS: dict[str, Answer] = {
    "a result in HTML first": raw(html_reply(200, "Just a moment")),
    "half a result first": raw(half_json()),
    "a result that meets nginx first": raw(nginx(502)),
    "a throttled result first": raw(too_many(1)),
    "a result that is reset first": raw(RESET),
}
_COMPLETIONS: dict[str, dict[str, object]] = {
    "completed without logs and metrics": {"logs": "absent", "metrics": "absent"},
    "completed without an inference time": {"metrics": {"inference_time": None}},
    "completed with metrics of other names": {"metrics": {"inference_time": 1, "queue": {"x": [1]}}},
    "completed with empty errors": {"error": None, "error_type": None},
}
_LINKS = {
    "nested addresses": Links.NESTED,
    "addresses with a slash at the end": Links.SLASH,
    "response addresses": Links.RESPONSE,
    "addresses on a foreign host": Links.FOREIGN,
    "no addresses at all": Links.NONE,
}
_ODD_PRICES = {
    "a price in euros": "acme/euro/draw",
    "a price of null": "acme/null/draw",
    "no such price": "acme/missing/draw",
    "a price list in HTML": "acme/html/draw",
    "a price list that fails": "acme/broken/draw",
    "a price list that never answers": "acme/hanging/draw",
}
_UNITS = {
    "two units": ("2", "2"),
    "eight decimals": ("0.98304000", "0.98304000"),
    "many units": ("37", "37.0"),
}

CASES = (
    *(Case(name, FLUX, polls(*steps)) for name, steps in _POLLS.items()),
    *(Case(name, FLUX, then_sound(answer)) for name, answer in _RESULTS.items()),
    *(Case(name, FLUX, polls(completion=body)) for name, body in _COMPLETIONS.items()),
    *(Case(name, FLUX, polls(links=links)) for name, links in _LINKS.items()),
    *(Case(name, FLUX, polls(units=units, header=header)) for name, (units, header) in _UNITS.items()),
    Case("units that are not said", FLUX, polls(header=None), billed=False),
    Case("units that are no number", FLUX, polls(header="n/a"), billed=False),
    *(
        Case(name, f"fal:{endpoint}", polls(units="3", header="3"), billed=False)
        for name, endpoint in _ODD_PRICES.items()
    ),
    Case(
        "one's own app",
        "fal:acme/painter/v2/draw",
        polls(units="3", header="3"),
    ),
    Case(
        "a workflow, whose name has three parts",
        "fal:workflows/acme/poster",
        polls(links=Links.NONE),
    ),
    Case(
        "one picture under another name",
        FLUX,
        lambda around: then_sound(output({"image": {"url": around.cdn.image("WEBP")}}))(around),
    ),
)
