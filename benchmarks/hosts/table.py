"""The hosts: what each is installed from, the files of its own that it reads, how it is started for one prompt.

All of them approve tool calls by themselves here; that is the only setting beside the model and our block.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recording import Server

HERE = Path(__file__).parent
PROMPT = "Go on."
MODEL = "scripted"
KEY = "none"


@dataclass(frozen=True)
class Place:
    """One run of one host."""

    installed: Path
    home: Path
    project: Path
    server: Server
    model_url: str

    def program(self, name: str) -> str:
        return str(self.installed / "node_modules" / ".bin" / name)

    @property
    def block(self) -> dict[str, Any]:
        return {"command": self.server.command, "args": self.server.args, "env": self.server.env}


@dataclass(frozen=True)
class Launch:
    command: list[str]
    files: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Host:
    name: str
    launch: Callable[[Place], Launch]
    npm: tuple[str, ...] = ()  # the first one's version is told
    pip: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        return self.name.lower().replace(" ", "-")


def framework(driver: str) -> Callable[[Place], Launch]:
    def launch(place: Place) -> Launch:
        python = place.installed / "bin" / "python"
        started = ["node", str(HERE / driver)] if driver.endswith(".mjs") else [str(python), str(HERE / driver)]
        told = {"MODEL_URL": f"{place.model_url}/v1", "SERVER": json.dumps(place.block), "PROMPT": PROMPT}
        return Launch(started, env={**told, "INSTALLED": str(place.installed / "node_modules")})

    return launch


def qwen_code(place: Place) -> Launch:
    settings = {
        "mcpServers": {"bailian": place.block | {"alwaysLoadTools": True}},
        "security": {"auth": {"selectedType": "openai"}},
    }
    return Launch(
        [place.program("qwen"), "--yolo", "--model", MODEL, PROMPT],
        {".qwen/settings.json": json.dumps(settings)},
        {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{place.model_url}/v1", "OPENAI_MODEL": MODEL},
    )


def codex(place: Place) -> Launch:
    env = "".join(f"{name} = {json.dumps(value)}\n" for name, value in place.server.env.items())
    config = f"""
model = "{MODEL}"
model_provider = "scripted"
[model_providers.scripted]
name = "scripted"
base_url = "{place.model_url}/v1"
wire_api = "responses"
[mcp_servers.bailian]
command = {json.dumps(place.server.command)}
args = {json.dumps(place.server.args)}
required = true
[mcp_servers.bailian.env]
{env}"""
    approved = "--dangerously-bypass-approvals-and-sandbox"
    return Launch(
        [place.program("codex"), "exec", approved, "--skip-git-repo-check", PROMPT], {".codex/config.toml": config}
    )


def opencode(place: Place) -> Launch:
    options = {"baseURL": f"{place.model_url}/v1", "apiKey": KEY}
    config = {
        "mcp": {
            "bailian": {
                "type": "local",
                "command": [place.server.command, *place.server.args],
                "environment": place.server.env,
                "enabled": True,
            }
        },
        "provider": {
            "scripted": {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {MODEL: {"name": MODEL}}}
        },
        "model": f"scripted/{MODEL}",
        "autoupdate": False,
        "permission": "allow",
    }
    return Launch(
        [place.program("opencode"), "run", "--auto", "--print-logs", "--log-level", "WARN", PROMPT],
        {".config/opencode/opencode.json": json.dumps(config)},
    )


def gemini_cli(place: Place) -> Launch:
    settings = {
        "mcpServers": {"bailian": place.block},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "general": {"enableAutoUpdate": False},
    }
    return Launch(
        [place.program("gemini"), "--yolo", "--skip-trust", "--model", "gemini-2.5-pro", "--prompt", PROMPT],
        {".gemini/settings.json": json.dumps(settings)},
        {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": place.model_url},
    )


def kimi_code(place: Place) -> Launch:
    config = f"""
default_model = "{MODEL}"
[providers.scripted]
type = "openai"
base_url = "{place.model_url}/v1"
api_key = "{KEY}"
[models.{MODEL}]
provider = "scripted"
model = "{MODEL}"
max_context_size = 262144
"""
    files = {
        ".kimi-code/config.toml": config,
        ".kimi-code/mcp.json": json.dumps({"mcpServers": {"bailian": place.block}}),
    }
    return Launch([place.program("kimi"), "--prompt", PROMPT], files)


def continue_cli(place: Place) -> Launch:
    """Its file is YAML, of which JSON is a part."""
    model: dict[str, Any] = {
        "name": MODEL,
        "provider": "openai",
        "model": MODEL,
        "apiBase": f"{place.model_url}/v1",
        "apiKey": KEY,
    }
    model |= {"roles": ["chat"], "capabilities": ["tool_use"]}
    config: dict[str, Any] = {"name": "hosts", "version": "1.0.0", "schema": "v1", "models": [model]}
    config["mcpServers"] = [{"name": "bailian", **place.block}]
    file = ".continue/config.yaml"
    return Launch(
        [place.program("cn"), "--print", "--auto", "--config", str(place.home / file), PROMPT],
        {file: json.dumps(config)},
        {"CONTINUE_TELEMETRY_ENABLED": "0"},
    )


def cline(place: Place) -> Launch:
    provider = {"provider": "openai-compatible", "apiKey": KEY, "model": MODEL, "baseUrl": f"{place.model_url}/v1"}
    providers = {
        "version": 1,
        "lastUsedProvider": "openai-compatible",
        "providers": {"openai-compatible": {"settings": provider, "updatedAt": "2026-01-01T00:00:00.000Z"}},
    }
    files = {
        ".cline/data/settings/cline_mcp_settings.json": json.dumps({"mcpServers": {"bailian": place.block}}),
        ".cline/data/settings/providers.json": json.dumps(providers),
    }
    return Launch(
        [place.program("cline"), "--json", "--provider", "openai-compatible", "--model", MODEL, PROMPT], files
    )


HOSTS = (
    Host("pydantic-ai", framework("with_pydantic_ai.py"), pip=("pydantic-ai-slim[openai,mcp]",)),
    Host("LangChain", framework("with_langchain.py"), pip=("langchain-mcp-adapters", "langchain-openai", "langchain")),
    Host("AI SDK", framework("with_ai_sdk.mjs"), npm=("@ai-sdk/mcp", "ai", "@ai-sdk/openai-compatible")),
    Host("Qwen Code", qwen_code, npm=("@qwen-code/qwen-code",)),
    Host("Codex CLI", codex, npm=("@openai/codex",)),
    Host("opencode", opencode, npm=("opencode-ai",)),
    Host("Gemini CLI", gemini_cli, npm=("@google/gemini-cli",)),
    Host("Kimi Code", kimi_code, npm=("@moonshot-ai/kimi-code",)),
    Host("Continue", continue_cli, npm=("@continuedev/cli",)),
    Host("Cline CLI", cline, npm=("cline",)),
)
