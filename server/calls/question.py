"""Whether two calls ask the same: the tool, its arguments, what its files hold, and the settings that matter."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ValidationError

from ..errors import InvalidRequest
from ..files import digest
from .context import AppContext
from .language import IN_CHINESE

FILE_ARGUMENTS = ("files", "source")  # what they name is read, wherever a tool has them


async def question_key(context: AppContext, tool: str, model: type[BaseModel], arguments: Mapping[str, Any]) -> str:
    """A hash; empty where the call is like no other: what is wrong with its arguments or files is said elsewhere."""
    if not context.replay:
        return ""
    try:
        given = model.model_validate(arguments).model_dump(mode="json")
        contents = [await digest(name, context.folders) for name in _files(given)]
    except (ValidationError, InvalidRequest):
        return ""
    return sha256(json.dumps([tool, given, contents, _settings(context)], sort_keys=True).encode()).hexdigest()


def _files(given: Mapping[str, Any]) -> list[str]:
    named = [given.get(name) or () for name in FILE_ARGUMENTS]
    return [file for each in named for file in ([each] if isinstance(each, str) else each)]


def _settings(context: AppContext) -> list[Any]:
    """What makes another answer of the same arguments, in another process of this state folder."""
    host = context.host
    chosen = [host.kind, host.compatible, host.region, sorted(context.models.items())]
    return [*chosen, context.structured, IN_CHINESE.get(), context.extract_repairs, context.uploads]
