"""A request, checked as DashScope is documented to check it: https://help.aliyun.com/zh/model-studio/error-code"""

import re
from collections.abc import Callable

from ..catalog import Model
from .calling import forced_tool
from .requests import FAULTS, REFUSALS, ApiRefusal, SandboxRequest, as_dict, as_list, text_of
from .storage import Storage
from .translated import fault_of_translation

MAX_DATA_URI_BYTES = 10_485_760
STREAM_ONLY = re.compile(r"(qwq|qvq)-")


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
    _check_choices(asked)
    _check_addresses(asked, storage, resolves)
    for rule in (*(_MODEL_RULES if model else ()), *(_SEARCH_RULES if model and asked.search is not None else ())):
        rule(asked, model)  # type: ignore[arg-type]


def _invalid(message: str) -> ApiRefusal:
    return ApiRefusal(400, "invalid_parameter_error", message)


def _check_choices(asked: SandboxRequest) -> None:
    if asked.options.get("n") not in (None, 1, 2, 3, 4):
        raise _invalid("Range of n should be [1, 4]")
    tool = forced_tool(asked.options)
    if tool is not None and asked.thinks:
        raise _invalid("The tool_choice parameter does not support being set to required or object in thinking mode")
    if tool == {}:
        raise _invalid("The function of tool_choice is not among the tools.")


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


def _talks(asked: SandboxRequest, model: Model) -> None:
    if model.type not in ("embedding", "rerank"):
        return
    if asked.protocol == "native":
        raise _invalid("url error, please check url！")
    raise ApiRefusal(404, "model_not_supported", f"Unsupported model `{asked.name}` for OpenAI compatibility mode.")


def _translates(asked: SandboxRequest, model: Model) -> None:
    fault = fault_of_translation(asked.messages, asked.options) if model.type == "translation" else ""
    if fault:
        raise _invalid(fault)


def _streams(asked: SandboxRequest, model: Model) -> None:
    """https://help.aliyun.com/zh/model-studio/deep-thinking and /visual-reasoning"""
    if asked.stream:
        return
    if STREAM_ONLY.match(asked.name):
        raise _invalid("This model only support stream mode, please enable the stream parameter to access the model. ")
    if model.kind == "open_weights" and asked.thinks:
        raise _invalid("parameter.enable_thinking must be set to false for non-streaming calls")


def _in_full(asked: SandboxRequest, _: Model) -> None:
    """What the native protocol does not do while a model thinks."""
    if asked.protocol != "native" or not asked.thinks:
        return
    if asked.stream and asked.options.get("incremental_output") is False:
        raise _invalid('The incremental_output parameter must be "true" when enable_thinking is true')
    if asked.options.get("result_format") == "text" and asked.endpoint == "text-generation":
        raise _invalid('The result_format parameter must be "message" when enable_thinking is true')


def _content(asked: SandboxRequest, model: Model) -> None:
    has_parts = any(isinstance(message.get("content"), list) for message in asked.messages)
    if asked.protocol == "native":
        multimodal = asked.endpoint == "multimodal-generation"
        if asked.endpoint != (model.endpoint or asked.endpoint):
            raise _invalid("url error, please check url！")
        if has_parts != multimodal:
            raise _invalid("Input should be a valid list: input.messages.0.content")
    elif has_parts and model.input and "image" not in model.input:
        raise _invalid("input content must be a string.")


def _format(asked: SandboxRequest, model: Model) -> None:
    """https://help.aliyun.com/zh/model-studio/qwen-structured-output"""
    form = as_dict(asked.options.get("response_format"))
    if form.get("type") == "json_object" and not any("json" in text_of(m).lower() for m in asked.messages):
        raise _invalid(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        )
    able = {"json_object": ("json_object", "structured_output"), "json_schema": ("json_schema",)}
    if (
        form
        and form.get("type") != "text"
        and not any(model.can.get(name) for name in able.get(form.get("type", ""), ()))
    ):
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
        raise _invalid("This model does not support enable_search.")
    if asked.protocol == "native" and asked.endpoint == "multimodal-generation" and not asked.stream:
        raise _invalid("Non-streaming mode does not support Web Search")


def _sites(asked: SandboxRequest, _: Model) -> None:
    if len(as_list((asked.search or {}).get("assigned_site_list"))) > 25:
        raise _invalid("assigned_site_list should have at most 25 items")


Rule = Callable[[SandboxRequest, Model], None]
_MODEL_RULES: tuple[Rule, ...] = (_talks, _translates, _thinking, _streams, _in_full, _content, _format, _sizes)
_SEARCH_RULES: tuple[Rule, ...] = (_can_search, _sites)
