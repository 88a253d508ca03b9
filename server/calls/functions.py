"""Functions that a model may call: as they are given, as they are sent, and its calls as they are told.

Page: https://help.aliyun.com/zh/model-studio/qwen-api-via-openai-chat-completions (tools, tool_choice,
parallel_tool_calls). A name is A-Z, a-z, 0-9, _ and -, up to 64 of them, and not `search`; `required` is not for Qwen;
no function can be forced while the model thinks. What other servers take, they say themselves.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from ..catalog import Frozen, Model
from ..dashscope import FunctionCall
from ..errors import InvalidRequest
from ..text import clip, printable
from .ask import Exchange
from .thinking import LEVELS, ThinkingParameters

MAX_SHOWN_NAME_CHARS = 100
TAKEN_NAME = "search"
CUT_OFF, NO_OBJECT, NOT_GIVEN = "cut off: not whole", "no JSON object", "no function of that name was given"
# Told as text: some hosts close an object without fixed names, or refuse it. An object is taken too.
AS_TEXT = WithJsonSchema({"type": "string"})


def _schema(given: Any) -> Any:
    """An object, of JSON text too."""
    if isinstance(given, str) and given.strip():
        try:
            return json.loads(given)
        except (ValueError, RecursionError):
            raise ValueError("must be a JSON schema") from None
    return given or {}


class Function(BaseModel):
    """OpenAI's form with `type` and `function` is taken too."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str = ""
    parameters: Annotated[dict[str, Any], BeforeValidator(_schema), AS_TEXT] = Field(
        default_factory=dict, description="JSON schema"
    )

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, given: Any) -> Any:
        return _unwrapped(given)

    def as_sent(self) -> dict[str, Any]:
        said = {"description": self.description} if self.description else {}
        parameters = self.parameters or {"type": "object", "properties": {}}
        return {"type": "function", "function": {"name": self.name, **said, "parameters": parameters}}


class PastCall(BaseModel):
    """As the answer told it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    name: str
    arguments: Annotated[dict[str, Any] | str, AS_TEXT] = ""

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, given: Any) -> Any:
        bare = _unwrapped(given)
        return {name: value for name, value in bare.items() if name != "note"} if isinstance(bare, dict) else bare

    def as_sent(self) -> dict[str, Any]:
        given = self.arguments
        text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": text or "{}"}}


def _unwrapped(given: Any) -> Any:
    """The inside of `{"type": "function", "function": {...}}`."""
    if not isinstance(given, dict) or given.get("type", "function") != "function":
        return given
    inner = given.get("function")
    bare = {name: value for name, value in given.items() if name not in ("type", "function", "index")}
    return {**bare, **inner} if isinstance(inner, dict) else {**bare, **({"function": inner} if inner else {})}


@dataclass(frozen=True)
class Functions:
    """All that are given with a question. `choice`: auto, none, required, or a name."""

    given: Sequence[Function] = ()
    choice: str = ""

    @property
    def names(self) -> list[str]:
        return [function.name for function in self.given]

    def parameters(self, model: str, known: Model | None, thought: ThinkingParameters, *, ours: bool) -> dict[str, Any]:
        """What to send. `ours`: to DashScope, whose rules are known.

        Raises:
            InvalidRequest: they cannot be sent so.
        """
        choice = self.choice.strip()
        if not self.given and choice in ("", "auto", "none"):
            return {}
        self._require_names(choice, ours=ours)
        parallel = {"parallel_tool_calls": True} if ours else {}
        sent = {"tools": [function.as_sent() for function in self.given], **parallel}
        if choice in ("", "auto"):
            return sent
        if ours and choice == "required":
            choice = self._required(model, known)
        if ours and choice != "none" and thought.used in (*LEVELS, "on"):
            raise InvalidRequest(
                f"No function can be forced while {model} thinks: leave function_choice or thinking out."
            )
        named = {"type": "function", "function": {"name": choice}}
        return {**sent, "tool_choice": choice if choice in ("none", "required") else named}

    def _require_names(self, choice: str, *, ours: bool) -> None:
        twice = [name for name in self.names if self.names.count(name) > 1]
        if twice:
            raise InvalidRequest(f"functions must differ in name: {twice[0]} stands there twice.")
        if ours and TAKEN_NAME in self.names:
            raise InvalidRequest(f"DashScope takes no function named {TAKEN_NAME}: give it another name.")
        if choice not in ("", "auto", "none", "required", *self.names) or not self.given:
            raise InvalidRequest(
                "function_choice must be auto, none, required or the name of one of functions: "
                f"{printable(choice)} is none of them."
            )

    def _required(self, model: str, known: Model | None) -> str:
        """Qwen takes no `required`; of one function its name says the same."""
        if len(self.given) == 1:
            return self.given[0].name
        if known and known.vendor == "alibaba":
            raise InvalidRequest(f"{model} takes no function_choice=required: name one function, or leave it out.")
        return "required"


class CalledFunction(Frozen):
    """A call that the model wants. Its result goes into `history`."""

    id: str
    name: str
    arguments: dict[str, Any] | str = Field(description="Raw text where it is no JSON object")
    note: str = Field("", description="What is wrong with it", exclude_if=lambda v: not v)

    def in_words(self) -> str:
        """On one line, which no model can break."""
        name, id = (clip(text, MAX_SHOWN_NAME_CHARS) for text in (self.name, self.id))
        return f"-> {name} {json.dumps(self.arguments, ensure_ascii=False, separators=(',', ':'))} (id {id})"


def called_functions(exchange: Exchange, names: Collection[str]) -> tuple[CalledFunction, ...]:
    """The calls of an answer. Each has an id of its own, or its result could not be told apart."""
    found: list[CalledFunction] = []
    for number, call in enumerate(exchange.function_calls, 1):
        id = call.id or f"call_{number}"
        id = f"{id}_{number}" if id in {each.id for each in found} else id
        cut = exchange.truncated and number == len(exchange.function_calls)
        arguments, note = _read(call, cut=cut)
        unknown = "" if call.name in names else NOT_GIVEN
        found.append(CalledFunction(id=id, name=call.name, arguments=arguments, note=note or unknown))
    return tuple(found)


def _read(call: FunctionCall, *, cut: bool) -> tuple[dict[str, Any] | str, str]:
    """The arguments, and what is wrong with them."""
    if not call.arguments.strip() and not cut:
        return {}, ""  # of a function without parameters
    read = call.as_object
    return (call.arguments, CUT_OFF if cut else NO_OBJECT) if read is None else (read, "")
