"""Files as content networks serve them: a download is tried again, a generation never is."""

from tests.acceptance.cases import FLUX, KLING, Case, Plans, failed
from tests.acceptance.world import Emulators
from tests.emulators.cdn import cut_off, expired, moved, page, sound, sound_video
from tests.emulators.fal_script import Plan, output
from tests.emulators.wire import RESET, Reply, html_reply

_PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"


def _image(*answers: Reply) -> Plans:
    return lambda around: (Plan((output(around.fal.images(around.cdn.put(*answers))),), steps=()),)


def _video(*answers: Reply) -> Plans:
    def make(around: Emulators) -> tuple[Plan]:
        url = around.cdn.put(*answers, name="output.mp4")
        return (Plan((output({"video": {"url": url}}),), steps=(), units="5", header="5"),)

    return make


def _elsewhere(around: Emulators) -> tuple[Plan]:
    url = around.cdn.put(moved(around.cdn.image()))
    return (Plan((output(around.fal.images(url)),), steps=()),)


def _address(url: str) -> Plans:
    return lambda around: (Plan((output(around.fal.images(url)),), steps=()),)


_SOUND = {
    "a file without a type": _image(sound(declared="")),
    "a file of type octet-stream": _image(sound(declared="application/octet-stream")),
    "a PNG that says JPEG": _image(sound(declared="image/jpeg")),
    "a WebP that says PNG": _image(sound("WEBP", declared="image/png")),
    "a file behind a redirect": _elsewhere,
    "a file after one 503": _image(html_reply(503, "Slow Down"), sound()),
    "a file after one reset": _image(RESET, sound()),
}
_BAD = {
    "a web page in the place of the file": _image(page()),
    "a text in the place of the file": _image(Reply(200, b"hello", {"Content-Type": "text/plain"})),
    "a PDF that says PNG": _image(Reply(200, _PDF, {"Content-Type": "image/png"})),
    "an empty file": _image(Reply(200, b"", {"Content-Type": "image/png"})),
    "half a picture, by its own length": _image(
        Reply(200, sound("JPEG").body[:200], {"Content-Type": "image/jpeg"})
    ),
    "a redirect to the metadata service": _image(moved("http://169.254.169.254/latest/meta-data/")),
    "a redirect into a private network": _image(moved("http://10.0.0.1/secret.png")),
    "a redirect to a file": _image(moved("file:///etc/passwd")),
    "a file on the metadata service": _address("http://169.254.169.254/output.png"),
    "a file at no address": _address("not a url"),
    "a file of another scheme": _address("ftp://127.0.0.1/output.png"),
    "a file that has expired": _image(expired()),
    "a file that is gone": _image(html_reply(404, "Not Found")),
}

CASES = (
    *(Case(name, FLUX, plans) for name, plans in _SOUND.items()),
    Case("a video that is cut off once", KLING, _video(cut_off(), sound_video())),
    *(
        Case(name, FLUX, plans, **failed("asset_invalid", "asset_unavailable"))
        for name, plans in _BAD.items()
    ),
)
