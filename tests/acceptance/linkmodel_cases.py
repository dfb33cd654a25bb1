"""LinkModel's create and query in every shape that the contract allows or that its users have met."""

from tests.acceptance.cases import Case, Plans, ends, failed, queries, reviewed, unplanned
from tests.acceptance.world import Emulators
from tests.emulators.cdn import expired, sound
from tests.emulators.linkmodel_script import Plan, raw, refused, stands
from tests.emulators.onpost import OnPost
from tests.emulators.wire import RESET, Reply, html_reply, json_reply

SEEDREAM = "linkmodel:seedream-4.0"
KLING = "linkmodel:kling-v3"
_FUNDS = refused(500, "create task failed: billing: code=100601: insufficient balance")
_FREE = {"charged": "0"}


def _signed_anew(around: Emulators) -> tuple[Plan]:
    query = "?x-oss-expires=172800&x-oss-signature=3f%2F%2B%3D"
    old = around.cdn.put(expired(), query=query)
    new = around.cdn.put(sound(), query=query)
    return (Plan((stands("Success", output_images=[old]), stands("Success", output_images=[new]))),)


def _video(**plan: str) -> Plans:
    return lambda around: (Plan((stands("Success", file_url=around.cdn.video(), duration=5),), **plan),)  # type: ignore[arg-type]


def _listed_videos(around: Emulators) -> tuple[Plan]:
    return (Plan((stands("Success", file_url="", output_videos=[None, 7, around.cdn.video()]),)),)


def _mixed(around: Emulators) -> tuple[Plan]:
    shown = [around.cdn.image(), None, {"url": "x"}, around.cdn.image("WEBP")]
    return (Plan((stands("Success", output_images=shown, images=["https://in.example/ref.png"], msg=""),)),)


_QUERIES = {
    "pending, processing, success": (stands("Pending"), stands("Processing", output_images=None)),
    "a query in HTML": (raw(html_reply(200, "Just a moment")),),
    "half a query": (raw(Reply(200, b'{"code":0,"data":{"sta')),),
    "a query that is reset": (raw(RESET),),
    "a query that fails with 500": (raw(refused(500, "internal", status=500, name="message")),),
    "a query that fails with 502 in HTML": (raw(html_reply(502, "Bad Gateway")),),
    "a query that fails in band": (raw(refused(500, "upstream busy", name="message")),),
    "a query whose token expired in band": (raw(refused(401, "token expired", name="message")),),
    "a throttled query": (raw(refused(429, "slow down", status=429, Retry_After="1")),),
    "a query throttled in band": (raw(refused(429, "slow down", name="message")),),
    "a query with a code in quotes": (raw(json_reply(200, {"code": "0", "data": {"status": "Failed"}})),),
    "a query without a code": (raw(json_reply(200, {"data": {"status": "Failed"}, "msg": "success"})),),
    "a status that nobody knows": (stands("Archiving"),),
}
_PRICES = {"a price of four decimals": "0.3049", "a whole price": "1", "a price in powers of ten": "7.4e-2"}
_NOT_MADE = {
    "a key that LinkModel does not know": (refused(401, "Invalid API key", status=401), {"provider_auth"}),
    "a token that expired, said in band": (refused(401, "token expired"), {"provider_auth"}),
    "an empty balance": (_FUNDS, {"insufficient_funds"}),
    "a parameter error": (
        refused(400, "duration must be between 3 and 15 seconds", status=400),
        {"invalid_input"},
    ),
}
_LOST = {
    "a create reset after the fact": OnPost(taken=True, reply=RESET),
    "a create that answers 502": OnPost(taken=True, reply=html_reply(502, "Bad Gateway")),
    "a create that answers 500 by status": OnPost(taken=True, reply=refused(500, "internal", status=500)),
    "a create in HTML": OnPost(taken=True, reply=html_reply(200, "Just a moment")),
    "half a create": OnPost(taken=True, reply=Reply(200, b'{"code":0,"data":{"task_id":"au')),
    "a create without a task id": OnPost(
        taken=True, reply=json_reply(200, {"code": 0, "data": {}, "msg": "ok"})
    ),
}
_MADE = (
    Case("LinkModel as documented", SEEDREAM, unplanned),
    *(Case(name, SEEDREAM, queries(*answers)) for name, answers in _QUERIES.items()),
    *(Case(name, SEEDREAM, queries(price=price, charged=price)) for name, price in _PRICES.items()),
    Case(
        "both messages by the other's name", SEEDREAM, queries(text=("message", "msg"), id_field="requestId")
    ),
    Case("a price of zero", SEEDREAM, queries(price="0"), billed=False),
    Case("no price", SEEDREAM, queries(price=None), billed=False),
    Case("a signature that ran out", SEEDREAM, _signed_anew),
    Case("a list with odd entries", SEEDREAM, _mixed, assets=2),
    Case(
        "a clip of five seconds",
        KLING,
        _video(price="0.305", charged="0.305"),
        more={"input": {"duration": 5, "resolution": "720p", "aspect_ratio": "16:9", "audio": False}},
    ),
    Case("videos in a list", KLING, _listed_videos),
)
_ENDS = (
    Case(
        "blocked by the policy",
        SEEDREAM,
        ends(stands("Failed", msg="content policy blocked the task"), **_FREE),
        **failed("content_policy"),
        billed=False,
    ),
    Case(
        "failed without a word",
        SEEDREAM,
        ends(stands("Failed", msg=""), **_FREE),
        **failed("provider_failed"),
        billed=False,
    ),
    Case(
        "canceled on their side",
        SEEDREAM,
        ends(stands("Cancelled"), **_FREE),
        status=frozenset({"canceled", "failed"}),
        codes=frozenset({"canceled"}),
        billed=False,
        assets=0,
    ),
)
_CREATES = (
    *(
        Case(name, SEEDREAM, unplanned, faults=(OnPost(taken=False, reply=reply),) * 9, **failed(*codes))
        for name, (reply, codes) in _NOT_MADE.items()
    ),
    *(Case(name, SEEDREAM, queries(), faults=(fault,), **reviewed()) for name, fault in _LOST.items()),
    Case(
        "a throttled create",
        SEEDREAM,
        queries(),
        posts=2,
        faults=(OnPost(taken=False, reply=refused(429, "rate limit exceeded", status=429, Retry_After="1")),),
    ),
    Case(
        "a create throttled in band",
        SEEDREAM,
        queries(),
        posts=2,
        faults=(OnPost(taken=False, reply=refused(429, "rate limit exceeded")),),
    ),
)

CASES = (*_MADE, *_ENDS, *_CREATES)
