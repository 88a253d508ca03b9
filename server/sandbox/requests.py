"""What a request asks, read from each protocol into the terms of chat completions."""

import hashlib
import json
import re
import uuid
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from starlette.requests import Request

from ..catalog import Model, shipped
from .filling import SPOILED
from .recognised import DOUBTFUL, PlacedText

ProtocolName = Literal["chat", "native", "responses"]
# Model name -> (status, code, message), in DashScope's words: https://help.aliyun.com/zh/model-studio/error-code
REFUSALS = {
    "sandbox-bad-key": (401, "invalid_api_key", "Incorrect API key provided. "),
    "sandbox-arrearage": (400, "Arrearage", "Access denied, please make sure your account is in good standing."),
    "sandbox-content-filter": (400, "data_inspection_failed", "Input data may contain inappropriate content."),
    "sandbox-rate-limit": (429, "limit_requests", "You exceeded your current requests list."),
    "sandbox-free-quota": (403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted."),
    "sandbox-unavailable": (503, "ModelUnavailable", "Model is unavailable, please try again later."),
}
# Streams that go wrong after they began: cut, silent but for keep-alives, an error among the frames.
BROKEN_STREAMS = ("sandbox-cut", "sandbox-silent", "sandbox-error-in-stream")
# Searches that go wrong: none made, pages that trip the content filter.
NO_SEARCH, FILTERED_PAGES = "sandbox-no-search", "sandbox-search-filter"
FAULTS = (*BROKEN_STREAMS, NO_SEARCH, FILTERED_PAGES, *SPOILED, *DOUBTFUL)
PDF_PAGE_MARK = re.compile(rb"/Type\s*/Page\b(?!s)")


class ApiRefusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status, self.code, self.message = status, code, message


async def body_of(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiRefusal(400, "invalid_request_error", "Required body invalid, please check the request body format.")
    return body


@dataclass(frozen=True)
class SandboxRequest:
    """One request. `options` in the terms of chat completions; `search`: the options of a web search, if asked for."""

    protocol: ProtocolName
    name: str
    messages: list[Any]
    options: Mapping[str, Any]
    stream: bool
    body: Mapping[str, Any] = field(repr=False)
    search: Mapping[str, Any] | None = None
    endpoint: str = ""
    documents: int = 0  # that its messages named by their ids
    read_here: tuple[PlacedText, ...] = ()  # lines of its image, where that was really read

    @cached_property
    def request_id(self) -> str:
        """Of its reply: the same for the same request."""
        return id_of(self.body)

    @property
    def model(self) -> Model | None:
        return shipped().find(self.name)

    @property
    def ends_with_question(self) -> bool:
        """And not with the result of a call."""
        return bool(as_dict(self.messages[-1]).get("role") == "user")

    @property
    def words(self) -> int:
        return sum(len(text_of(message)) for message in self.messages)

    @property
    def images(self) -> int:
        return sum(len(images_of(message)) for message in self.messages)

    @property
    def addresses(self) -> list[str]:
        """Of its images."""
        return [address_of(image) for message in self.messages for image in images_of(message)]

    @property
    def sounds(self) -> list[str]:
        """Addresses of what is to be heard."""
        return [str(as_dict(part["input_audio"]).get("data", "")) for part in self._parts if "input_audio" in part]

    @property
    def films(self) -> list[str]:
        return [str(as_dict(part["video_url"]).get("url", "")) for part in self._parts if "video_url" in part]

    @property
    def hears(self) -> bool:
        """Whether it is for a model that writes down speech."""
        return self.model is not None and self.model.type == "asr"

    @property
    def _parts(self) -> list[dict[str, Any]]:
        return [p for m in self.messages for p in as_list(as_dict(m).get("content")) if isinstance(p, dict)]

    @property
    def pdfs(self) -> list[dict[str, Any]]:
        """Its documents: `file` parts of chat completions, `input_file` parts of Responses."""
        parts = [part for message in self.messages for part in as_list(as_dict(message).get("content"))]
        return [part.get("file") or part for part in parts if "file" in part or part.get("type") == "input_file"]

    @property
    def reads_images(self) -> bool:
        """Whether it is for an OCR model, which reads and does not talk."""
        return bool(self.options.get("ocr_options")) or self.name in DOUBTFUL

    @property
    def thinks(self) -> bool:
        model = self.model
        if model is None or model.thinking is None or model.thinking.mode == "none":
            return False
        return bool(self.options.get("enable_thinking", model.thinking.default or model.thinking.mode == "only"))


def from_chat(body: Mapping[str, Any]) -> SandboxRequest:
    options = {name: value for name, value in body.items() if name not in ("model", "messages")}
    return SandboxRequest(
        "chat", str(body.get("model")), as_list(body.get("messages")), options, bool(body.get("stream")), body
    )


def from_native(body: Mapping[str, Any], endpoint: str, sse: bool) -> SandboxRequest:
    """`input` and `parameters`; at the multimodal endpoint content is a list of parts."""
    options = as_dict(body.get("parameters"))
    messages = [_as_chat(message) for message in _conversation(as_dict(body.get("input")))]
    search = as_dict(options.get("search_options")) if options.get("enable_search") else None
    return SandboxRequest("native", str(body.get("model")), messages, options, sse, body, search, endpoint)


def _conversation(given: dict[str, Any]) -> list[Any]:
    """Messages, or their older form: a prompt after pairs of `user` and `bot`."""
    roles = (("user", "user"), ("bot", "assistant"))
    past = [
        {"role": role, "content": pair[side]}
        for pair in as_list(given.get("history"))
        for side, role in roles
        if as_dict(pair).get(side)
    ]
    prompt = [{"role": "user", "content": given["prompt"]}] if given.get("prompt") else []
    return [*as_list(given.get("messages")), *past, *prompt]


def from_responses(body: Mapping[str, Any]) -> SandboxRequest:
    options = {name: value for name, value in body.items() if name not in ("model", "input")}
    effort = as_dict(options.get("reasoning")).get("effort")
    options |= {"enable_thinking": effort != "none"} if effort else {}
    options |= {"max_completion_tokens": options["max_output_tokens"]} if "max_output_tokens" in options else {}
    form = as_dict(as_dict(options.get("text")).get("format"))
    options |= {"response_format": {"type": form["type"], "json_schema": form}} if form.get("type") else {}
    given = body.get("input")
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else as_list(given)
    tools = [as_dict(tool).get("type") for tool in as_list(options.get("tools"))]
    search = {"search_strategy": "agent", "enable_source": True} if "web_search" in tools else None
    return SandboxRequest(
        "responses", str(body.get("model")), messages, options, bool(body.get("stream")), body, search
    )


def _as_chat(message: Any) -> Any:
    content = as_dict(message).get("content")
    if not isinstance(content, list):
        return message
    return {**message, "content": [_part_as_chat(part) for part in content if isinstance(part, dict)]}


def _part_as_chat(part: dict[str, Any]) -> dict[str, Any]:
    if "image" in part:
        return {"image_url": {"url": part["image"]}}
    if "audio" in part:
        return {"input_audio": {"data": part["audio"]}}
    return {"video_url": {"url": part["video"]}} if isinstance(part.get("video"), str) else part


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text_of(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def images_of(message: dict[str, Any]) -> list[Any]:
    content = message.get("content")
    named = ("image_url", "input_image")
    return [part for part in content if set(named) & set(part)] if isinstance(content, list) else []


def pages_of(pdf: Mapping[str, Any]) -> int:
    """As many as it shows of its inside; one where that cannot be seen from here."""
    content = b64decode(str(pdf.get("file_data", "")).partition(",")[2])
    return len(PDF_PAGE_MARK.findall(content)) or 1


def address_of(image: dict[str, Any]) -> str:
    url = image.get("image_url", "")
    return str(url.get("url", "") if isinstance(url, dict) else url)


def id_of(body: Mapping[str, Any]) -> str:
    """The id of the reply to a request of that body."""
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    return str(uuid.UUID(digest[:32]))
