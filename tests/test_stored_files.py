"""Plain requests, and the files that DashScope keeps: what is sent, what is read, what is told of what goes wrong."""

import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import anyio
import httpx2
import pytest
from bailian_mcp.server import sandbox
from bailian_mcp.server.dashscope import DashScopeError, StoredFile, StoredFiles
from bailian_mcp.server.endpoints import host as host_of
from conftest import FakeDashScope, dashscope, refusal

pytestmark = pytest.mark.anyio
# https://help.aliyun.com/zh/model-studio/openai-file-interface
FILE = {
    "id": "file-batch-61875e1242854691b8bfd17d", "object": "file", "bytes": 231, "created_at": 1742883735,
    "filename": "a.jsonl", "purpose": "batch", "status": "processed", "status_details": None,
}  # fmt: skip


def json_reply(value: Any, **headers: str) -> httpx2.Response:
    return httpx2.Response(200, content=json.dumps(value).encode(), headers=headers)


async def test_a_file_goes_as_a_form_with_its_purpose() -> None:
    wire = FakeDashScope([json_reply(FILE)])
    async with dashscope(wire) as client:
        stored = await StoredFiles(client.rest).upload("batch", "a.jsonl", BytesIO(b"{}\n"))

    sent = wire.requests[0]
    assert stored == StoredFile("file-batch-61875e1242854691b8bfd17d", "a.jsonl", "batch", 231, "processed", 1742883735)
    assert str(sent.url) == "https://dashscope.aliyuncs.com/compatible-mode/v1/files"
    assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="purpose"\r\n\r\nbatch\r\n' in sent.content
    assert b'filename="a.jsonl"' in sent.content


async def test_an_upload_that_broke_off_is_not_sent_again() -> None:
    wire = FakeDashScope([httpx2.ReadError("gone"), json_reply(FILE)])
    async with dashscope(wire) as client:
        with pytest.raises(DashScopeError, match="broke before an answer came"):
            await StoredFiles(client.rest).upload("batch", "a.jsonl", BytesIO(b"{}\n"))

    assert len(wire.requests) == 1


async def test_what_only_reads_is_tried_again() -> None:
    wire = FakeDashScope([httpx2.ReadError("gone"), json_reply(FILE)])
    async with dashscope(wire) as client:
        assert (await StoredFiles(client.rest).told("file-1")).name == "a.jsonl"


async def test_a_long_list_is_read_page_by_page() -> None:
    pages = [json_reply({"data": [{**FILE, "id": f"file-{n}"}], "has_more": n < 2}) for n in (1, 2)]
    wire = FakeDashScope([*pages])
    async with dashscope(wire) as client:
        names = [file.id async for file in StoredFiles(client.rest).listed("batch")]

    assert names == ["file-1", "file-2"]
    assert [dict(r.url.params).get("after") for r in wire.requests] == [None, "file-1"]


@pytest.mark.parametrize(
    "page", [{"data": None, "has_more": True}, {"data": [], "has_more": True}, {"data": ["x"], "has_more": True}]
)
async def test_a_list_that_never_ends_ends(page: dict[str, Any]) -> None:
    async with dashscope(FakeDashScope([json_reply(page)])) as client:
        assert [file async for file in StoredFiles(client.rest).listed()] == []


async def test_a_page_that_repeats_itself_ends() -> None:
    wire = FakeDashScope([lambda: json_reply({"data": [FILE], "has_more": True})])
    async with dashscope(wire) as client:
        assert len([file async for file in StoredFiles(client.rest).listed()]) == 2


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (httpx2.Response(200, content=b"<html>"), "a reply of an unknown form"),
        (json_reply([1]), "a reply of an unknown form"),
        (json_reply({"object": "file"}), "a file without an id"),
        (json_reply({"id": 3}), "a file without an id"),
        (json_reply({"id": "file-1\n"}), "a file without an id"),
        (json_reply({"id": "file-1,fileid://file-2"}), "a file without an id"),
        (json_reply({"id": "../batches/batch_1"}), "a file without an id"),
        (json_reply({"id": "file-1?purpose=batch"}), "a file without an id"),
        (refusal(401, "invalid_api_key", "Incorrect API key provided."), "DASHSCOPE_API_KEY"),
    ],
)
async def test_what_is_no_file_is_said(step: Any, says: str) -> None:
    async with dashscope(FakeDashScope([step])) as client:
        with pytest.raises(DashScopeError, match=says):
            await StoredFiles(client.rest).told("file-1")


