"""The sandbox as a service: its routes, and the process or thread it runs in."""

import sys
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from ..catalog import shipped
from ..endpoints import SANDBOX_HEADER
from ..network import listen, root_url
from .batches import SandboxBatches
from .chat_completions import Chat
from .checks import check_request
from .documents import with_documents
from .embeddings import number_routes
from .kept_files import KeptFiles
from .model_lists import model_list, permission_list, quota_list
from .native_generation import Native
from .not_served import not_served
from .protocols import CREATED, STEADY, Pace, WireFormat, frames_of
from .really_read import ImageReader, really_read
from .replies import sandbox_reply
from .requests import ApiRefusal, SandboxRequest, body_of, from_chat, from_native, from_responses
from .responses_api import ResponsesApi
from .speech import sentences_reply, tells_sentences
from .storage import Storage
from .tasks import SandboxTasks

ENDPOINTS = ("text-generation", "multimodal-generation")
MARKED = {SANDBOX_HEADER: "1"}


def app(pace: Pace = STEADY, reader: ImageReader | None = None) -> Starlette:
    """`reader`: what really reads images, where there is such a thing."""
    service = _Service(pace, reader)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with reader or nullcontext():
            yield

    routes = [
        Route("/compatible-mode/v1/chat/completions", service.chat_completions, methods=["POST"]),
        Route("/compatible-mode/v1/responses", service.responses, methods=["POST"]),
        *(Route(f"/api/v1/services/aigc/{name}/generation", service.native, methods=["POST"]) for name in ENDPOINTS),
        Route("/api/v1/uploads", service.uploads),
        Route("/oss/", service.oss, methods=["POST"]),
        *service.files.routes,
        *service.tasks.routes,
        *number_routes(),
        *service.batches.routes,
        Route("/api/v1/models", service.models),
        *(Route(path, service.quotas) for path in ("/api/v1/models/limits", "/api/v1/quotas")),
        Route("/api/v1/models/permissions", service.permissions),
        Route("/compatible-mode/v1/models", service.openai_models),
        Route("/compatible-mode/v1/models/{name:path}", service.openai_model),
    ]
    return Starlette(routes=routes, exception_handlers={404: not_served, 405: not_served}, lifespan=lifespan)


class _Service:
    def __init__(self, pace: Pace, reader: ImageReader | None) -> None:
        self._pace, self._reader = pace, reader
        self._storage = Storage()
        self.files = KeptFiles()
        self.tasks = SandboxTasks(self._storage)
        self.batches = SandboxBatches(self.files)

    async def chat_completions(self, request: Request) -> Response:
        return await self._replied(Chat(), request, from_chat)

    async def native(self, request: Request) -> Response:
        endpoint, sse = request.url.path.split("/")[-2], request.headers.get("x-dashscope-sse") == "enable"
        return await self._replied(Native(), request, lambda body: from_native(body, endpoint, sse))

    async def responses(self, request: Request) -> Response:
        return await self._replied(ResponsesApi(), request, from_responses)

    async def uploads(self, request: Request) -> Response:
        if not request.headers.get("authorization", "").removeprefix("Bearer ").strip():
            refusal = ApiRefusal(401, "InvalidApiKey", "No API-key provided.")
            return JSONResponse(Native().refusal(refusal, "sandbox"), refusal.status, headers=MARKED)
        data = self._storage.ticket(request.query_params.get("model", ""), str(request.base_url).rstrip("/"))
        return JSONResponse({"data": data, "request_id": "sandbox"}, headers=MARKED)

    async def oss(self, request: Request) -> Response:
        async with request.form() as form:
            wrong = await self._storage.store(form.multi_items())
        content = f"<?xml version='1.0'?><Error><Code>{wrong}</Code></Error>" if wrong else ""
        return Response(content, 403 if wrong else 200, MARKED, "application/xml")

    async def models(self, request: Request) -> Response:
        return JSONResponse(model_list(request), headers=MARKED)

    async def quotas(self, request: Request) -> Response:
        return JSONResponse(quota_list(request), headers=MARKED)

    async def permissions(self, request: Request) -> Response:
        return JSONResponse(permission_list(request), headers=MARKED)

    async def openai_models(self, _: Request) -> Response:
        data = [_openai_model(model.id) for model in shipped().models if not model.retired]
        return JSONResponse({"object": "list", "data": data}, headers=MARKED)

    async def openai_model(self, request: Request) -> Response:
        name = request.path_params["name"]
        if shipped().find(name):
            return JSONResponse(_openai_model(name), headers=MARKED)
        refusal = ApiRefusal(404, "model_not_found", f"The model `{name}` does not exist.")
        return JSONResponse(Chat().refusal(refusal, "sandbox"), refusal.status, headers=MARKED)

    async def _replied(
        self, wire: WireFormat, request: Request, read: Callable[[dict[str, Any]], SandboxRequest]
    ) -> Response:
        try:
            asked = with_documents(read(await body_of(request)), self.files)
            resolves = request.headers.get("x-dashscope-ossresourceresolve") == "enable"
            check_request(asked, request.headers.get("authorization", ""), self._storage, resolves=resolves)
        except ApiRefusal as refusal:
            given_id = str(uuid.uuid5(uuid.NAMESPACE_URL, refusal.message))
            return JSONResponse(wire.refusal(refusal, given_id), refusal.status, headers=MARKED)
        if asked.protocol == "native" and tells_sentences(asked.name):
            status, told = sentences_reply(asked, asked.request_id)
            return JSONResponse(told, status, headers=MARKED)
        given, headers = (
            sandbox_reply(await really_read(asked, self._reader)),
            {**MARKED, "x-request-id": asked.request_id},
        )
        if not asked.stream:
            return JSONResponse(wire.whole(asked, given), headers=headers)
        frames = frames_of(wire, asked, given, self._pace)
        return StreamingResponse(frames, media_type="text/event-stream", headers=headers)


@contextmanager
def running(pace: Pace = STEADY, reader: ImageReader | None = None) -> Iterator[str]:
    """A sandbox on a free port of loopback, in a thread of its own; gives its root URL."""
    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(_config(pace, reader))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield root_url(listening)
        finally:
            server.should_exit = True
            thread.join(timeout=2)


def serve(host: str, port: int, latency_ms: float, chunk: int, reader: ImageReader | None = None) -> int:
    """Run the sandbox alone until it is stopped."""
    try:
        listening = listen(host, port)
    except OSError as error:
        sys.stderr.write(f"The sandbox cannot listen on {host}:{port}: {error.strerror}. Choose another --port.\n")
        return 2
    with listening:
        root = root_url(listening)
        sys.stderr.write(
            f"The sandbox runs. For bailian-mcp: DASHSCOPE_BASE_URL={root} and any DASHSCOPE_API_KEY.\n"
            f"For any OpenAI client: base URL {root}/compatible-mode/v1. Stop it with Ctrl-C.\n"
        )
        pace = Pace(max(0, latency_ms) / 1000, max(1, chunk))
        uvicorn.Server(_config(pace, reader)).run([listening])
    return 0


def _config(pace: Pace, reader: ImageReader | None) -> uvicorn.Config:
    return uvicorn.Config(app(pace, reader), log_config=None, access_log=False, timeout_graceful_shutdown=1, ws="none")


def _openai_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "system"}
