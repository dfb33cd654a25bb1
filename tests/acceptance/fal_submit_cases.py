"""What fal's submit may answer, and what must never lead to a second submit."""

from tests.acceptance.cases import FLUX, Case, failed, polls, reviewed, unplanned
from tests.emulators.fal_script import half_json, nginx, platform_503, too_many
from tests.emulators.onpost import OnPost
from tests.emulators.wire import RESET, html_reply, json_reply

_NOT_TAKEN = {
    "a key that fal does not know": (
        json_reply(401, {"detail": "invalid key credentials"}),
        {"provider_auth"},
    ),
    "a locked account": (
        json_reply(
            403, {"detail": "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai."}
        ),
        {"insufficient_funds", "provider_auth"},
    ),
    "an app that is not there": (
        json_reply(404, {"detail": 'Application "flux" not found'}),
        {"provider_rejected", "invalid_input"},
    ),
    "a refusal at the door": (
        json_reply(422, {"detail": [{"loc": ["body", "prompt"], "msg": "no", "type": "missing"}]}),
        {"invalid_input"},
    ),
}
_LOST = {
    "reset after the accept": OnPost(taken=True, reply=RESET),
    "reset before the accept": OnPost(taken=False),
    "nginx 502 after the accept": OnPost(taken=True, reply=nginx(502)),
    "nginx 504 after the accept": OnPost(taken=True, reply=nginx(504)),
    "a 500 after the accept": OnPost(taken=True, reply=json_reply(500, {"detail": "Internal Server Error"})),
    "HTML in the place of an accept": OnPost(taken=True, reply=html_reply(200, "Just a moment")),
    "half an accept": OnPost(taken=True, reply=half_json()),
    "an accept without an id": OnPost(taken=True, reply=json_reply(200, {"status": "IN_QUEUE"})),
    "an accept that is a list": OnPost(taken=True, reply=json_reply(200, [1, 2])),
}
_THROTTLED = OnPost(taken=False, reply=too_many(1))
CASES = (
    *(
        Case(name, FLUX, unplanned, faults=(OnPost(taken=False, reply=reply),) * 9, **failed(*codes))
        for name, (reply, codes) in _NOT_TAKEN.items()
    ),
    *(Case(name, FLUX, polls(), faults=(fault,), **reviewed()) for name, fault in _LOST.items()),
    Case("a throttled submit", FLUX, polls(), faults=(_THROTTLED, _THROTTLED), posts=3),
    Case(
        "a submit without a runner",
        FLUX,
        polls(),
        faults=(OnPost(taken=False, reply=platform_503()),),
        status=frozenset({"succeeded", "review"}),
        codes=frozenset({"outcome_unknown"}),
        assets=0,
        billed=False,
        posts=None,
    ),
    Case(
        "lost, but on fal's own list",
        FLUX,
        polls(listed=True),
        faults=(OnPost(taken=True, reply=RESET),),
        status=frozenset({"succeeded", "review"}),
        codes=frozenset({"outcome_unknown"}),
        assets=0,
        billed=False,
    ),
)
