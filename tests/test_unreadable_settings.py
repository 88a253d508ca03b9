"""A setting that cannot be read: the server starts, and what depends on the setting says what to do. Nothing guesses.

Over the whole server as `serve` makes it; an upstream listens where it is known where to ask.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest
from bailian_mcp.server.app.tool_files import CORE, tool_modules
from conftest import KEY, SERVER, chunk, over_pipes, raw, sse, text_of, upstream
from mcp import Client
from mcp.shared.exceptions import MCPError
from papers import PATENT, pdf

pytestmark = pytest.mark.anyio
WHOLE = sse(chunk(content="ok"), {"choices": [{"delta": {}, "finish_reason": "stop"}]})
MEND = "Correct this in the server's environment and restart the server."
EXAMPLES: dict[str, dict[str, Any]] = {module.__name__.rpartition(".")[2]: module.EXAMPLE for module in tool_modules()}
CORE_EXAMPLES = {module.__name__.rpartition(".")[2]: module.EXAMPLE for module in tool_modules([CORE])}
FREE = {"models", "cost", "job", "usage"}
IMAGE = EXAMPLES["ocr"]["source"]
PRICED = {"models": ["qwen3.7-plus"], "input_tokens": 1000}
NEEDED_TO_ASK = {
    "a key with quotes": ({"DASHSCOPE_API_KEY": f'"{KEY}"'}, "DASHSCOPE_API_KEY holds spaces, quotes"),
    "a plan's key": (
        {"DASHSCOPE_API_KEY": "sk-sp-0123456789", "DASHSCOPE_BASE_URL": ""},
        "DASHSCOPE_API_KEY is a key of a Coding or Token Plan",
    ),
    "a place for a region": ({"DASHSCOPE_REGION": "singapore"}, "(did you mean ap-southeast-1?)"),
    "a region without a host": (
        {"DASHSCOPE_REGION": "eu-central-1", "DASHSCOPE_BASE_URL": ""},
        "DASHSCOPE_WORKSPACE_ID must be set",
    ),
    "another host's region": (
        {"DASHSCOPE_REGION": "us-east-1", "DASHSCOPE_BASE_URL": "https://dashscope.aliyuncs.com"},
        "DASHSCOPE_REGION says us-east-1, but DASHSCOPE_BASE_URL is a host of cn-beijing",
    ),
    "a workspace with a space": ({"DASHSCOPE_WORKSPACE_ID": "a b"}, "DASHSCOPE_WORKSPACE_ID holds characters"),
    "a URL without a scheme": ({"DASHSCOPE_BASE_URL": "127.0.0.1"}, "DASHSCOPE_BASE_URL must be a URL such as"),
    "a state that is no PostgreSQL": ({"BAILIAN_STATE_URL": "redis://x"}, "BAILIAN_STATE_URL must read postgresql://"),
    "no connections at all": ({"BAILIAN_MAX_CONNECTIONS": "0"}, "BAILIAN_MAX_CONNECTIONS must be"),
    "a time in words": ({"BAILIAN_TIMEOUT_S": "soon"}, "BAILIAN_TIMEOUT_S must be a number"),
}


@pytest.mark.parametrize("case", NEEDED_TO_ASK)
async def test_without_what_every_request_needs_no_tool_sends_one(case: str, era: str, tmp_path: Path) -> None:
    broken, says = NEEDED_TO_ASK[case]
    (note := tmp_path / "note.txt").write_text("outside of the allowed folders")
    arguments = {**EXAMPLES, "chat": {"prompt": "x", "files": [str(note)]}}
    with anyio.fail_after(60):
        async with upstream(WHOLE) as dashscope:
            environment = {
                "DASHSCOPE_BASE_URL": dashscope.url,
                "DASHSCOPE_API_KEY": KEY,
                "BAILIAN_TOOLS": "all",
                **broken,
            }
            async with Client(over_pipes(**environment), mode=era) as host:
                listed = {tool.name for tool in (await host.list_tools()).tools}
                results = {name: await host.call_tool(name, arguments[name]) for name in listed - FREE}
                models = await host.call_tool("models", {"query": "qwen3.7-plus"})
                priced = await host.call_tool("cost", {**PRICED, "region": "us-east-1"})
            asked = dashscope.asked.is_set()

    assert listed == set(EXAMPLES)
    for name, result in results.items():
        assert result.is_error, name
        assert says in text_of(result), name
        assert text_of(result).endswith(f". {MEND} Nothing was sent."), name
        assert KEY not in text_of(result), name
    assert not asked
    assert not models.is_error
    assert "qwen3.7-plus" in text_of(models)
    assert not priced.is_error
    assert "us-east-1" in text_of(priced)


# --- prices ---


@pytest.mark.parametrize("case", ["a key with quotes", "a region without a host", "a time in words"])
async def test_where_the_region_is_known_all_the_same_its_prices_are_told(case: str, era: str) -> None:
    async with Client(over_pipes(**NEEDED_TO_ASK[case][0]), mode=era) as host:
        priced = await host.call_tool("cost", PRICED)
        models = await host.call_tool("models", {"query": "便宜"})

    where = NEEDED_TO_ASK[case][0].get("DASHSCOPE_REGION", "cn-beijing")
    assert f" in {where}, read at" in text_of(priced)
    assert f"Prices in {where}" in text_of(models)


@pytest.mark.parametrize("case", ["a place for a region", "another host's region", "a URL without a scheme"])
async def test_no_price_is_told_of_a_region_that_nobody_chose(case: str, era: str) -> None:
    broken, says = NEEDED_TO_ASK[case]
    async with Client(over_pipes(**broken, BAILIAN_STRUCTURED="true"), mode=era) as host:
        refused = [
            await host.call_tool("cost", PRICED),
            await host.call_tool("cost", {}),
            await host.call_tool("models", {"query": "便宜的视觉模型"}),
            await host.call_tool("models", {"max_input_price": 1}),
            await host.call_tool("models", {"capabilities": ["web_search"]}),
        ]
        shown = [await host.call_tool("models", {"query": query}) for query in ("qwen3.7-plus", "视觉")]
        chosen = await host.call_tool("models", {"query": "便宜的视觉模型", "region": "cn-beijing"})
        sheets = (await host.read_resource("bailian://prices?region=cn-beijing")).contents
        with pytest.raises(MCPError) as unread:
            await host.read_resource("bailian://prices")

    for result in refused:
        assert result.is_error
        assert "Prices differ by region, and the server's is not known: give `region`." in text_of(result)
        assert says in text_of(result)
        assert text_of(result).endswith(f"{MEND} Nothing was sent.")
    for result in shown:
        data = result.structured_content or {}
        assert data["models"]
        assert not any(row["price"] for row in data["models"])
        assert any(
            note.startswith("No prices are shown. Prices differ by region") and says in note for note in data["notes"]
        )
    assert "Prices in cn-beijing" in text_of(chosen)
    assert sheets
    assert says in str(unread.value)


# --- what only some calls need ---


async def answers(environment: dict[str, str], *calls: tuple[str, dict[str, Any]]) -> list[tuple[Any, bool]]:
    """Each call's result, and whether something was sent."""
    found = []
    with anyio.fail_after(60):
        async with upstream(WHOLE) as dashscope:
            given = {"DASHSCOPE_BASE_URL": dashscope.url, "DASHSCOPE_API_KEY": KEY, **environment}
            async with Client(over_pipes(**given)) as host:
                for tool, arguments in calls:
                    dashscope.asked = anyio.Event()
                    found.append((await host.call_tool(tool, arguments), dashscope.asked.is_set()))
    return found


