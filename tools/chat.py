"""Ask a DashScope model."""

from typing import Annotated, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field

from ..server.calls.call import BoundCall
from ..server.calls.completion import Completion, completion_result
from ..server.calls.thinking import Level
from ..server.features.attachments import attach, images_that_fit

ANNOTATIONS = ToolAnnotations(
    title="Chat with a Model Studio model (百炼)",
    read_only_hint=True,
    destructive_hint=False,
    idempotent_hint=False,
    open_world_hint=True,
)
EXAMPLE = {"prompt": "用一句话介绍杭州西湖。"}

Preset = Literal["creative_writing", "code_generation", "factual_qa", "translation"]
# Alibaba's own examples of sampling by scenario: https://www.alibabacloud.com/help/zh/model-studio/text-generation
PRESETS: dict[Preset, dict[str, float]] = {
    "creative_writing": {"temperature": 0.9, "top_p": 0.95},
    "code_generation": {"temperature": 0.2, "top_p": 0.8},
    "factual_qa": {"temperature": 0.1, "top_p": 0.7},
    "translation": {"temperature": 0.3, "top_p": 0.8},
}


class Turn(BaseModel):
    """One earlier message."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["user", "assistant"]
    content: str


async def chat(
    call: BoundCall,
    prompt: Annotated[str, Field(description="The message to answer; sent verbatim", pattern=r"\S")],
    model: Annotated[str, Field(description="DashScope model id; empty: the server's default")] = "",
    system: Annotated[str, Field(description="System instruction")] = "",
    history: Annotated[tuple[Turn, ...], Field(description="Earlier messages, oldest first")] = (),
    files: Annotated[
        tuple[str, ...],
        Field(
            description="Images; PDFs, sound, film if it can: https URLs, data URIs, paths in the allowed folders",
            max_length=50,
        ),
    ] = (),
    thinking: Annotated[
        Level | None,
        Field(description="How much to reason before answering; costs output tokens. Default off where the model can"),
    ] = None,
    preset: Annotated[Preset | None, Field(description="Sampling for a kind of work; temperature overrides it")] = None,
    temperature: Annotated[float | None, Field(description="0: steady, below 2: varied", ge=0, lt=2)] = None,
    max_output_tokens: Annotated[
        int | None,
        Field(description="Output limit, reasoning included on newer models; 0: about 16,000 for the answer", ge=1),
    ] = None,
    show_reasoning: Annotated[bool, Field(description="Return the reasoning too; it is billed either way")] = False,
) -> Annotated[CallToolResult, Completion]:
    """Ask a Qwen, DeepSeek, GLM or Kimi model on Alibaba Cloud Model Studio (百炼).

    Use it for a second opinion, Chinese writing, translation, or questions about images. It cannot search the web.
    The first line says what it cost: [model | tokens in+out | exact list price | request id]; then comes the answer.
    """
    chosen = call.model_for("chat", model)
    attached = await attach(call, chosen, files)
    parts, smaller = await images_that_fit(call, attached.parts, prompt, system, *(turn.content for turn in history))
    content = [*parts, {"type": "text", "text": prompt}] if parts else prompt
    before = [{"role": "system", "content": system}] if system else []
    sampling = dict(PRESETS[preset]) if preset else {}
    if temperature is not None:
        sampling["temperature"] = temperature
    exchange = await call.complete(
        chosen,
        [*before, *(turn.model_dump() for turn in history), {"role": "user", "content": content}],
        thinking_level=thinking,
        max_output_tokens=max_output_tokens,
        sampling=sampling,
        pdf_pages=attached.pdf_pages,
        media_tokens=attached.media_tokens,
    )
    return completion_result(
        exchange, call.spent(chosen), show_reasoning=show_reasoning, notes=(*attached.notes, *smaller)
    )
