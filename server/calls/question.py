"""Whether two calls ask the same: the tool, its arguments, what its files hold, and the settings that matter."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from typing import Any

from pydantic import BaseModel

from ..errors import InvalidRequest
from ..files import digest
from .context import AppContext
from .host_limits import TextLimit
from .language import IN_CHINESE

FILE_ARGUMENTS = ("files", "source", "file", "glossary", "memory")  # what they name is read, wherever a tool has them


async def question_of(
    context: AppContext, tool: str, model: type[BaseModel], arguments: Mapping[str, Any], limit: TextLimit
) -> Callable[[], str]:
    """What makes its key, a hash: files are read at once, since they may change. Empty where the call is like no other:
    what is wrong with its arguments or files is said elsewhere. `limit`: an answer is cut for the host that asked.
    """
    if not context.replay:
        return str
    try:
        contents = [await digest(name, context.folders) for name in _files(arguments)]
    except InvalidRequest:
        return str
    folder = str(context.output_folder) if "output" in model.model_fields else ""  # where a file is written
    return partial(_key, [tool, contents, asdict(limit), _settings(context), folder], model, arguments)


def _key(known: list[Any], model: type[BaseModel], arguments: Mapping[str, Any]) -> str:
    try:
        given = model.model_validate(arguments).model_dump(mode="json")
    except (ValueError, RecursionError):  # of pydantic, too
        return ""
    return sha256(json.dumps([*known, given], sort_keys=True).encode()).hexdigest()


def _files(given: Mapping[str, Any]) -> list[str]:
    named = [given.get(name) or () for name in FILE_ARGUMENTS]
    files = [file for each in named for file in (each if isinstance(each, list) else [each])]
    return [file for file in files if isinstance(file, str)]


def _settings(context: AppContext) -> list[Any]:
    """What makes another answer of the same arguments, in another process of this state folder."""
    host = context.host
    url = "" if context.sandboxed else host.compatible  # each server has a sandbox of its own
    chosen: list[Any] = [host.kind, url, host.region, sorted(context.models.items())]
    return [*chosen, context.structured, IN_CHINESE.get(), context.extract_repairs, context.uploads]
