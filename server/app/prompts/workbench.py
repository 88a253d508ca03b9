"""`prompts/list` and `prompts/get`: what is not there, or not as it must be, is refused in words."""

from collections.abc import Collection, Mapping

from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, GetPromptResult, Prompt, PromptMessage, TextContent

from ...calls.context import AppContext
from ...calls.language import language_of, said
from ...errors import InvalidRequest
from ...text import first_few, is_sendable, printable
from .offered import OFFERED

MAX_ARGUMENT_CHARS = 50_000


class Workbench:
    """The prompts of a server that offers these tools."""

    def __init__(self, context: AppContext, tools: Collection[str]) -> None:
        self.context, self.tools = context, tools

    def listed(self) -> list[Prompt]:
        return list(OFFERED)

    def prompt(self, name: str, arguments: Mapping[str, str]) -> GetPromptResult:
        """Raises MCPError: there is none of that name, or its arguments do not fit."""
        from .scenarios import SCENARIOS  # what no start needs
        from .texts import words

        with language_of(self.context.language, arguments):
            try:
                offered = _named(name)
                text = SCENARIOS[name](self.context, self.tools, _fitting(offered, arguments))
            except InvalidRequest as refused:
                raise MCPError(INVALID_PARAMS, said(refused.reason)) from None
            text = "\n\n".join([words("before"), text, words("after")])
        message = PromptMessage(role="user", content=TextContent(text=text))
        return GetPromptResult(description=offered.description, messages=[message])


def _named(name: str) -> Prompt:
    found = next((each for each in OFFERED if each.name == name), None)
    if found is None:
        raise InvalidRequest(
            f"There is no prompt {printable(name)}. Prompts: {', '.join(each.name for each in OFFERED)}."
        )
    return found


def _fitting(prompt: Prompt, arguments: Mapping[str, str]) -> dict[str, str]:
    known = {each.name: bool(each.required) for each in prompt.arguments or ()}
    given = {name: value.strip() for name, value in arguments.items()}
    if strange := [name for name in given if name not in known]:
        raise InvalidRequest(
            f"{prompt.name} has no argument {first_few(map(printable, strange))}. It has {', '.join(known)}."
        )
    if missing := [name for name, required in known.items() if required and not given.get(name)]:
        raise InvalidRequest(f"{prompt.name} needs {', '.join(missing)}.")
    if bad := [name for name, value in given.items() if len(value) > MAX_ARGUMENT_CHARS or not is_sendable(value)]:
        raise InvalidRequest(
            f"{', '.join(bad)} must be at most {MAX_ARGUMENT_CHARS:,} characters of text: put more into a file."
        )
    return given
