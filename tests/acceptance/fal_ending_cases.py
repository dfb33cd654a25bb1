"""How fal lets a request end: outputs of every shape, and refusals and failures in every form."""

import base64
from typing import Any

from tests.acceptance.cases import FLUX, KLING, Case, Plans, failed, results
from tests.acceptance.world import Emulators
from tests.emulators.fal_script import (
    Answer,
    Plan,
    model_error,
    output,
    platform_error,
)
from tests.emulators.media import exr, picture
from tests.emulators.wire import Reply

_FREE = {"units": "0", "header": "0"}
_UNSAID: dict[str, Any] = {"units": "0", "header": None}
_NULLS = dict.fromkeys(("width", "height", "content_type", "file_name", "file_size"))


def _nulls(around: Emulators) -> tuple[Plan]:
    image = {"url": around.cdn.image(), **_NULLS}
    empty = dict.fromkeys(("timings", "seed", "has_nsfw_concepts", "prompt"))
    return (Plan((output({"images": [image], **empty}),), steps=()),)


def _filtered(*flags: bool) -> Plans:
    def make(around: Emulators) -> tuple[Plan]:
        urls = [around.cdn.image("JPEG", black=flag) for flag in flags]
        units = str(len(flags))
        answer = output(around.fal.images(*urls, has_nsfw_concepts=list(flags)))
        return (Plan((answer,), steps=(), units=units, header=units),)

    return make


def _inline(around: Emulators) -> tuple[Plan]:
    text = base64.b64encode(picture("PNG")).decode()
    return (Plan((output(around.fal.images(f"data:image/png;base64,{text}")),), steps=()),)


def _videos(around: Emulators) -> tuple[Plan]:
    return (
        Plan((output({"videos": [{"url": around.cdn.video()}, {"url": around.cdn.video()}]}),), steps=()),
    )


def _video(around: Emulators) -> tuple[Plan]:
    file = {"url": around.cdn.video(), "content_type": "video/mp4", "file_name": "output.mp4"}
    return (Plan((output({"video": file, "seed": 7}),), steps=(), units="5", header="5"),)


def _with_exr(around: Emulators) -> tuple[Plan]:
    url = around.cdn.put(Reply(200, exr(), {"Content-Type": "image/x-exr"}), name="output.exr")
    return (Plan((output({"video": {"url": around.cdn.video()}, "exr_file": {"url": url}}),), steps=()),)


def _once_then_sound(first: Answer) -> Plans:
    return lambda around: (
        Plan((first,), steps=(), units="0", header=None),
        Plan((around.fal.plain_output(),), steps=()),
    )


_OUTPUTS = (
    Case("a result full of nulls", FLUX, _nulls),
    Case("every picture filtered", FLUX, _filtered(True), **failed("content_policy")),
    Case("one of two pictures filtered", FLUX, _filtered(True, False)),
    Case("a picture in the answer itself", FLUX, _inline),
    Case("a list of videos", KLING, _videos, assets=2),
    Case("a video", KLING, _video),
    Case("a video with an EXR beside it", KLING, _with_exr),
    Case("an output without a file", FLUX, results(output({"images": []})), **failed()),
    Case("an output whose address is null", FLUX, results(output({"images": [{"url": None}]})), **failed()),
)
_REFUSALS = (
    Case(
        "the content policy",
        FLUX,
        results(model_error("content_policy_violation"), **_FREE),
        **failed("content_policy"),
    ),
    Case(
        "a billed refusal",
        FLUX,
        results(model_error("image_load_error", field_name="image_url")),
        **failed("invalid_input"),
    ),
    Case(
        "a refusal in one string",
        FLUX,
        results(output({"detail": "prompt too long"}, 422), **_FREE),
        **failed("invalid_input"),
    ),
    Case(
        "a refusal in pydantic's words",
        FLUX,
        results(model_error("missing"), **_FREE),
        **failed("invalid_input"),
    ),
    Case("no media generated", FLUX, results(model_error("no_media_generated"), **_FREE), **failed()),
    Case(
        "a bad request",
        FLUX,
        results(platform_error(400, "bad_request", "odd header"), **_FREE),
        **failed("invalid_input", "provider_rejected"),
    ),
    Case(
        "a path that the app has not",
        FLUX,
        results(output({"detail": "Path /x not found"}, 404), **_FREE),
        **failed("invalid_input", "provider_rejected"),
    ),
    Case(
        "an error that is not worth another try",
        FLUX,
        results(model_error("internal_server_error", status=500, X_Fal_Retryable="false"), **_UNSAID),
        **failed("provider_failed"),
    ),
    Case(
        "an error that needs no retry",
        FLUX,
        results(model_error("downstream_service_error", status=500, X_Fal_needs_retry="0"), **_UNSAID),
        **failed("provider_failed"),
    ),
    Case(
        "an error that another try mends",
        FLUX,
        _once_then_sound(model_error("internal_server_error", status=500, X_Fal_Retryable="true")),
        posts=2,
    ),
    Case(
        "an error that needs a retry",
        FLUX,
        _once_then_sound(model_error("downstream_service_unavailable", status=500, x_fal_needs_retry="1")),
        posts=2,
    ),
    Case(
        "a start that came too late",
        FLUX,
        results(
            platform_error(504, "startup_timeout", "not started", X_Fal_Request_Timeout_Type="user"),
            **_UNSAID,
        ),
        **failed("start_timeout"),
        posts=None,
    ),
    Case(
        "a run that took too long",
        FLUX,
        results(platform_error(504, "request_timeout", "too slow"), **_UNSAID),
        **failed("provider_failed"),
        posts=None,
    ),
    Case(
        "canceled by somebody at fal",
        FLUX,
        results(platform_error(499, "client_cancelled", "bye"), **_UNSAID),
        status=frozenset({"canceled", "failed"}),
        codes=frozenset({"canceled"}),
        # Whether fal bills what somebody else stopped is not documented.
        billed=False,
        assets=0,
    ),
    Case(
        "completed with an error",
        FLUX,
        results(
            platform_error(503, "runner_disconnected", "gone"),
            completion={"error": "Runner disconnected", "error_type": "runner_disconnected"},
            **_UNSAID,
        ),
        **failed("provider_failed"),
        posts=None,
    ),
    Case(
        "completed with an error over a 200",
        FLUX,
        results(
            output({"detail": "Request timed out"}),
            completion={"error": "Request timed out", "error_type": "request_timeout"},
            **_UNSAID,
        ),
        **failed("provider_failed"),
        billed=False,
        posts=None,
    ),
)

CASES = (*_OUTPUTS, *_REFUSALS)