async def test_with_unreadable_folders_no_local_file_is_read_but_urls_and_data_uris_are(tmp_path: Path) -> None:
    (note := tmp_path / "note.txt").write_text("发明名称：散热装置")
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    environment = {"BAILIAN_ALLOWED_DIRS": f"{tmp_path}:~no-user-of-this-name/x"}
    results = await answers(
        environment,
        ("chat", {"prompt": "x", "files": [str(note)]}),
        ("extract", {"json_schema": schema, "files": [note.as_uri()]}),
        ("ocr", {"source": str(note)}),
        ("chat", {"prompt": "x", "files": [IMAGE]}),
        ("chat", {"prompt": "x", "files": ["https://example.com/a.png"]}),
    )

    for result, sent in results[:3]:
        assert result.is_error
        assert text_of(result) == (
            "BAILIAN_ALLOWED_DIRS names a folder that leads nowhere, or the home of a user that does not exist. "
            f"{MEND} Nothing was sent."
        )
        assert not sent
    for result, sent in results[3:]:
        assert not result.is_error
        assert sent


@pytest.mark.parametrize(
    ("broken", "says", "stopped"),
    [
        ({"BAILIAN_SOFT_TIMEOUT_S": "soon"}, "BAILIAN_SOFT_TIMEOUT_S must be a number.", set(CORE_EXAMPLES) - FREE),
        ({"BAILIAN_EXTRACT_REPAIRS": "-1"}, "BAILIAN_EXTRACT_REPAIRS must be greater than or equal to 0.", {"extract"}),
        ({"BAILIAN_LOG_LEVEL": "loud"}, "", set()),
        ({"BAILIAN_HTTP_TOKEN": "short", "BAILIAN_ALLOWED_HOSTS": "*"}, "", set()),
        ({"BAILIAN_UPLOADS": "maybe"}, "", set()),
        ({"BAILIAN_REPLAY": "maybe"}, "", set()),
        ({"BAILIAN_HTTP_TOKENS": "me:short", "BAILIAN_ALLOWED_HOSTS": "*"}, "", set()),
        ({"BAILIAN_STATE_DIR": "~nobody-of-this-name/x"}, "", set()),
    ],
)  # fmt: skip
async def test_what_some_tools_need_stops_these_and_no_other(
    broken: dict[str, str], says: str, stopped: set[str]
) -> None:
    names = sorted(set(CORE_EXAMPLES) - FREE)
    results = await answers(broken, *((name, EXAMPLES[name]) for name in names))

    for name, (result, sent) in zip(names, results, strict=True):
        assert sent == (name not in stopped), name
        if name in stopped:
            assert text_of(result) == f"{says} {MEND} Nothing was sent."


