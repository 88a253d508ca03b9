"""Uploads: ticket, form, oss:// address, header; and when it is taken."""

import json
import os
from email.parser import BytesParser
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.dashscope import DashScopeError
from bailian_mcp.server.endpoints import host as host_of
from conftest import (
    ANSWER,
    KEY,
    FakeDashScope,
    Hosted,
    chunk,
    dashscope,
    finish,
    refusal,
    sse,
    stream,
    text_of,
    told,
    usage,
)
from papers import PATENT, drawn, image_of, pdf, saved
from PIL import Image

pytestmark = pytest.mark.anyio
# From the documentation: https://help.aliyun.com/zh/model-studio/get-temporary-file-url
TICKET = {
    "data": {
        "policy": "eyJ",
        "signature": "n3dN=",
        "upload_dir": "dashscope-instant/52af/2025-07-12/b744f4f8",
        "upload_host": "https://dashscope-file-mgr.oss-cn-beijing.aliyuncs.com",
        "expire_in_seconds": 300,
        "max_file_size_mb": 100,
        "capacity_limit_mb": 999999999,
        "oss_access_key_id": "accessKeyId",
        "x_oss_object_acl": "private",
        "x_oss_forbid_overwrite": "true",
    },
    "request_id": "b744f4f8",
}


@pytest.fixture
def era() -> str:
    """What is stored here does not depend on how a host is spoken to."""
    return "2026-07-28"


def ticket(**changed: Any) -> httpx2.Response:
    return httpx2.Response(200, content=json.dumps({**TICKET, "data": {**TICKET["data"], **changed}}).encode())  # type: ignore[dict-item]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A PDF of 8 MB that a comment fills up: it does not fit into a data URI."""
    path = tmp_path / "合同.pdf"
    path.write_bytes(pdf([PATENT]) + b"\n%" + os.urandom(4_000_000).hex().encode())
    return path


async def ask(hosted: Hosted, wire: FakeDashScope, path: Path, tool: str = "chat", **arguments: Any) -> Any:
    shared = {name: arguments.pop(name) for name in ("uploads", "options", "host") if name in arguments}
    said: list[str] = arguments.pop("said", [])
    given = {"prompt": "x", "model": "qwen3.8-flash", "files": [str(path)]} if tool == "chat" else {"source": str(path)}
    async with hosted(wire, folders=(path.parent.resolve(),), **shared) as host:
        return await host.call_tool(tool, {**given, **arguments}, progress_callback=told(said))


