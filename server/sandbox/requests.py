"""What a request asks, read from each protocol into the terms of chat completions, and checked as DashScope checks."""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..catalog import Model, shipped
from .filling import SPOILED
from .recognised import DOUBTFUL
from .storage import Storage

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
MAX_DATA_URI_BYTES = 10_485_760
PDF_PAGE_MARK = re.compile(rb"/Type\s*/Page\b(?!s)")


class ApiRefusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


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

    @property
    def model(self) -> Model | None:
        return shipped().find(self.name)

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
    def pdfs(self) -> list[dict[str, Any]]:
        """Its documents: `file` parts of chat completions, `input_file` parts of Responses."""
        parts = [part for message in self.messages for part in _list(_dict(message).get("content"))]
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
        "chat", str(body.get("model")), _list(body.get("messages")), options, bool(body.get("stream")), body
    )


def from_native(body: Mapping[str, Any], endpoint: str, sse: bool) -> SandboxRequest:
    """`input.messages` and `parameters`; at the multimodal endpoint content is a list of parts."""
    options = _dict(body.get("parameters"))
    messages = [_as_chat(message) for message in _list(_dict(body.get("input")).get("messages"))]
    search = _dict(options.get("search_options")) if options.get("enable_search") else None
    return SandboxRequest("native", str(body.get("model")), messages, options, sse, body, search, endpoint)


def from_responses(body: Mapping[str, Any]) -> SandboxRequest:
    options = {name: value for name, value in body.items() if name not in ("model", "input")}
    effort = _dict(options.get("reasoning")).get("effort")
    options |= {"enable_thinking": effort != "none"} if effort else {}
    options |= {"max_completion_tokens": options["max_output_tokens"]} if "max_output_tokens" in options else {}
    given = body.get("input")
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else _list(given)
    tools = [_dict(tool).get("type") for tool in _list(options.get("tools"))]
    search = {"search_strategy": "agent", "enable_source": True} if "web_search" in tools else None
    return SandboxRequest(
        "responses", str(body.get("model")), messages, options, bool(body.get("stream")), body, search
    )


def _as_chat(message: Any) -> Any:
    content = _dict(message).get("content")
    if not isinstance(content, list):
        return message
    parts = [{"image_url": {"url": p["image"]}} if "image" in p else p for p in content if isinstance(p, dict)]
    return {**message, "content": parts}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
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


# --- checked as DashScope checks it ---


def check_request(asked: SandboxRequest, authorization: str, storage: Storage, *, resolves: bool) -> None:
    """`resolves`: the request's header lets oss:// addresses be looked up."""
    if not authorization.removeprefix("Bearer ").strip():
        raise ApiRefusal(401, "invalid_api_key", "You didn't provide an API key.")
    if asked.name in REFUSALS:
        raise ApiRefusal(*REFUSALS[asked.name])
    model = asked.model
    if model is None and asked.name not in FAULTS:
        raise ApiRefusal(
            404, "model_not_found", f"The model `{asked.name}` does not exist or you do not have access to it."
        )
    if not all(isinstance(message, dict) for message in asked.messages):
        raise _invalid("Input should be a valid dictionary: messages")
    if not any(message.get("role") == "user" for message in asked.messages):
        raise _invalid("The input messages do not contain elements with the role of user.")
    if asked.options.get("stream_options") and not asked.stream:
        raise _invalid("The stream_options parameter is only allowed when stream is true.")
    _check_addresses(asked, storage, resolves)
    for rule in (*(_MODEL_RULES if model else ()), *(_SEARCH_RULES if model and asked.search is not None else ())):
        rule(asked, model)  # type: ignore[arg-type]


def _invalid(message: str) -> ApiRefusal:
    return ApiRefusal(400, "invalid_parameter_error", message)


def _check_addresses(asked: SandboxRequest, storage: Storage, resolves: bool) -> None:
    given = [*asked.addresses, *(str(pdf.get("file_url") or pdf.get("file_data")) for pdf in asked.pdfs)]
    for address in given:
        if address.startswith("oss://") and not (resolves and storage.holds(address)):
            raise _invalid("The provided URL does not appear to be valid. Ensure it is correctly formatted.")
        if address.startswith("data:") and len(address) > MAX_DATA_URI_BYTES:
            raise _invalid(f"Exceeded limit on max bytes per data-uri item : {MAX_DATA_URI_BYTES}'")
    if any("file_data" in pdf and not pdf.get("filename") for pdf in asked.pdfs):
        raise _invalid("filename is required with file_data")


def _thinking(asked: SandboxRequest, model: Model) -> None:
    if model.thinking and model.thinking.mode == "only" and asked.options.get("enable_thinking") is False:
        raise _invalid("The value of the enable_thinking parameter is restricted to True.")


def _content(asked: SandboxRequest, model: Model) -> None:
    has_parts = any(isinstance(message.get("content"), list) for message in asked.messages)
    if asked.protocol == "native":
        multimodal = asked.endpoint == "multimodal-generation"
        if asked.endpoint != (model.endpoint or asked.endpoint):
            raise ApiRefusal(400, "InvalidParameter", "url error, please check url！")
        if has_parts != multimodal:
            raise ApiRefusal(400, "InvalidParameter", "Input should be a valid list: input.messages.0.content")
    elif has_parts and model.input and "image" not in model.input:
        raise _invalid("input content must be a string.")


def _format(asked: SandboxRequest, model: Model) -> None:
    """https://help.aliyun.com/zh/model-studio/qwen-structured-output"""
    form = _dict(asked.options.get("response_format"))
    if form.get("type") == "json_object" and not any("json" in text_of(m).lower() for m in asked.messages):
        raise _invalid(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
    able = {"json_object": ("json_object", "structured_output"), "json_schema": ("json_schema",)}
    if form and not any(model.can.get(name) for name in able.get(form.get("type", ""), ())):
        raise _invalid(f"Unknown format of response_format, it should be a dict: {form.get('type')}")


def _sizes(asked: SandboxRequest, model: Model) -> None:
    if asked.words > (most := model.limits.max_input or asked.words):
        raise _invalid(f"Range of input length should be [1, {most}]")
    limit = asked.options.get("max_completion_tokens") or asked.options.get("max_tokens") or 1
    if not isinstance(limit, int):
        raise _invalid("Input should be a valid integer: max_tokens")
    if limit > (most := model.limits.max_output or limit):
        raise _invalid(f"Range of max_tokens should be [1, {most}]")


def _can_search(asked: SandboxRequest, model: Model) -> None:
    if model.search is None:
        raise ApiRefusal(400, "InvalidParameter", "This model does not support enable_search.")
    if asked.protocol == "native" and asked.endpoint == "multimodal-generation" and not asked.stream:
        raise ApiRefusal(400, "InvalidParameter", "Non-streaming mode does not support Web Search")


def _sites(asked: SandboxRequest, _: Model) -> None:
    if len(_list((asked.search or {}).get("assigned_site_list"))) > 25:
        raise ApiRefusal(400, "InvalidParameter", "assigned_site_list should have at most 25 items")


Rule = Callable[[SandboxRequest, Model], None]
_MODEL_RULES: tuple[Rule, ...] = (_thinking, _content, _format, _sizes)
_SEARCH_RULES: tuple[Rule, ...] = (_can_search, _sites)