async def test_where_leave_to_store_files_cannot_be_read_none_is_stored(tmp_path: Path) -> None:
    (large := tmp_path / "a.pdf").write_bytes(pdf([PATENT]) + b"\n%" + os.urandom(4_000_000).hex().encode())
    environment = {"BAILIAN_UPLOADS": "maybe", "BAILIAN_ALLOWED_DIRS": str(tmp_path)}
    arguments = {"prompt": "x", "model": "qwen3.8-flash", "files": [str(large)]}
    ((result, sent),) = await answers(environment, ("chat", arguments))

    assert text_of(result) == (
        "a.pdf has 8.0 MB, which does not fit into a request. BAILIAN_UPLOADS must be true or false. "
        f"{MEND} Nothing was sent."
    )
    assert not sent


async def test_where_the_groups_cannot_be_read_a_tool_of_one_says_so() -> None:
    ((result, sent),) = await answers({"BAILIAN_TOOLS": "文档"}, ("translate", {"text": "x", "target_lang": "en"}))

    assert text_of(result).startswith("translate is not switched on here. BAILIAN_TOOLS must hold names of groups (")
    assert not sent


async def test_a_model_that_the_settings_name_is_told_as_theirs() -> None:
    given = {"BAILIAN_CHAT_MODEL": "text-embedding-v4"}
    ((result, sent),) = await answers(given, ("chat", {"prompt": "x"}))

    assert "BAILIAN_CHAT_MODEL in the server's environment names that model. Nothing was sent." in text_of(result)
    assert not sent


# --- the process ---


async def test_a_process_with_settings_it_cannot_read_starts_and_says_so_on_both_sides() -> None:
    environment = {
        "DASHSCOPE_REGION": "beijing",
        "DASHSCOPE_API_KEY": f"'{KEY}'",
        "BAILIAN_LOG_LEVEL": "loud",
        "BAILIAN_CAHT_MODEL": "qwen-plus",
    }
    async with raw(**environment) as server:
        result = await server.call(1, prompt="x")
        await server.end_of_input()
        status = await server.ended()

    first, *lines = server.stderr.decode().splitlines()
    assert status == 0
    assert first == "bailian-mcp starts without what depends on settings that cannot be read."
    assert [line.split()[0] for line in lines[:3]] == ["DASHSCOPE_API_KEY", "DASHSCOPE_REGION", "BAILIAN_LOG_LEVEL"]
    assert (
        "WARNING bailian_mcp: BAILIAN_CAHT_MODEL: no tool is called caht; tools: batch, chat, compare, cost,"
        in lines[3]
    )
    assert result["isError"]
    for said in (json.dumps(result), server.stderr.decode()):
        assert "DASHSCOPE_API_KEY holds spaces, quotes" in said
        assert "(did you mean cn-beijing?)" in said
        assert KEY not in said


@pytest.mark.parametrize(
    ("environment", "arguments", "says"),
    [
        ({"BAILIAN_HTTP_TOKEN": "short"}, ("serve", "--transport", "sse", "--port", "0"), "BAILIAN_HTTP_TOKEN must have"),
        ({"BAILIAN_ALLOWED_HOSTS": "*"}, ("serve", "--transport", "sse", "--port", "0"), "BAILIAN_ALLOWED_HOSTS must"),
    ],
)  # fmt: skip
async def test_what_is_unsafe_stops_the_start(
    environment: dict[str, str], arguments: tuple[str, ...], says: str
) -> None:
    stopped = await anyio.run_process(
        [*SERVER, *arguments], check=False, env={**os.environ, **environment}, stdin=subprocess.DEVNULL
    )

    assert stopped.returncode == 2
    assert stopped.stdout == b""
    assert stopped.stderr.decode().startswith(f"bailian-mcp cannot start.\n{says}")
