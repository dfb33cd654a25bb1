"""Batches over HTTP: uploads of every kind, good and evil, and dry runs."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlmodel import col, select

from api.answers import Problem
from api.spool import Spool
from domain.sheets.limits import MAX_FILE_BYTES
from services.access import Scope
from services.runtime import Runtime
from storage.records import BatchRecord
from tests.support.front import Project, new_project
from tests.support.until import until

SHEET = b"row_id,prompt,model,duration\nkite,a red kite,kling-v3,5\nsea,a blue sea,kling-v3,5\n"
CSV = {"Content-Type": "text/csv"}
_MEGABYTE = b"x" * (1 << 20)


def submit(client: httpx.Client, sheet: bytes = SHEET, /, **settings: str) -> httpx.Response:
    return client.post("/v1/batches", content=sheet, headers=CSV, params=settings)


def as_form(client: httpx.Client, sheet: bytes = SHEET, /, **fields: str) -> httpx.Response:
    return client.post("/v1/batches", files={"file": ("kites.csv", sheet, "text/csv")}, data=fields)


def records(project: Project) -> list[BatchRecord]:
    found = select(BatchRecord).where(BatchRecord.project_id == project.id).order_by(col(BatchRecord.id))
    with project.runtime.database.work() as session:
        return list(session.exec(found))


def stored(runtime: Runtime) -> set[str]:
    """The folders of uploads in the object store."""
    root = runtime.settings.data_dir / "objects" / "objects" / "batches"
    return {path.parent.name for path in root.glob("*/upload.csv")}


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files of this test's uploads, and of no other's."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def left_over() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("darkroom-files-*"))


def test_an_upload_is_answered_at_once_with_its_place(client: httpx.Client, project: Project) -> None:
    answer = submit(client, name="spring", budget_usd="12.50", tags='{"client": "acme"}', strict="true")
    batch = answer.json()
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/batches/{batch['id']}"
    assert (batch["object"], batch["state"], batch["rows"], batch["read_rows"]) == ("batch", "reading", 2, 0)
    assert (batch["name"], batch["strict"], batch["tags"]) == ("spring", True, {"client": "acme"})
    assert batch["budget"] == {"nano_usd": 12_500_000_000, "usd": "12.5"}
    [kept] = records(project)
    assert (kept.header, kept.separator) == (["row_id", "prompt", "model", "duration"], ",")
    assert kept.defaults == {"tags": {"client": "acme"}}
    assert kept.next_at == kept.created_at
    with project.runtime.objects.open(kept.file_key) as stream:
        assert stream.read() == SHEET
    assert left_over() == set()


def test_a_form_says_the_same_as_a_body_with_a_query(client: httpx.Client, project: Project) -> None:
    settings = {
        "name": "spring",
        "model": "kling-v3",
        "priority": "low",
        "routing": '{"policy": "fastest"}',
        "input": '{"duration": 5}',
        "tags": '{"client": "acme"}',
        "callback_url": "http://127.0.0.1/hook",
    }
    one, two = submit(client, **settings), as_form(client, **settings)
    assert (one.status_code, two.status_code) == (202, 202)
    first, second = records(project)
    assert first.fingerprint == second.fingerprint
    assert first.defaults == {
        "model": "kling-v3",
        "priority": "low",
        "routing": {"policy": "fastest"},
        "input": {"duration": 5},
        "tags": {"client": "acme"},
    }
    assert first.callback_url == "http://127.0.0.1/hook"


def test_settings_of_a_form_may_stand_in_the_query_too(client: httpx.Client) -> None:
    files = {"file": ("kites.csv", SHEET)}
    answer = client.post("/v1/batches", files=files, params={"name": "spring", "dry_run": "true"})
    assert (answer.status_code, answer.json()["dry_run"]) == (200, True)
    twice = client.post("/v1/batches", files=files, params={"name": "a"}, data={"name": "b"})
    assert (twice.status_code, twice.json()["detail"]) == (422, "name is given twice: give it once")


@pytest.mark.parametrize(
    "kind", ["text/csv; charset=UTF-8", "application/csv", "text/tab-separated-values", "text/plain"]
)
def test_a_sheet_may_be_called_by_several_names(client: httpx.Client, kind: str) -> None:
    sheet = SHEET.replace(b",", b"\t") if "tab" in kind else SHEET
    answer = client.post("/v1/batches", content=sheet, headers={"Content-Type": kind})
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (
            {"Content-Type": "application/json"},
            "send the file as Content-Type: text/csv, or as the field file",
        ),
        ({}, "not as something without a type"),
        ({"Content-Type": "text/csv; charset=latin1"}, "declared as latin1: save it as CSV UTF-8"),
        ({"Content-Type": "text/csv", "Content-Encoding": "gzip"}, "send it without Content-Encoding"),
    ],
)
def test_another_kind_of_body_is_refused_with_what_to_send(
    client: httpx.Client, headers: dict[str, str], said: str
) -> None:
    answer = client.post("/v1/batches", content=SHEET, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"nmae": "x"}, {"nmae": "is not known: did you mean name?"}),
        ({"budget_usd": "0"}, {"budget_usd": "must be more than 0"}),
        ({"budget_usd": "1,50"}, {"budget_usd": "must be an amount in dollars: '1,50' is not an amount"}),
        ({"strict": "perhaps"}, {"strict": "must be true or false"}),
        ({"priority": "urgent"}, {"priority": "must be 'high', 'normal' or 'low'"}),
        ({"name": ""}, {"name": "must not be empty"}),
        ({"routing": '{"polcy": "x"}'}, {"routing.polcy": "is not known: did you mean policy?"}),
        ({"routing": "[1]"}, {"routing": "must be a JSON object"}),
        ({"tags": '{"a": "b"'}, {"tags": "is not JSON: Expecting ',' delimiter"}),
        ({"tags": '{"a": 1}'}, {"tags.a": "must be text"}),
        ({"tags": '{"a": "x", "a": "y"}'}, {"tags.a": "is given twice in one object"}),
        ({"input": '{"prompt": "x"}'}, {"input.prompt": "must not be given here: each row has its own"}),
        ({"input": '{"duration": "x"}'}, {"input.duration": "must be a whole number"}),
        ({"callback_url": "ftp://example.com"}, {"callback_url": "must be a URL that begins with https://"}),
        ({"callback_url": "http://10.0.0.1/hook"}, {"callback_url": "callback_url: 10.0.0.1 resolves to"}),
    ],
)
def test_a_setting_that_is_wrong_is_named_in_both_ways(
    client: httpx.Client, project: Project, settings: dict[str, str], fields: dict[str, str]
) -> None:
    for answer in (submit(client, **settings), as_form(client, **settings)):
        assert answer.status_code == 422, answer.text
        told = {error["field"]: error["message"] for error in answer.json()["errors"]}
        assert told.keys() == fields.keys()
        for field, message in fields.items():
            assert told[field].startswith(message)
    assert records(project) == []


@pytest.mark.parametrize(
    ("sheet", "code", "place"),
    [
        (b"", "empty_sheet", {}),
        (b"prompt,model\n", "empty_sheet", {}),
        (b"promt,model\nx,y\n", "missing_column", {"line": 1}),
        (b"prompt\nx\n", "missing_column", {}),
        (b"prompt,model,prompt\n", "duplicate_column", {"line": 1}),
        (b"prompt,model,tag.a b\nx,y,z\n", "bad_column_name", {}),
        (b"prompt,model\n\xe4,x\n", "not_utf8", {"line": 2, "offset": 13}),
        (b"prompt,model\na\x00,x\n", "nul_byte", {"line": 2, "offset": 14}),
        (b"PK\x03\x04" + b"." * 26 + b"xl/workbook.xml", "not_csv", {"line": 1, "offset": 0}),
        (b'prompt,model\n"a,x\n', "unclosed_quote", {"line": 2}),
        (b"prompt,model\n" + b"x" * (1 << 20) + b",y\n", "row_too_large", {"line": 2}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_is_no_sheet_is_refused_at_its_place_and_makes_nothing(
    client: httpx.Client, project: Project, sheet: bytes, code: str, place: dict[str, int]
) -> None:
    before = stored(project.runtime)
    for answer in (submit(client, sheet), as_form(client, sheet), submit(client, sheet, dry_run="true")):
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, code), answer.text
        assert {name: problem[name] for name in ("line", "offset") if name in problem} == place
        assert problem["errors"][0]["field"] == "file"
    assert records(project) == []
    assert stored(project.runtime) == before
    assert left_over() == set()


def test_a_row_too_many_is_refused_at_its_place_and_makes_nothing(
    client: httpx.Client, project: Project
) -> None:
    before = stored(project.runtime)
    answer = submit(client, b"prompt,model\n" + b"x,y\n" * 100_001)
    assert answer.status_code == 422, answer.text
    assert (answer.json()["code"], answer.json()["line"]) == ("too_many_rows", 100_002)
    assert records(project) == []
    assert stored(project.runtime) == before
    assert left_over() == set()


def form_of(*parts: bytes, end: bytes = b"--limit--\r\n") -> bytes:
    return b"".join(b"--limit\r\n" + part + b"\r\n" for part in parts) + end


def part(name: str, value: bytes, *headers: bytes, file: bool = False) -> bytes:
    filename = '; filename="a"' if file else ""
    first = f'Content-Disposition: form-data; name="{name}"{filename}'.encode()
    return b"\r\n".join([first, *headers, b"", value])


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (form_of(part("name", b"x")), 422, "file is required: send the CSV file as the field file"),
        (form_of(part("file", SHEET), part("file", SHEET)), 422, "file came twice: send it once"),
        (form_of(part("name", b"x"), part("name", b"y")), 422, "name came twice: send it once"),
        (form_of(part("other", SHEET, file=True)), 422, "other came as a file: only file is one"),
        (form_of(part("name", b"\xff")), 422, "name is not UTF-8"),
        (form_of(part("name", b"x" * 70_000)), 422, "name is longer than 64 kB"),
        (form_of(part("", b"x")), 422, "file is required"),
        (form_of(b"X: y\r\n\r\nx", b"X: y\r\n\r\nx"), 422, "a field without a name came twice"),
        (form_of(*(part(f"f{n}", b"") for n in range(40))), 400, "it has more than 32 fields"),
        (form_of(part("file", SHEET, b"Content-Type: text/csv; charset=utf-16")), 415, "declared as utf-16"),
        (
            form_of(part("file", SHEET, b"Content-Transfer-Encoding: base64")),
            422,
            "file is encoded as base64",
        ),
        (form_of(part("file", SHEET), end=b""), 400, "it ends in the middle"),
        (b"nonsense", 400, "the body is no whole multipart/form-data"),
        (b"", 400, "it ends in the middle"),
    ],
)
def test_a_form_that_is_wrong_is_told_what_it_lacks(
    client: httpx.Client, project: Project, body: bytes, status: int, said: str
) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=limit"}
    answer = client.post("/v1/batches", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]
    assert records(project) == []


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=" + "x" * 300])
def test_a_form_needs_a_boundary(client: httpx.Client, boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data{boundary}"}
    answer = client.post("/v1/batches", content=form_of(part("file", SHEET)), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_form")


def test_a_form_comes_in_pieces_of_any_size(client: httpx.Client, project: Project) -> None:
    body = form_of(
        part("name", "frühling".encode()), part("file", SHEET, b"Content-Type: text/csv", file=True)
    )
    headers = {"Content-Type": "multipart/form-data; boundary=limit"}
    answer = client.post("/v1/batches", content=(body[n : n + 1] for n in range(len(body))), headers=headers)
    assert answer.status_code == 202, answer.text
    [kept] = records(project)
    assert (kept.name, kept.file_bytes) == ("frühling", len(SHEET))


def test_an_upload_that_names_too_many_bytes_is_refused_before_they_come(
    project: Project, client: httpx.Client
) -> None:
    for kind in ("text/csv", "multipart/form-data; boundary=limit"):
        length = MAX_FILE_BYTES + (8 << 20)
        with raw_request(project, client, kind, f"Content-Length: {length}") as line:
            assert b"413" in line.recv(100)


def test_an_upload_is_stopped_as_soon_as_it_is_too_large(client: httpx.Client, project: Project) -> None:
    sent = 0

    def sheet() -> Iterator[bytes]:
        nonlocal sent
        yield b"prompt,model\n"
        while sent < 2 * MAX_FILE_BYTES:
            sent += len(_MEGABYTE)
            yield _MEGABYTE

    try:
        answer = client.post("/v1/batches", content=sheet(), headers=CSV)
    except httpx.TransportError:
        # It may hang up while the client still sends.
        assert sent < 2 * MAX_FILE_BYTES
    else:
        assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    assert records(project) == []
    until(lambda: left_over() == set(), "the removal of what was uploaded")


def test_a_client_that_hangs_up_leaves_nothing(client: httpx.Client, project: Project) -> None:
    before = stored(project.runtime)
    form = form_of(part("file", SHEET), end=b"")
    for kind, begun in (("text/csv", SHEET), ("multipart/form-data; boundary=limit", form)):
        with raw_request(project, client, kind, "Content-Length: 1000000") as line:
            line.sendall(begun)
            until(lambda: left_over() != set(), "the upload")
        until(lambda: left_over() == set(), "the removal of what was uploaded")
    assert records(project) == []
    assert stored(project.runtime) == before


def test_a_disk_that_is_full_is_said_to_be() -> None:
    with Spool(Path("/dev/full")) as spool:
        spool.write(b"a little, which is not written yet")
        with pytest.raises(Problem) as refused:
            spool.finished()
    assert (refused.value.status, refused.value.code) == (503, "no_room")
    with Spool(Path("/dev/full")) as spool, pytest.raises(Problem):
        spool.write(_MEGABYTE)


def test_a_form_that_goes_on_and_on_is_stopped(client: httpx.Client) -> None:
    def body() -> Iterator[bytes]:
        yield from (form_of(part("file", SHEET)), b"\r\n")
        for _ in range(MAX_FILE_BYTES // len(_MEGABYTE) + 10):
            yield _MEGABYTE

    headers = {"Content-Type": "multipart/form-data; boundary=limit"}
    with suppress(httpx.TransportError):
        answer = client.post("/v1/batches", content=body(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")


def raw_request(project: Project, client: httpx.Client, kind: str, *headers: str) -> socket.socket:
    """An upload of which only the head was sent."""
    where = urlsplit(project.url)
    line = socket.create_connection((where.hostname, where.port), timeout=60)
    head = [
        "POST /v1/batches HTTP/1.1",
        f"Host: {where.netloc}",
        f"Authorization: {client.headers['authorization']}",
        f"Content-Type: {kind}",
        *headers,
    ]
    line.sendall("\r\n".join([*head, "", ""]).encode())
    return line


def keyed(client: httpx.Client, key: str, sheet: bytes = SHEET, **settings: str) -> httpx.Response:
    headers = CSV | {"Idempotency-Key": key}
    return client.post("/v1/batches", content=sheet, headers=headers, params=settings)


def test_the_same_key_file_and_settings_are_the_same_batch(client: httpx.Client, project: Project) -> None:
    before = stored(project.runtime)
    first = keyed(client, "once", name="spring", tags='{"a": "b", "c": "d"}')
    again = keyed(client, "once", name="spring", tags='{"c":"d","a":"b"}', strict="false")
    assert (first.status_code, again.status_code) == (202, 202)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    client.post(f"/v1/batches/{first.json()['id']}/pause")
    assert keyed(client, "once", name="spring", tags='{"a": "b", "c": "d"}').json()["state"] == "paused"
    assert len(stored(project.runtime) - before) == 1


def test_the_same_key_with_anything_else_is_an_error(client: httpx.Client) -> None:
    keyed(client, "once")
    for other in (keyed(client, "once", SHEET + b"x,y,kling-v3,5\n"), keyed(client, "once", name="x")):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert keyed(client, "twice words").status_code == 400


def test_a_key_belongs_to_its_project(client: httpx.Client, runtime: Runtime, project: Project) -> None:
    mine = keyed(client, "once").json()["id"]
    with new_project(runtime, project.url).client() as stranger:
        assert keyed(stranger, "once").json()["id"] != mine


def test_a_dry_run_says_what_would_become_of_each_row_and_keeps_nothing(
    client: httpx.Client, project: Project
) -> None:
    before = stored(project.runtime)
    sheet = SHEET + b"third,,kling-v3,5\nfourth,x,nosuch,5\nfifth,x,kling-v3,soon\n"
    answer = submit(client, sheet, dry_run="true", budget_usd="0.60")
    trial = answer.json()
    assert answer.status_code == 200, answer.text
    assert (trial["dry_run"], trial["rows"], trial["good_rows"], trial["bad_rows"]) == (True, 5, 2, 3)
    assert [
        (one["line"], one["row"], one["row_id"], one["column"], one["code"]) for one in trial["problems"]
    ] == [
        (4, 3, "third", "prompt", "missing"),
        (5, 4, "fourth", "model", "no_offer"),
        (6, 5, "fifth", "duration", "not_a_number"),
    ]
    assert trial["problems_left_off"] == 0
    both = {"nano_usd": 610_000_000, "usd": "0.61"}
    assert trial["estimate"] == {
        "low": both,
        "high": both,
        "unpriced_rows": 0,
        "by_offer": [
            {
                "model": "kling-v3",
                "provider": "linkmodel",
                "endpoint": "kling-v3",
                "rows": 2,
                "low": both,
                "high": both,
                "unpriced_rows": 0,
            }
        ],
    }
    assert (trial["budget"]["usd"], trial["fits_budget"]) == ("0.6", False)
    assert records(project) == []
    assert stored(project.runtime) == before


def test_a_dry_run_tells_of_the_first_thousand_problems(client: httpx.Client) -> None:
    trial = as_form(client, b"prompt,model\n" + b"x,\n" * 1_003, dry_run="true").json()
    assert (trial["bad_rows"], len(trial["problems"]), trial["problems_left_off"]) == (1_003, 1_000, 3)
    assert trial["estimate"] == {"low": None, "high": None, "unpriced_rows": 0, "by_offer": []}
    assert trial["fits_budget"] is None


def test_a_dry_run_checks_the_settings_as_well(client: httpx.Client) -> None:
    answer = submit(client, dry_run="true", callback_url="http://10.0.0.1/hook")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "callback_url")


def test_who_may_only_read_may_not_submit(project: Project, anyone: httpx.Client) -> None:
    with project.client(Scope.READ) as reader:
        assert submit(reader).status_code == 403
        assert reader.get("/v1/batches").status_code == 200
    assert submit(anyone).status_code == 401


def test_the_example_of_the_documentation_runs(client: httpx.Client) -> None:
    document: dict[str, Any] = client.get("/openapi.json").json()
    body = document["paths"]["/v1/batches"]["post"]["requestBody"]["content"]
    sheet = body["text/csv"]["example"].encode()
    assert submit(client, sheet, dry_run="true").json()["good_rows"] == 1
