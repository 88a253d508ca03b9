"""What a tool takes, as it is checked: what is published of it may be less, and what is filled in is fitted to it."""

from functools import cache
from typing import Any

from pydantic import BaseModel

from .lean_schemas import inlined, untitled

NOT_SET = "auto"


@cache
def checked_schema(arguments: type[BaseModel]) -> dict[str, Any]:
    """What arguments are checked against, as plain types; who may be null has no default."""
    schema: dict[str, Any] = inlined(untitled(arguments.model_json_schema(by_alias=True)))
    for argument in schema["properties"].values():
        arms = [arm for arm in argument.get("anyOf", ()) if arm != {"type": "null"}]
        if len(arms) == 1 and argument.get("default", 0) is None:
            del argument["anyOf"], argument["default"]
            argument.update(arms[0])
    return schema
