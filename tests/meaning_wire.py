"""The sandbox behind a wire that keeps what was sent, and breaks where a story says so."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
from bailian_mcp.server import sandbox

Fault = Callable[[dict[str, Any]], Awaitable[httpx2.Response | None]]
EMBEDDINGS = "/api/v1/services/embeddings/text-embedding/text-embedding"
RERANK = "/compatible-api/v1/reranks"


async def _none(_: dict[str, Any]) -> None:
    """Nothing breaks."""


@dataclass
class Watched(httpx2.AsyncBaseTransport):
    """`fault`: what is answered to a body instead, if anything."""

    fault: Fault = _none
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _sandbox: httpx2.ASGITransport = field(default_factory=lambda: httpx2.ASGITransport(sandbox.app()))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        self.sent.append((request.url.path, body))
        return await self.fault(body) or await self._sandbox.handle_async_request(request)

    @property
    def documents(self) -> list[list[str]]:
        """The texts of each request for vectors of documents."""
        return [body["input"]["texts"] for body in self._embedded("document")]

    @property
    def queries(self) -> list[str]:
        return [body["input"]["texts"][0] for body in self._embedded("query")]

    @property
    def reranks(self) -> list[dict[str, Any]]:
        return [body for path, body in self.sent if "rerank" in path]

    def _embedded(self, text_type: str) -> list[dict[str, Any]]:
        return [body for path, body in self.sent if path == EMBEDDINGS and body["parameters"]["text_type"] == text_type]
