"""The catalog as resources: listed, read, cached, refused in words."""

import json
from typing import Any

import pytest
from bailian_mcp.server.catalog import shipped
from conftest import FakeDashScope, Hosted
from mcp.shared.exceptions import MCPError

pytestmark = [pytest.mark.anyio, pytest.mark.both_eras]


async def read(hosted: Hosted, uri: str) -> Any:
    async with hosted(FakeDashScope([])) as host:
        (content,) = (await host.read_resource(uri)).contents
    return json.loads(content.text)


async def test_they_are_listed(hosted: Hosted) -> None:
    async with hosted(FakeDashScope([])) as host:
        fixed = [str(resource.uri) for resource in (await host.list_resources()).resources]
        templates = [t.uri_template for t in (await host.list_resource_templates()).resource_templates]

    assert fixed == ["bailian://models"]
    assert templates == ["bailian://models/{+id}", "bailian://prices{?region}"]


async def test_none_has_the_name_of_a_tool_which_mcp_use_would_hide(hosted: Hosted) -> None:
    async with hosted(FakeDashScope([])) as host:
        tools = {tool.name for tool in (await host.list_tools()).tools}
        fixed = {resource.name for resource in (await host.list_resources()).resources}
        templates = {template.name for template in (await host.list_resource_templates()).resource_templates}

    assert len(fixed | templates) == 3
    assert not (fixed | templates) & tools


async def test_the_models_in_service(hosted: Hosted) -> None:
    rows = await read(hosted, "bailian://models")

    assert {row["id"] for row in rows} == {
        m.id for m in shipped().models if m.lifecycle.status in ("active", "deprecated")
    }


@pytest.mark.parametrize("name", ["qwen3-max", "kimi/kimi-k3", "qwen-plus-us"])
async def test_one_model_with_its_sources(hosted: Hosted, name: str) -> None:
    model = await read(hosted, f"bailian://models/{name}")

    known = shipped().find(name)
    assert known
    assert model["id"] == known.id
    assert model["prices"][0]["source"] in model["sources"]


async def test_every_claim_of_a_model_is_there_with_its_verdict(hosted: Hosted) -> None:
    claims = (await read(hosted, "bailian://models/qwen-vl-plus"))["claims"]

    assert any(each["value"] == "1.5 / 4.5 CNY per 1M tokens" and "0.8 / 2" in each["why"] for each in claims)


async def test_prices_are_of_the_servers_region_or_of_another(hosted: Hosted) -> None:
    here, there = await read(hosted, "bailian://prices"), await read(hosted, "bailian://prices?region=ap-southeast-1")

    def price(sheets: list[dict[str, Any]]) -> str:
        return str(next(s for s in sheets if s["model"] == "qwen3.8-max")["tiers"][0]["input"])

    assert (price(here), price(there)) == ("12", "14.988")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("bailian://models/qwen3.7-pluss", "There is no model qwen3.7-pluss. Near names: qwen3.7-plus"),
        ("bailian://models/xyz", "Near names: none; bailian://models lists them all."),
        ("bailian://prices?region=mars", "No prices are known for mars. Regions: ap-northeast-1, "),
    ],
)
async def test_what_is_not_there_is_refused_in_words(hosted: Hosted, uri: str, says: str) -> None:
    async with hosted(FakeDashScope([])) as host:
        with pytest.raises(MCPError) as refused:
            await host.read_resource(uri)

    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("bailian://models/没有", "没有模型 没有。相近的名称：无，全部模型见 bailian://models。"),
        ("bailian://prices?region=mars", "没有 mars 的价格。地域：ap-northeast-1"),
    ],
)
async def test_that_is_said_in_the_language_of_the_server(hosted: Hosted, uri: str, says: str) -> None:
    async with hosted(FakeDashScope([]), language="zh") as host:
        with pytest.raises(MCPError) as refused:
            await host.read_resource(uri)

    assert says in str(refused.value)


async def test_they_may_be_kept_for_an_hour(hosted: Hosted, era: str) -> None:
    async with hosted(FakeDashScope([])) as host:
        page = await host.read_resource("bailian://models")

    if era != "legacy":  # the older protocol has no such field
        assert (page.ttl_ms, page.cache_scope) == (3_600_000, "public")