async def test_an_id_that_somebody_types_is_one_part_of_the_path() -> None:
    wire = FakeDashScope([json_reply({})])
    async with dashscope(wire) as client:
        await StoredFiles(client.rest).delete("../batches/batch_1\n")

    assert wire.requests[0].url.raw_path == b"/compatible-mode/v1/files/..%2Fbatches%2Fbatch_1%0A"


class Breaking(httpx2.AsyncByteStream):
    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        raise httpx2.ReadError("gone")


async def test_a_result_that_breaks_off_says_that_it_is_kept() -> None:
    came: list[bytes] = []
    async with dashscope(FakeDashScope([httpx2.Response(200, stream=Breaking(b"one\ntwo\nth"))])) as client:
        with pytest.raises(DashScopeError, match="they are kept"):
            async for piece in StoredFiles(client.rest).content("file-1"):
                came.append(piece)

    assert b"".join(came) == b"one\ntwo\nth"


class Endless(httpx2.AsyncByteStream):
    """Goes on, or falls silent."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000
            if self._silent:
                await anyio.sleep_forever()


@pytest.mark.parametrize(("silent", "says"), [(True, "TimeoutError"), (False, "more than 10,000 bytes of results")])
async def test_results_that_have_no_end_are_not_waited_for(silent: bool, says: str) -> None:
    wire = FakeDashScope([httpx2.Response(200, stream=Endless(silent=silent))])
    async with dashscope(wire, timeout_s=0.1) as client:
        with pytest.raises(DashScopeError, match=says):
            async for _ in StoredFiles(client.rest).content("file-1", 10_000):
                pass


async def test_a_reply_that_breaks_off_is_none() -> None:
    async with dashscope(FakeDashScope([httpx2.Response(200, stream=Breaking(b'{"id":'))])) as client:
        with pytest.raises(DashScopeError, match="broke in the middle of a reply"):
            await client.rest.json("GET", "/files/x")


async def test_a_reply_without_an_end_is_cut() -> None:
    async with dashscope(FakeDashScope([httpx2.Response(200, content=b" " * (33 * 1024 * 1024))])) as client:
        with pytest.raises(DashScopeError, match="more than 33,554,432 bytes"):
            await client.rest.json("GET", "/files/x")


async def test_another_server_has_no_native_door() -> None:
    wire = FakeDashScope([json_reply({})])
    async with dashscope(wire, host=host_of("https://api.example.com/v1")) as client:
        with pytest.raises(DashScopeError, match="DashScope's own"):
            await client.rest.json("GET", "/tasks/1", door="native")

    assert not wire.requests


async def test_nothing_within_the_time_is_said() -> None:
    async def silent(_: httpx2.Request) -> httpx2.Response:
        await anyio.sleep_forever()
        raise AssertionError

    async with dashscope(FakeDashScope([]), transport=httpx2.MockTransport(silent), timeout_s=0.05) as client:
        with pytest.raises(DashScopeError, match=r"sent nothing within 0\.05 s"):
            await client.rest.json("GET", "/files/x")


async def test_a_body_goes_as_json_with_its_query() -> None:
    wire = FakeDashScope([json_reply({"id": "batch_1"}, **{"x-bailian-sandbox": "1"})])
    async with dashscope(wire) as client:
        reply = await client.rest.json("POST", "/batches", {"endpoint": "/v1"}, params={"a": "b"}, headers={"X-Y": "z"})

    assert reply == {"id": "batch_1", "sandbox": True}
    assert wire.body == {"endpoint": "/v1"}
    assert dict(wire.requests[0].url.params) == {"a": "b"}
    assert wire.requests[0].headers["x-y"] == "z"


async def test_the_sandbox_keeps_files_until_they_are_deleted() -> None:
    async with dashscope(FakeDashScope([]), transport=httpx2.ASGITransport(sandbox.app())) as client:
        files = StoredFiles(client.rest)
        kept = await files.upload("file-extract", "说明.md", BytesIO("杭州".encode()))
        listed = [file.id async for file in files.listed("file-extract")]
        told = await files.told(kept.id)
        with pytest.raises(DashScopeError, match="No such File"):
            _ = [piece async for piece in files.content(kept.id)]
        await files.delete(kept.id)
        with pytest.raises(DashScopeError, match="No such File"):
            await files.told(kept.id)

    assert kept.id.startswith("file-fe-")
    assert kept.sandbox
    assert told == kept
    assert listed == [kept.id]
