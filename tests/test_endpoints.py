"""Which service the settings lead to, and what each takes."""

from typing import Any, get_args

import httpx2
import pytest
from bailian_mcp.server.dashscope import ChatCompletions, DashScope
from bailian_mcp.server.endpoints import REGIONS, Host, Region, host
from bailian_mcp.server.network import is_loopback
from conftest import FakeDashScope, Hosted, refusal, stream, text_of

SHARED, WORKSPACE = 16 * 1024 * 1024, 64_000_000
COMPATIBLE, NATIVE = "/compatible-mode/v1", "/api/v1"


def dashscope_at(root: str, region: str, body_bytes: int | None = None, **headers: str) -> Host:
    return Host("dashscope", region, root + COMPATIBLE, root + NATIVE, f"{root}{NATIVE}/uploads", body_bytes, headers)


INTL = dashscope_at("https://dashscope-intl.aliyuncs.com", "ap-southeast-1", SHARED)
ws_1 = dashscope_at("https://ws-1.eu-central-1.maas.aliyuncs.com", "eu-central-1", WORKSPACE)


@pytest.mark.parametrize(
    ("given", "leads_to"),
    [
        ({}, dashscope_at("https://dashscope.aliyuncs.com", "cn-beijing", SHARED)),
        ({"region": "ap-southeast-1"}, INTL),
        ({"region": "eu-central-1", "workspace_id": "ws-1"}, ws_1),
        ({"base_url": "https://dashscope-intl.aliyuncs.com"}, INTL),
        ({"base_url": "https://DASHSCOPE-INTL.aliyuncs.com/"}, dashscope_at("https://DASHSCOPE-INTL.aliyuncs.com", "ap-southeast-1", SHARED)),
        ({"base_url": "https://dashscope-intl.aliyuncs.com/api/v1"}, INTL),
        ({"base_url": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions"}, INTL),
        ({"base_url": "https://dashscope-intl.aliyuncs.com/v1"}, INTL),
        ({"base_url": "https://ws-1.eu-central-1.maas.aliyuncs.com/compatible-mode/v1"}, ws_1),
        ({"base_url": "https://ws-1.eu-central-1.maas.aliyuncs.com", "workspace_id": "WS-1"}, ws_1),
        ({"base_url": "https://trial.eu-central-1.maas.aliyuncs.com", "workspace_id": "ws-1"},
         dashscope_at("https://trial.eu-central-1.maas.aliyuncs.com", "eu-central-1", WORKSPACE)),
        ({"base_url": "https://dashscope-intl.aliyuncs.com", "workspace_id": "ws-1"},
         dashscope_at("https://dashscope-intl.aliyuncs.com", "ap-southeast-1", SHARED, **{"X-DashScope-WorkSpace": "ws-1"})),
        ({"base_url": "https://dashscope-finance.aliyuncs.com"},
         dashscope_at("https://dashscope-finance.aliyuncs.com", "cn-shanghai-finance-1", SHARED)),
        ({"base_url": "http://127.0.0.1:8787", "region": "us-east-1"}, dashscope_at("http://127.0.0.1:8787", "us-east-1")),
        ({"base_url": "https://gateway.example/bailian/compatible-mode/v1"},
         dashscope_at("https://gateway.example/bailian", "cn-beijing")),
        ({"base_url": "https://coding.dashscope.aliyuncs.com/v1"},
         Host("plan", "cn-beijing", "https://coding.dashscope.aliyuncs.com/v1")),
        ({"base_url": "https://coding-intl.dashscope.aliyuncs.com"},
         Host("plan", "cn-beijing", "https://coding-intl.dashscope.aliyuncs.com/v1")),
        ({"base_url": "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1"},
         Host("plan", "cn-beijing", "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1")),
        ({"base_url": "https://token-plan.us-east-1.maas.aliyuncs.com"},
         Host("plan", "cn-beijing", "https://token-plan.us-east-1.maas.aliyuncs.com/compatible-mode/v1")),
        ({"base_url": "https://openrouter.example/api/v1"}, Host("other", "cn-beijing", "https://openrouter.example/api/v1")),
        ({"base_url": "http://127.0.0.1:11434/v1"}, Host("other", "cn-beijing", "http://127.0.0.1:11434/v1")),
        ({"base_url": "https://llm.example/openai/v1/chat/completions/"},
         Host("other", "cn-beijing", "https://llm.example/openai/v1")),
    ],
)  # fmt: skip
def test_settings_lead_to_a_service(given: dict[str, Any], leads_to: Host) -> None:
    assert host(**given) == leads_to


def test_temporary_storage_is_asked_for_at_the_shared_host_of_a_workspace_s_region() -> None:
    """Whether workspace hosts serve it, no page says."""
    at = host("https://ws-1.cn-beijing.maas.aliyuncs.com")

    assert at.uploads == "https://dashscope.aliyuncs.com/api/v1/uploads"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            {"region": "ap-northeast-1"},
            "DASHSCOPE_WORKSPACE_ID must be set: the region ap-northeast-1 has no shared host",
        ),
        (
            {"base_url": "https://dashscope.aliyuncs.com", "region": "us-east-1"},
            "DASHSCOPE_REGION says us-east-1, but DASHSCOPE_BASE_URL is a host of cn-beijing",
        ),
        (
            {"base_url": "https://ws-1.eu-central-1.maas.aliyuncs.com", "region": "us-east-1"},
            "is a host of eu-central-1",
        ),
        ({"base_url": "https://ws-1.eu-central-1.maas.aliyuncs.com", "workspace_id": "ws-2"}, "different workspaces"),
        ({"base_url": "https://dashscope.aliyuncs.com/typo"}, "has a path that dashscope.aliyuncs.com has not"),
        ({"base_url": "https://dashscope-intl.aliyuncs.com."}, "must be a URL such as"),
        ({"base_url": "https://dashscope-intl。aliyuncs.com"}, "must be a URL such as"),
        ({"base_url": "https://dashscope.aliyuncs.com\\.evil.example"}, "must be a URL such as"),
        ({"base_url": "https://a%2fb.example"}, "must be a URL such as"),
        ({"base_url": "https://a..b/v1"}, "must be a URL such as"),
        ({"workspace_id": "Token-Plan"}, "names a plan"),
        ({"base_url": "http://dashscope.aliyuncs.com"}, "plain http is for loopback only"),
        ({"base_url": "http://127.0.0.1.example.com"}, "plain http is for loopback only"),
        ({"base_url": "http://0.0.0.0:80"}, "plain http is for loopback only"),
        ({"base_url": "dashscope.aliyuncs.com"}, "must be a URL such as"),
        ({"base_url": "https://"}, "must be a URL such as"),
        ({"base_url": "https://host:port"}, "must be a URL such as"),
        ({"base_url": "https://[::1"}, "must be a URL such as"),
        ({"base_url": "ftp://host"}, "must be a URL such as"),
        ({"base_url": "https://user@host"}, "no user name"),
        ({"base_url": "https://host?key=1"}, "no user name, query or fragment"),
    ],
)
def test_what_contradicts_itself_or_is_unsafe_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=f"^DASHSCOPE_[A-Z_]+ .*{says}|^{says}"):
        host(**given)


