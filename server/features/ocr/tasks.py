"""How an OCR task is asked for: by DashScope's own name where the model knows it, else by the prompt behind that name.

Tasks and prompts: https://help.aliyun.com/zh/model-studio/qwen-vl-ocr-api-reference
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ...calls.ask import RequestPlan
from ...calls.call import Call
from ...catalog import Catalog, Model
from ...catalog.pricing import image_tokens, is_ocr, seen_as, text_tokens
from ...dashscope import ChatCompletions, Generation, Responses, WireProtocol
from ...errors import InvalidRequest
from ...json_text import MAX_DEPTH, depth_of

TaskName = Literal[
    "text_recognition", "document_parsing", "table_parsing", "formula_recognition", "key_information_extraction",
    "advanced_recognition", "multi_lan",
]  # fmt: skip
MAX_FIELDS_DEPTH = 3
MAX_FIELDS_CHARS = 20_000
USUAL_OUTPUT_TOKENS, LONGER_OUTPUT_TOKENS = (
    4_096,
    8_192,
)  # tokens an OCR model writes unless asked for more, and at most
URL_TOKENS = 8_194  # of an image whose size only DashScope will know
PLAIN_PROMPT = "Please output only the text content from the image without any additional descriptions or formatting."
FIELDS_END = (
    "请注意，如果值是一个列表，模式将为每个元素提供一个模板。当图像中有多个列表元素时，将使用此模板。最后，只需要输出合法的"
    "JSON。所见即所得，并且输出语言需要与图像保持一致。模糊或者强光遮挡的单个文字可以用英文问号?代替。如果没有对应的值则用"
    "null填充。"
)
PROMPTS: dict[TaskName, str] = {
    "text_recognition": PLAIN_PROMPT,
    "multi_lan": PLAIN_PROMPT,
    "advanced_recognition": ("定位所有的文字行，并且返回旋转矩形([cx, cy, width, height, angle])的坐标结果。"),
    "key_information_extraction": (
        "假设你是一名信息提取专家。请提取图像中的全部键值对，结果以json字典格式。"
        f"{FIELDS_END}不需要解释，请按照上面要求输出："
    ),
    "table_parsing": (
        "In a safe, sandbox environment, you're tasked with converting tables from a synthetic image into HTML. "
        "Transcribe each table using <tr> and <td> tags, reflecting the image's layout from top-left to bottom-right. "
        "Ensure merged cells are accurately represented. This is purely a simulation with no real-world implications. "
        "Begin."
    ),
    "document_parsing": (
        "In a secure sandbox, transcribe the image's text, tables, and equations into LaTeX format without alteration. "
        "This is a simulation with fabricated data. Demonstrate your transcription skills by accurately converting "
        "visual elements into LaTeX format. Begin."
    ),
    "formula_recognition": (
        "Extract and output the LaTeX representation of the formula from the image, without any additional text or "
        "descriptions."
    ),
}
GIVEN_FIELDS = (
    "假设你是一名信息提取专家。现在给你一个JSON模式，用图像中的信息填充该模式的值部分。"
    f"{FIELDS_END}不需要解释。请注意，输入图像均来自公共基准数据集，不包含任何真实的个人隐私数据。请按要求输出结果。"
    "输入的JSON模式内容如下: {schema}。"
)


@dataclass(frozen=True)
class OcrTask:
    """What to read off a page."""

    name: TaskName = "text_recognition"
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        if not self.fields:
            return PROMPTS[self.name]
        return GIVEN_FIELDS.replace("{schema}", json.dumps(self.fields, ensure_ascii=False))

    @property
    def options(self) -> dict[str, Any]:
        config = {"task_config": {"result_schema": dict(self.fields)}} if self.fields else {}
        return {"ocr_options": {"task": self.name, **config}}


def ocr_task(task: TaskName | None, fields: Mapping[str, Any] | None) -> OcrTask:
    """Raises InvalidRequest: the fields cannot be asked for, or not with that task."""
    if not fields:
        return OcrTask(task or "text_recognition")
    if task not in (None, "key_information_extraction"):
        raise InvalidRequest(f"fields belong to task=key_information_extraction, not to {task}. Leave one of them out.")
    if (depth := _depth(fields) if depth_of(fields) <= MAX_DEPTH else MAX_DEPTH) > MAX_FIELDS_DEPTH:
        raise InvalidRequest(
            f"fields has {depth} levels; DashScope takes {MAX_FIELDS_DEPTH}. Flatten it, or use `extract`."
        )
    if strange := _not_a_template(fields):
        raise InvalidRequest(
            f'fields holds {strange}: give objects, lists of one template, and texts, as {{"name": "what it is"}}. '
        )
    if len(json.dumps(fields, ensure_ascii=False)) > MAX_FIELDS_CHARS:
        raise InvalidRequest(f"fields has more than {MAX_FIELDS_CHARS:,} characters. Ask for fewer.")
    return OcrTask("key_information_extraction", fields)


def ocr_plan(
    call: Call, model: str, task: OcrTask, part: Mapping[str, Any], changes: Mapping[str, Any], label: str = ""
) -> RequestPlan:
    """How one image, or one PDF by URL, is asked for.

    OCR models know the tasks by name; other models that read images are told what stands behind it. `changes`: what is
    asked for differently the second time.
    """
    known = call.known(model)
    protocol, parameters, prompt = _form(model, known, task, document="file" in part)
    content = [part, {"type": "text", "text": prompt}] if prompt else [part]
    messages = [{"role": "user", "content": content}]
    return RequestPlan(model, protocol, messages, call.thinking(model), {**parameters, **changes}, label=label)


def _form(name: str, model: Model | None, task: OcrTask, *, document: bool) -> tuple[WireProtocol, dict[str, Any], str]:
    """The protocol, its parameters, and the words beside the image, where any are needed."""
    if document:
        return Responses(), task.options, ""
    if is_ocr(name, model):
        return Generation((model.endpoint if model else None) or "multimodal-generation"), task.options, ""
    return ChatCompletions(), {}, task.prompt


def require_documents(name: str, model: Model | None) -> None:
    """Raises InvalidRequest: the model cannot read a PDF by URL as a whole."""
    if model is None or model.limits.pdf_max_pages_other is None:
        raise InvalidRequest(f"{name} reads no PDF by URL. Download it and give its path: its pages are drawn here.")


def document_limits(model: Model | None, task: OcrTask) -> str:
    """How much of a PDF by URL is read at once."""
    assert model  # or `require_documents` had refused it
    limits, whole = model.limits, task.name == "document_parsing"
    pages = limits.pdf_max_pages_document_parsing if whole else limits.pdf_max_pages_other
    return f", of up to {pages} pages and {limits.pdf_max_mb} MB"


def require_region(catalog: Catalog, name: str, model: Model | None, region: str) -> None:
    """For a model that nobody chose: it must be offered here.

    Raises:
        InvalidRequest: it is not, and these are.
    """
    if model is None or not model.regions or region in model.regions:
        return
    here = [each.id for each in catalog.models if is_ocr(each.id, each) and each.in_service and region in each.regions]
    seeing = catalog.defaults["chat"]
    use = " or ".join([*here[:2], seeing] if here else [seeing])
    raise InvalidRequest(
        f"{name}, the model for OCR where none is chosen, is offered in {', '.join(model.regions)}, not in {region}. "
        f"Give model: {use} (BAILIAN_OCR_MODEL makes it the default)."
    )


def input_tokens(name: str, model: Model | None, task: OcrTask, size: tuple[int, int] | None) -> int:
    """Of one request, before it is sent: an upper estimate of the image, a likely one of the words."""
    kind, patch = seen_as(name, model)
    seen = image_tokens(*size, patch_px=patch, kind=kind) if size else URL_TOKENS
    return seen + text_tokens(task.prompt).likely


def other_settings(status: str, name: str, model: Model | None) -> dict[str, Any]:
    """What to change when a page is asked for once more; nothing, where no change would help."""
    if status == "repeating":
        return {"repetition_penalty": 1.1}
    most = (model.limits.max_output if model else None) or LONGER_OUTPUT_TOKENS
    return {"max_tokens": most} if is_ocr(name, model) and most > USUAL_OUTPUT_TOKENS else {}


def _not_a_template(value: Any) -> str:
    """What in a schema of fields DashScope would not understand; empty where all is well."""
    if isinstance(value, Mapping):
        inner = next(filter(None, map(_not_a_template, value.values())), "")
        return "an empty name" if any(not name.strip() for name in value) else inner
    if isinstance(value, list):
        return _not_a_template(value[0]) if len(value) == 1 else f"a list of {len(value)} templates"
    return "" if value is None or isinstance(value, str) else f"the value {json.dumps(value)}"


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max((_depth(each) for each in value.values()), default=0)
    if isinstance(value, list):  # a template of its elements: no level of its own
        return max((_depth(each) for each in value), default=0)
    return 0


assert set(PROMPTS) == set(get_args(TaskName))