def form(request: httpx2.Request) -> list[tuple[str, bytes]]:
    """The fields of a multipart form, in their order."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + request.content).get_payload()
    return [(str(p.get_param("name", header="content-disposition")), p.get_payload(decode=True)) for p in parts]  # type: ignore[union-attr, misc]


@pytest.mark.both_eras
async def test_what_does_not_fit_goes_through_temporary_storage_as_documented(hosted: Hosted, large: Path) -> None:
    said: list[str] = []
    wire = FakeDashScope([ticket(), httpx2.Response(200), stream(ANSWER)])
    result = await ask(hosted, wire, large, said=said)

    asked, stored, question = wire.requests
    key = "dashscope-instant/52af/2025-07-12/b744f4f8/document.pdf"
    assert not result.is_error
    assert (asked.method, str(asked.url)) == (
        "GET",
        "https://dashscope.aliyuncs.com/api/v1/uploads?action=getPolicy&model=qwen3.8-flash",
    )
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert (stored.method, str(stored.url)) == ("POST", "https://dashscope-file-mgr.oss-cn-beijing.aliyuncs.com/")
    assert "authorization" not in stored.headers
    assert form(stored) == [
        ("OSSAccessKeyId", b"accessKeyId"),
        ("Signature", b"n3dN="),
        ("policy", b"eyJ"),
        ("key", key.encode()),
        ("x-oss-object-acl", b"private"),
        ("x-oss-forbid-overwrite", b"true"),
        ("success_action_status", b"200"),
        ("file", large.read_bytes()),
    ]
    assert question.headers["x-dashscope-ossresourceresolve"] == "enable"
    assert wire.body["messages"][0]["content"][0] == {"type": "file", "file": {"file_url": f"oss://{key}"}}
    assert "putting 合同.pdf (8.0 MB) into DashScope's temporary storage, where it stays 48 hours" in said


async def test_the_sandbox_takes_that_road_too(hosted: Hosted, large: Path) -> None:
    result = await ask(hosted, FakeDashScope([]), large, options={"transport": httpx2.ASGITransport(sandbox.app())})

    assert not result.is_error, text_of(result)
    assert result.structured_content["sandbox"] is True


@pytest.mark.parametrize(
    ("headers", "says"),
    [({}, "The provided URL does not appear to be valid"), ({"x-dashscope-ossresourceresolve": "enable"}, "")],
)
async def test_the_sandbox_wants_the_header_and_a_file_that_is_there(headers: dict[str, str], says: str) -> None:
    transport = httpx2.ASGITransport(sandbox.app())
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers={"authorization": "x"}
    ) as client:
        data = (await client.get("/api/v1/uploads", params={"action": "getPolicy", "model": "m"})).json()["data"]
        fields = {
            "OSSAccessKeyId": data["oss_access_key_id"],
            "Signature": data["signature"],
            "policy": data["policy"],
            "key": f"{data['upload_dir']}/a.png",
            "x-oss-object-acl": data["x_oss_object_acl"],
            "x-oss-forbid-overwrite": data["x_oss_forbid_overwrite"],
            "success_action_status": "200",
        }
        stored = await client.post("/oss/", data=fields, files={"file": b"x"})
        again = await client.post("/oss/", data=fields, files={"file": b"x"})
        other = await client.post("/oss/", data={**fields, "key": "elsewhere/a.png"}, files={"file": b"x"})
        no_file = await client.post("/oss/", data=fields)
        parts = [{"type": "image_url", "image_url": {"url": f"oss://{fields['key']}"}}, {"type": "text", "text": "x"}]
        body = {"model": "qwen3.7-plus", "messages": [{"role": "user", "content": parts}]}
        asked = await client.post("/compatible-mode/v1/chat/completions", json=body, headers=headers)
        keyless = await client.get("/api/v1/uploads", headers={"authorization": ""})

    assert [stored.status_code, keyless.status_code] == [200, 401]
    assert "FileAlreadyExists" in again.text
    assert "AccessDenied" in other.text
    assert "InvalidArgument" in no_file.text
    assert (says in asked.json()["error"]["message"]) if says else asked.status_code == 200


async def test_an_image_that_cannot_be_shrunk_to_fit_is_stored_too(hosted: Hosted, tmp_path: Path) -> None:
    noise = Image.frombytes("RGB", (2200, 2200), os.urandom(2200 * 2200 * 3))
    (tmp_path / "noise.bmp").write_bytes(saved(noise, "BMP"))
    frame = '{"output":{"choices":[{"message":{"content":[{"text":"x"}]},"finish_reason":"stop"}]},"usage":{"input_tokens":1,"output_tokens":1}}'
    wire = FakeDashScope([ticket(), httpx2.Response(200), stream(f"data:{frame}\n\n".encode())])
    result = await ask(hosted, wire, tmp_path / "noise.bmp", "ocr")

    assert not result.is_error, text_of(result)
    (image,) = wire.body["input"]["messages"][0]["content"]
    assert image["image"] == "oss://dashscope-instant/52af/2025-07-12/b744f4f8/image.jpeg"
    assert dict(form(wire.requests[1]))["file"].startswith(b"\xff\xd8\xff")


async def test_uploads_can_be_forbidden(hosted: Hosted, large: Path) -> None:
    wire = FakeDashScope([ticket()])
    result = await ask(hosted, wire, large, uploads=False)

    assert "合同.pdf has 8.0 MB, which does not fit into a request, and BAILIAN_UPLOADS=false forbids" in text_of(
        result
    )
    assert wire.requests == []


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([refusal(401, "InvalidApiKey", "No API-key provided.")], "DashScope does not accept the API key here."),
        ([httpx2.Response(200, json={"data": {}})], "DashScope gave no leave to store the file"),
        ([httpx2.Response(200, text="<html>")], "DashScope gave no leave to store the file"),
        ([ticket(upload_host="http://storage.example")], "DashScope gave no leave to store the file"),
        ([ticket(upload_host="https://a.example:99999")], "DashScope gave no leave to store the file"),
        ([ticket(upload_host="https://a\0b.example")], "DashScope gave no leave to store the file"),
        ([ticket(upload_host="https://user@a.example")], "DashScope gave no leave to store the file"),
        ([ticket(signature="\ud83d")], "DashScope gave no leave to store the file"),
        ([httpx2.Response(200, content=json.dumps(TICKET).replace("100,", "1e400,").encode())], "DashScope gave no leave to store the file"),
        ([ticket(upload_host="file:///etc")], "DashScope gave no leave to store the file"),
        ([ticket(max_file_size_mb=1)], "合同.pdf has 2.0 MB; DashScope's storage takes 1 MB for qwen3.8-flash."),
        ([ticket(), httpx2.Response(403, text=f"<Error><Code>AccessDenied</Code><X>{KEY}</X></Error>")], "DashScope's storage refused 合同.pdf (AccessDenied)."),
        ([ticket(), httpx2.Response(500, text="oops")], "DashScope's storage refused 合同.pdf (HTTP 500)."),
        ([ticket(), httpx2.ReadError("x")], "合同.pdf could not be stored at DashScope (ReadError)."),
        ([httpx2.ReadError("x")], "The connection broke before an answer came (ReadError). Call again."),
    ],
)  # fmt: skip
async def test_a_file_that_cannot_be_stored_is_told(steps: list[Any], says: str) -> None:
    wire = FakeDashScope([*steps, *steps[-1:]])
    async with dashscope(wire) as client:
        with pytest.raises(DashScopeError) as told:
            await client.upload("qwen3.8-flash", "合同.pdf", "document.pdf", BytesIO(bytes(2_000_000)))

    assert says in str(told.value)
    assert KEY not in str(told.value)


async def test_a_storage_that_refuses_ends_the_call_and_nothing_is_asked(hosted: Hosted, large: Path) -> None:
    wire = FakeDashScope([ticket(), httpx2.Response(403, text=f"<Error><Code>AccessDenied</Code><X>{KEY}</X></Error>")])
    result = await ask(hosted, wire, large)

    assert result.is_error
    assert "DashScope's storage refused 合同.pdf (AccessDenied)." in text_of(result)
    assert KEY not in text_of(result)
    assert len(wire.requests) == 2


async def test_a_ticket_is_asked_for_again_where_that_may_help(hosted: Hosted, large: Path) -> None:
    busy = refusal(429, "Throttling.RateQuota", "Requests rate limit exceeded.")
    wire = FakeDashScope([busy, ticket(), httpx2.Response(200), stream(ANSWER)])

    assert not (await ask(hosted, wire, large)).is_error
    assert [request.method for request in wire.requests] == ["GET", "GET", "POST", "POST"]


async def test_a_storage_that_does_not_answer_is_given_up(hosted: Hosted, large: Path) -> None:
    class Silent(FakeDashScope):
        async def __call__(self, request: httpx2.Request) -> httpx2.Response:
            if request.method == "POST":
                await anyio.sleep_forever()
            return await super().__call__(request)

    result = await ask(hosted, Silent([ticket()]), large, options={"timeout_s": 0.2})

    assert "合同.pdf could not be stored within 0.2 s. Nothing was asked. Call again." in text_of(result)


# --- PDFs beside a prompt ---


@pytest.mark.parametrize("told_pages", [True, False])
async def test_a_small_pdf_goes_along_and_its_pages_are_priced(
    hosted: Hosted, tmp_path: Path, told_pages: bool
) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([PATENT, PATENT]))
    tools = {"x_tools": {"pdf_page_parser": {"count": 2, "strategy": "x"}}} if told_pages else {}
    wire = FakeDashScope([stream(sse(chunk(content="两页"), finish(), usage(**tools)))])
    said: list[str] = []
    result = await ask(hosted, wire, tmp_path / "a.pdf", said=said)

    assert said[0] == "2 PDF pages, at 0.02 CNY each beside their tokens"
    part, cost = wire.body["messages"][0]["content"][0]["file"], result.structured_content["cost"]
    assert part["filename"] == "a.pdf"
    assert part["file_data"].startswith("data:application/pdf;base64,JVBER")
    assert wire.body["include_tool_usage"] is True
    assert {"item": "pdf_page", "quantity": 2, "unit_price": "0.02", "per": 1, "amount": "0.04"} in cost["lines"]
    assert any("those of the file are priced" in warning for warning in cost["warnings"]) is not told_pages


async def test_pages_of_a_pdf_by_url_that_nobody_counted_leave_the_price_open(hosted: Hosted, tmp_path: Path) -> None:
    wire = FakeDashScope([stream(ANSWER)])
    async with hosted(wire) as host:
        arguments = {"prompt": "x", "model": "qwen3.8-flash", "files": ["https://a.example/x.pdf"]}
        result = await host.call_tool("chat", arguments, progress_callback=told(said := []))

    assert wire.body["messages"][0]["content"][0] == {"type": "file", "file": {"file_url": "https://a.example/x.pdf"}}
    assert said[0] == "some PDF pages, at 0.02 CNY each beside their tokens"
    assert result.structured_content["cost"]["total"] is None
    assert "did not say how many PDF pages it parsed" in result.structured_content["cost"]["reason"]


async def test_another_server_gets_nothing_that_only_dashscope_knows(hosted: Hosted, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([PATENT]))
    wire = FakeDashScope([stream(ANSWER)])
    result = await ask(hosted, wire, tmp_path / "a.pdf", model="gpt-x", host=host_of("https://llm.example/v1"))

    assert not result.is_error
    assert "include_tool_usage" not in wire.body


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.pdf", pdf([PATENT]), "qwen3.7-plus reads no PDFs. Use qwen3.8-"),
        ("many.pdf", pdf([()] * 257), "many.pdf has 257 pages; 256 can be sent. Split it."),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.doc is an Office document or an archive."),
    ],
)
async def test_what_chat_does_not_take_is_said(
    hosted: Hosted, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    wire = FakeDashScope([stream(ANSWER)])
    model = "qwen3.8-flash" if name.startswith("many") else "qwen3.7-plus"

    assert says in text_of(await ask(hosted, wire, tmp_path / name, model=model))
    assert wire.requests == []


async def test_a_document_by_url_that_is_no_pdf_is_refused(hosted: Hosted) -> None:
    async with hosted(FakeDashScope([stream(ANSWER)])) as host:
        result = await host.call_tool("chat", {"prompt": "x", "files": ["https://a.example/x.docx"]})

    assert "Only images and PDFs can be sent by URL." in text_of(result)


async def test_a_large_image_is_shrunk_to_what_the_model_uses(hosted: Hosted, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved(drawn(*PATENT, size=(3000, 2000)), "JPEG"))
    wire = FakeDashScope([stream(ANSWER)])
    await ask(hosted, wire, tmp_path / "a.jpg", model="qwen3.7-plus")

    assert image_of(wire.body).size == (1981, 1321)  # 2.6 megapixels


async def test_where_the_fee_of_a_pdf_page_is_unknown_it_is_told_before(hosted: Hosted, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([PATENT]))
    said: list[str] = []
    us = host_of("https://dashscope-us.aliyuncs.com")
    result = await ask(hosted, FakeDashScope([stream(ANSWER)]), tmp_path / "a.pdf", host=us, said=said)

    assert said[0] == "1 PDF pages, at an unknown price each beside their tokens"
    assert result.structured_content["cost"]["reason"] == "the fee of pdf_page is not known in us-east-1"


async def test_a_refusal_after_a_file_was_stored_does_not_say_that_nothing_was_sent(
    hosted: Hosted, large: Path
) -> None:
    wire = FakeDashScope([ticket(), httpx2.Response(200), stream(ANSWER)])
    files = [str(large), str(large.with_name("missing.png"))]
    async with hosted(wire, folders=(large.parent.resolve(),)) as host:
        result = await host.call_tool("chat", {"prompt": "x", "model": "qwen3.8-flash", "files": files})

    assert len(wire.requests) == 2
    assert "missing.png cannot be read" in text_of(result)
    assert "Another file was stored at DashScope" in text_of(result)
    assert "Nothing was sent" not in text_of(result)


async def test_a_file_the_model_does_not_read_after_one_that_was_stored(hosted: Hosted, large: Path) -> None:
    text = large.with_name("a.doc")
    text.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    wire = FakeDashScope([ticket(), httpx2.Response(200), stream(ANSWER)])
    async with hosted(wire, folders=(large.parent.resolve(),)) as host:
        given = {"prompt": "x", "model": "qwen3.8-flash", "files": [str(large), str(text)]}
        result = await host.call_tool("chat", given)

    assert "a.doc is an Office document" in text_of(result)
    assert "Another file was stored at DashScope" in text_of(result)
    assert "Nothing was sent" not in text_of(result)
