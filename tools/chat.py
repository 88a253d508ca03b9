"""Ask a DashScope model."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from mcp.types import CallToolResult, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..server.calls.call import BoundCall
from ..server.calls.completion import Completion, completion_result
from ..server.calls.functions import Function, Functions, PastCall
from ..server.calls.thinking import Level
from ..server.errors import InvalidRequest
from ..server.features.long_documents import Question, answer_about
from ..server.text import printable

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


OPENAI_NAMES = {"tool_calls": "function_calls", "tool_call_id": "function_call_id"}


class Turn(BaseModel):
    """One earlier message; tool: what a function gave."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["user", "assistant", "tool"]
    content: str
    function_calls: tuple[PastCall, ...] = ()
    function_call_id: str = ""

    @model_validator(mode="before")
    @classmethod
    def _as_openai_writes_it(cls, given: Any) -> Any:
        """By its names too, and an answer that is nothing but calls without words."""
        if not isinstance(given, dict):
            return given
        turn = {OPENAI_NAMES.get(name, name): value for name, value in given.items()}
        return {**turn, "content": ""} if turn.get("function_calls") and turn.get("content") is None else turn

    @model_validator(mode="after")
    def _is_one_kind(self) -> "Turn":
        if bool(self.function_call_id) != (self.role == "tool"):
            raise ValueError("must have a function_call_id if its role is tool, and only then")
        if self.function_calls and self.role != "assistant":
            raise ValueError("can have function_calls only if its role is assistant")
        return self

    def as_sent(self) -> dict[str, Any]:
        calls = {"tool_calls": [call.as_sent() for call in self.function_calls]} if self.function_calls else {}
        answers = {"tool_call_id": self.function_call_id} if self.function_call_id else {}
        return {"role": self.role, "content": self.content, **calls, **answers}


async def chat(
    call: BoundCall,
    prompt: Annotated[
        str, Field(description="The message to answer; sent verbatim. Empty where history ends with a tool")
    ],
    model: Annotated[str, Field(description="DashScope model id; empty: the server's default")] = "",
    system: Annotated[str, Field(description="System instruction")] = "",
    history: Annotated[tuple[Turn, ...], Field(description="Earlier messages, oldest first")] = (),
    files: Annotated[
        tuple[str, ...],
        Field(
            description="Images and documents, very long ones too (without `model` qwen-long reads them), sound and "
            "film if the model can: paths in the allowed folders, data URIs, https URLs, not of documents",
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
    functions: Annotated[
        tuple[Function, ...], Field(description="What the model may ask you to call; results go into history, as tool")
    ] = (),
    function_choice: Annotated[str, Field(description="auto, none, required or a name")] = "",
    patience: Annotated[
        Literal["now", "half_price"] | None,
        Field(description="half_price: within an hour, at half the price (Beijing)"),
    ] = None,
    show_reasoning: Annotated[bool, Field(description="Return the reasoning too; it is billed either way")] = False,
) -> Annotated[CallToolResult, Completion]:
    """Ask a Qwen, DeepSeek, GLM or Kimi model on Alibaba Cloud Model Studio (百炼).

    Use it for a second opinion, Chinese writing, translation, or questions about images. It cannot search the web.
    The first line says what it cost: [model | tokens in+out | exact list price | request id]; then comes the answer.
    """
    _require_question(prompt, history, files)
    callable_functions = Functions(functions, function_choice)
    sampling = dict(PRESETS[preset]) if preset else {}
    if temperature is not None:
        sampling["temperature"] = temperature
    exchange, notes = await answer_about(
        call,
        call.model_for("chat", model),
        Question(prompt, system, tuple(turn.as_sent() for turn in history), files),
        named=bool(model.strip()) or call.has_configured_model("chat"),
        thinking_level=thinking,
        max_output_tokens=max_output_tokens,
        sampling=sampling,
        functions=callable_functions,
        half_price=patience == "half_price",
    )
    spent = call.spent(exchange.model)
    return completion_result(exchange, spent, show_reasoning=show_reasoning, functions=callable_functions, notes=notes)


def _require_question(prompt: str, history: Sequence[Turn], files: Sequence[str]) -> None:
    """Raises InvalidRequest: there is nothing to answer, or a result that belongs to no call."""
    ends_with_result = bool(history) and history[-1].role == "tool"
    if not prompt.strip() and (files or not ends_with_result):
        raise InvalidRequest(
            "prompt must not be empty. It may be empty only right behind a function's result, without files."
        )
    called: set[str] = set()
    for turn in history:
        if turn.role == "tool" and turn.function_call_id not in called:
            id = printable(turn.function_call_id)
            raise InvalidRequest(f"history has a result of {id}, and no function_calls before it have that id.")
        called |= {past.id for past in turn.function_calls}
