"""Our thinking levels in each model family's own words, and the output limit that goes with them.

Pages: https://help.aliyun.com/zh/model-studio/deep-thinking and the chat-completions reference (`reasoning_effort`).
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

from ..catalog import Model
from ..errors import InvalidRequest

Level = Literal["off", "low", "medium", "high"]
LEVELS = ("low", "medium", "high")
BUDGET_TOKENS = {"low": 4_096, "medium": 16_384, "high": 32_768}
XHIGH_TOKENS = 262_144
# A reply must fit the host (25,000 tokens) and its price must have an upper bound: what is sent when none is asked.
ANSWER_TOKENS = 16_384


@dataclass(frozen=True)
class ThinkingParameters:
    """What to send, the level that stands for (as reported), and how many reasoning tokens to leave room for."""

    parameters: dict[str, Any]
    used: str
    room_tokens: int = 0
    warnings: tuple[str, ...] = ()


def thinking(name: str, model: Model | None, level: Level | None) -> ThinkingParameters:
    """The parameters for `level` on a model; None asks for no thinking where the model can do without.

    Raises:
        InvalidRequest: the model cannot do that level.
    """
    if model is None or model.thinking is None:
        return _unknown(level)
    if model.thinking.mode == "none":
        if level not in (None, "off"):
            raise InvalidRequest(f"{name} cannot think. Call again without thinking, or choose a model that can.")
        return ThinkingParameters({}, "off")
    if model.thinking.mode == "only":
        if level == "off":
            raise InvalidRequest(f"{name} always thinks. Call again without thinking=off, or choose another model.")
        return ThinkingParameters({}, "on", BUDGET_TOKENS["high"]) if level is None else _at(level, model)
    if level in (None, "off"):
        return ThinkingParameters({"enable_thinking": False}, "off")
    assert level is not None
    at = _at(level, model)
    return replace(at, parameters={"enable_thinking": True, **at.parameters})


def output_limit(
    name: str, model: Model | None, thought: ThinkingParameters, asked: int | None, *, of_answer: bool = False
) -> dict[str, int]:
    """The parameter that bounds the output: `max_completion_tokens` (reasoning included) where the model takes it.

    `of_answer`: the protocol limits the answer alone, whatever the model's own parameter is.

    A model the catalog does not hold gets a limit only when one is asked for.

    Raises:
        InvalidRequest: the limit leaves no room for an answer after the thinking it allows.
    """
    parameter = "max_tokens" if of_answer else model.output_limit if model else "max_completion_tokens"
    room = thought.room_tokens if parameter == "max_completion_tokens" else 0
    if asked is not None:
        if asked <= room and "thinking_budget" in thought.parameters:
            raise InvalidRequest(
                f"max_output_tokens={asked} leaves no room for an answer: thinking={thought.used} alone may use "
                f"{room:,} tokens on {name}. Raise it above {room:,}, or choose a lower thinking level."
            )
        return {parameter: asked}
    if model is None:
        return {}
    return {parameter: min(room + ANSWER_TOKENS, model.limits.max_output or ANSWER_TOKENS)}


def standard(level: Level | None) -> ThinkingParameters:
    """A server that is not DashScope: OpenAI's own `reasoning_effort`, and only when a level is asked for."""
    if level in (None, "off"):
        return ThinkingParameters({}, "the model's own default")
    assert level is not None
    return ThinkingParameters({"reasoning_effort": level}, level)


def _unknown(level: Level | None) -> ThinkingParameters:
    """A model the catalog does not hold: send what was asked, in the words most families understand."""
    if level is None:
        return ThinkingParameters({}, "the model's own default")
    if level == "off":
        return ThinkingParameters({"enable_thinking": False}, "off")
    budget = BUDGET_TOKENS[level]
    return ThinkingParameters({"enable_thinking": True, "thinking_budget": budget}, level, budget)


def _at(level: str, model: Model) -> ThinkingParameters:
    assert model.thinking
    efforts, most = model.thinking.effort, model.limits.max_reasoning or XHIGH_TOKENS
    if model.output_limit == "max_completion_tokens" and model.limits.max_output:
        most = max(1, min(most, model.limits.max_output - ANSWER_TOKENS))
    if not efforts:
        budget = min(BUDGET_TOKENS[level], most)
        return ThinkingParameters({"thinking_budget": budget}, level, budget)
    higher = [known for known in LEVELS[LEVELS.index(level) :] if known in efforts]
    used = higher[0] if higher else [known for known in LEVELS if known in efforts][-1]
    effort, warnings = efforts[used], []
    if used != level:
        warnings.append(f"{model.id} has no thinking={level}; {used} was used.")
    room = min(most, XHIGH_TOKENS) if effort == "xhigh" else BUDGET_TOKENS[used]
    if effort == "xhigh":
        warnings.append(f"thinking={used} lets {model.id} reason for up to {room:,} tokens.")
    return ThinkingParameters({"reasoning_effort": effort}, used, room, tuple(warnings))