@pytest.mark.parametrize(
    ("name", "is_it"), [("localhost", True), ("127.9.9.9", True), ("::1", True), ("127.0.0.1.nip.io", False)]
)
def test_loopback_is_judged_by_the_name_itself(name: str, is_it: bool) -> None:
    assert is_loopback(name) is is_it


# --- what a tool does with them ---

PLAN = host("https://coding.dashscope.aliyuncs.com/v1")
OTHER = host("http://127.0.0.1:11434/v1")


@pytest.mark.anyio
async def test_on_a_plan_a_call_costs_quota_and_not_money(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, host=PLAN) as client:
        result = await client.call_tool("chat", {"prompt": "x"})

    assert str(wire.requests[0].url) == "https://coding.dashscope.aliyuncs.com/v1/chat/completions"
    cost = (result.structured_content or {})["cost"]
    assert (cost["total"], cost["reason"][:5]) == (None, "plan:")


@pytest.mark.anyio
async def test_another_server_gets_standard_fields_only_and_no_price(hosted: Hosted) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, host=OTHER) as client:
        result = await client.call_tool("chat", {"prompt": "x", "model": "qwen3-max"})

    assert str(wire.requests[0].url) == "http://127.0.0.1:11434/v1/chat/completions"
    assert set(wire.body) == {"model", "messages", "stream", "stream_options"}
    data = result.structured_content or {}
    assert data["cost"] == {
        **data["cost"],
        "total": None,
        "reason": "not DashScope: this server's prices are not known",
        "warnings": [],
    }
    assert data["thinking"] == "the model's own default"


@pytest.mark.anyio
@pytest.mark.parametrize(("level", "sent"), [("high", {"reasoning_effort": "high"}), ("off", {})])
async def test_another_server_gets_what_was_asked_for_by_its_standard_name(
    hosted: Hosted, level: str, sent: dict[str, str]
) -> None:
    wire = FakeDashScope([stream()])
    async with hosted(wire, host=OTHER) as client:
        await client.call_tool("chat", {"prompt": "x", "thinking": level, "max_output_tokens": 9, "temperature": 0.5})

    standard = {"model", "messages", "stream", "stream_options", "max_tokens", "temperature", *sent}
    assert set(wire.body) == standard
    assert wire.body | sent == wire.body


@pytest.mark.anyio
async def test_another_servers_errors_are_not_put_into_dashscopes_mouth(hosted: Hosted) -> None:
    wire = FakeDashScope([refusal(404, "model_not_found", "model 'x' not found, try pulling it first")])
    async with hosted(wire, host=OTHER) as client:
        result = await client.call_tool("chat", {"prompt": "x", "model": "x"})

    assert text_of(result).startswith("The server answered HTTP 404. The server said: ")
    assert "DashScope" not in text_of(result).replace("DASHSCOPE_BASE_URL", "")
    assert "Near names" not in text_of(result)


@pytest.mark.anyio
async def test_another_server_may_need_no_key() -> None:
    wire = FakeDashScope([stream()])
    client = DashScope(OTHER, None, redact=str, transport=httpx2.MockTransport(wire))
    async with client, client.stream(ChatCompletions(), {"model": "x", "messages": []}) as reply:
        assert [event async for event in reply.events]

    assert "authorization" not in wire.requests[0].headers


@pytest.mark.anyio
async def test_a_host_that_is_none_of_alibabas_own_gets_list_prices_with_a_warning(hosted: Hosted) -> None:
    async with hosted(FakeDashScope([stream()]), host=host("https://gateway.example")) as client:
        result = await client.call_tool("chat", {"prompt": "x"})

    cost = (result.structured_content or {})["cost"]
    assert cost["total"] == "0.006"
    assert "This host is none of Alibaba's own: what it charges may differ." in cost["warnings"]


def test_every_region_has_its_row() -> None:
    assert list(REGIONS) == list(get_args(Region)), "server/endpoints.py: each name of Region has its row in REGIONS"
