"""The output of a fal request that succeeds, in the shape of its kind of model."""

from typing import Any

from sandbox.core import Core
from sandbox.fal.inputs import image_count, image_size, seconds, video_size
from sandbox.fal.record import FalRequest
from sandbox.media.spec import CONTENT_TYPES, MediaSpec

_FORMATS = {"jpeg": "jpeg", "jpg": "jpeg", "png": "png", "webp": "webp"}
JsonObject = dict[str, Any]


def make(core: Core, record: FalRequest) -> JsonObject:
    """Register the media of a request and return its output (fal queue contract, model endpoints).

    It is the same each time, as are the keys of the files.
    """
    return _video(core, record) if record.endpoint.kind == "video" else _images(core, record)


def blanked(record: FalRequest) -> bool:
    """Whether the safety filter blacks out every file of the request."""
    return record.endpoint.kind == "image" and all(_flags(record))


def links(output: JsonObject) -> list[str]:
    """Every media link in an output."""
    files = [*output.get("images", []), *([output["video"]] if "video" in output else [])]
    return [file["url"] for file in files]


def key_of(link: str) -> str:
    """The media key in a link."""
    return link.split("/")[-2]


def _images(core: Core, record: FalRequest) -> JsonObject:
    arguments, script = record.arguments, record.script
    flagged = _flags(record)
    width, height = image_size(arguments)
    kind = _FORMATS.get(str(arguments.get("output_format")), "jpeg")
    seed = arguments.get("seed")
    images = []
    for number, black in enumerate(flagged):
        prompt = _prompt(record)
        spec = MediaSpec(kind, width, height, prompt, black=black, faults=script.media())
        file = _file(core, record, spec, f"image_{number}.{kind}")
        images.append({"url": file.pop("url"), "width": width, "height": height, **file})
    return {
        "images": images,
        "timings": {"inference": record.inference},
        "seed": seed if isinstance(seed, int) else _seed(core, record),
        "has_nsfw_concepts": flagged,
        "prompt": _prompt(record),
    }


def _flags(record: FalRequest) -> list[bool]:
    """Of each image, whether the safety filter blacks it out."""
    script = record.script
    return [
        script.has("nsfw") or (script.has("nsfw_some") and at == 0)
        for at in range(image_count(record.arguments))
    ]


def _video(core: Core, record: FalRequest) -> JsonObject:
    width, height = video_size(record.arguments)
    length = float(seconds(record.arguments))
    spec = MediaSpec("mp4", width, height, _prompt(record), seconds=length, faults=record.script.media())
    return {"video": _file(core, record, spec, "output.mp4")}


def _file(core: Core, record: FalRequest, spec: MediaSpec, name: str) -> JsonObject:
    key = core.file_key(record.id, name)
    core.media.add(key, spec)
    # file_size may be null, and is: the file is only drawn when somebody fetches it.
    return {
        "url": f"{record.base_url}/fal/files/b/{key}/{name}",
        "content_type": CONTENT_TYPES[spec.format],
        "file_name": name,
        "file_size": None,
    }


def _seed(core: Core, record: FalRequest) -> int:
    """A whole number of 63 bits that belongs to the request."""
    return int.from_bytes(core.derive(f"seed of {record.id}")[:8], "big") >> 1


def _prompt(record: FalRequest) -> str:
    return str(record.arguments.get("prompt", ""))
