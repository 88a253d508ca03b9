"""What a server lists, known before the SDK is loaded: a snapshot that tests hold to the SDK's replies byte for byte.

`listed.json` holds what the SDK lists, `outputs.json` what results look like as data; `make test` tells when they are
behind and `UPDATE=1` writes them. They are not used where the version, the SDK's minor version or a file that they were
made of is another. The standard library only.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

from ..version import installed_version, own_version
from . import handshake

PACKAGE = Path(__file__).parents[3]
LISTED_FILE, OUTPUTS_FILE = (Path(__file__).with_name(name) for name in ("listed.json", "outputs.json"))
KNOWN_FIRST = ("$schema", "properties", "required", "type")  # of a schema, as the SDK writes it to a host of 2025
TRUE_WORDS, FALSE_WORDS = {"1", "true", "t", "yes", "y", "on"}, {"", "0", "false", "f", "no", "n", "off"}


class Listing:
    """The lists of a server with these groups of tools, and with results as data."""

    def __init__(self, groups: frozenset[str], structured: bool) -> None:
        self._groups = groups
        self._structured = structured

    def load(self) -> None:
        """Read it now, while nothing else is to be done."""
        _ = self._results

    def result(self, method: str, era: str) -> dict[str, Any] | None:
        """What the SDK answers; `None`: it must say."""
        if method not in self._results:
            return None
        result = {name: self._of_era(items, era) for name, items in self._results[method].items()}
        return handshake.enveloped(result) if era == handshake.ENVELOPE else result

    @cached_property
    def _results(self) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Method -> its result; empty where that is not known for sure."""
        try:
            known = json.loads(LISTED_FILE.read_bytes())
            outputs = json.loads(OUTPUTS_FILE.read_bytes()) if self._structured else {}
        except (OSError, ValueError):
            return {}
        group_of = known["groups"]
        if not (is_current(known) and self._groups <= {"all", *group_of.values()}):
            return {}
        tools = [tool for tool in known["tools"] if {"all", group_of[tool["name"]]} & self._groups]
        return {"tools/list": {"tools": [self._tool(tool, outputs) for tool in tools]}, **known["others"]}

    def _tool(self, tool: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        told = {"outputSchema": outputs[tool["name"]]} if self._structured else {}
        return dict(sorted({**tool, **told}.items()))

    def _of_era(self, items: list[dict[str, Any]], era: str) -> list[dict[str, Any]]:
        if era == handshake.ENVELOPE:
            return items
        return [{k: _known_first(v) if k.endswith("Schema") else v for k, v in item.items()} for item in items]


def chosen(tools: str, structured: str) -> Listing | None:
    """By the values of BAILIAN_TOOLS and BAILIAN_STRUCTURED, as the settings read them; `None`: they must say."""
    names = {name.strip().lower() for name in tools.split(",")} - {""}
    if structured.lower() not in TRUE_WORDS | FALSE_WORDS or not tools.isascii():
        return None
    return Listing(frozenset({"core", *names}), structured.lower() in TRUE_WORDS)


def made_of(files: list[str]) -> dict[str, str]:
    """Files of this package -> a checksum of each. Raises OSError."""
    return {file: f"{crc32((PACKAGE / file).read_bytes()):08x}" for file in files}


def sdk_version() -> str:
    """The minor version: what a host is told does not change within one."""
    return ".".join(installed_version("mcp").split(".")[:2])


def is_current(known: dict[str, Any]) -> bool:
    """Whether a snapshot is of what is installed here."""
    try:
        same = made_of(list(known["made_of"])) == known["made_of"]
    except OSError:
        return False
    return same and (known["version"], known["sdk"]) == (own_version(), sdk_version())


def _known_first(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: schema[name] for name in (*KNOWN_FIRST, *schema) if name in schema}
