"""A PDF of many pages, over stdio, as a host runs it: progress, cancel, memory."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from bailian_mcp.server import sandbox
from conftest import children, peak_bytes, process, raw, told
from mcp import Client
from papers import A6_PT, drawn, numbered, scan

pytestmark = pytest.mark.anyio
SLOW = sandbox.Pace(latency_s=0.02)


def settings(folder: Path, url: str) -> dict[str, str]:
    return {
        "DASHSCOPE_BASE_URL": url,
        "DASHSCOPE_API_KEY": "sk-sandbox",
        "BAILIAN_ALLOWED_DIRS": str(folder),
        "BAILIAN_SOFT_TIMEOUT_S": "600",
        "BAILIAN_STRUCTURED": "true",
    }


async def test_sixty_pages_are_read_with_progress_for_each_and_money_that_grows(tmp_path: Path) -> None:
    (tmp_path / "sixty.pdf").write_bytes(numbered(60))
    said: list[str] = []
    pages: dict[int, Any] = {}
    with sandbox.running() as url:
        async with Client(process(**settings(tmp_path, url))) as host:
            left = ""
            for _ in range(10):
                arguments = {"source": str(tmp_path / "sixty.pdf"), "pages": left}
                result = await host.call_tool("ocr", arguments, progress_callback=told(said))
                found = result.structured_content
                assert not set(pages) & {page["page"] for page in found["pages"]}  # none is paid twice
                pages |= {page["page"]: page for page in found["pages"]}
                if not (left := found["next_pages"]):
                    break

    assert sorted(pages) == list(range(1, 61))
    assert {page["status"] for page in pages.values()} == {"ok"}
    assert sum(" so far" in message for message in said) == 60


async def test_a_call_cancelled_at_any_page_leaves_a_server_that_answers(tmp_path: Path) -> None:
    (tmp_path / "sixty.pdf").write_bytes(numbered(60))
    arguments = {"source": str(tmp_path / "sixty.pdf")}
    with sandbox.running(SLOW) as url:
        async with raw(**settings(tmp_path, url)) as server:
            for pages_before in (0, 1, 5, 17):
                called = {"name": "ocr", "arguments": arguments, "_meta": {"progressToken": f"of {pages_before}"}}
                await server.send(id=f"cancelled {pages_before}", method="tools/call", params=called)
                reached = " so far" if pages_before else f'"progressToken":"of {pages_before}"'
                for _ in range(pages_before or 1):
                    while reached not in await server.line():
                        pass
                await server.send(method="notifications/cancelled", params={"requestId": f"cancelled {pages_before}"})
                with anyio.fail_after(30):
                    answer = await server.call(pages_before, "ocr", **arguments, pages="60")
                assert [page["page"] for page in answer["structuredContent"]["pages"]] == [60], pages_before
        assert server.running.returncode == 0


async def test_a_hundred_scanned_pages_stay_within_bounded_memory(tmp_path: Path) -> None:
    """Growth of the server's peak since its start, and the peak of what draws for it.

    The pages are A6, a quarter of the usual paper: drawn at 200 dots an inch one is 2.9 MB, so a hundred that nobody let
    go of were 290 MB.
    """
    picture = drawn("一种芯片散热装置", size=(620, 877))
    (tmp_path / "long.pdf").write_bytes(scan([picture] * 100, size_pt=A6_PT))
    drawing = 0
    with sandbox.running() as url:
        async with raw(**settings(tmp_path, url)) as server:

            async def watch() -> None:
                nonlocal drawing
                while True:
                    drawing = max([drawing, *map(peak_bytes, children(server.running.pid))])
                    await anyio.sleep(0.2)

            before, read, left = peak_bytes(server.running.pid), 0, ""
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch)
                for number in range(1, 60):
                    arguments = {"source": str(tmp_path / "long.pdf"), "pages": left}
                    await server.send(id=number, method="tools/call", params={"name": "ocr", "arguments": arguments})
                    found = (await server.reply(number))["result"]["structuredContent"]
                    read += len(found["pages"])
                    if not (left := found["next_pages"]):
                        break
                tasks.cancel_scope.cancel()
            growth = peak_bytes(server.running.pid) - before

    assert read == 100
    assert drawing > 0
    assert growth + drawing <= 150e6
