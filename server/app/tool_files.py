"""The tools there are: the files of `tools/`, the core, and those of its folders, each a group that a setting adds."""

import importlib
import pkgutil
from collections.abc import Collection
from functools import cache
from types import ModuleType

from ... import tools

CORE = "core"


@cache
def tool_groups() -> dict[str, str]:
    """Tool -> its group, of every tool there is; nothing of them is loaded."""
    found = dict.fromkeys(_names(tools.__path__), CORE)
    for folder in pkgutil.iter_modules(tools.__path__):
        if folder.ispkg:
            found |= dict.fromkeys(_names([f"{path}/{folder.name}" for path in tools.__path__]), folder.name)
    return dict(sorted(found.items()))


def tools_in(groups: Collection[str] | None = None) -> dict[str, str]:
    """Those of these groups and of the core; None: of all."""
    return {name: group for name, group in tool_groups().items() if groups is None or group in {CORE, *groups}}


def tool_modules(groups: Collection[str] | None = None) -> list[ModuleType]:
    """The modules of these groups and of the core, by name; None: of all."""
    return [tool_module(name) for name in tools_in(groups)]


def tool_module(name: str) -> ModuleType:
    group = tool_groups()[name]
    return importlib.import_module(f"{tools.__name__}.{name}" if group == CORE else f"{tools.__name__}.{group}.{name}")


def _names(path: Collection[str]) -> list[str]:
    """A leading underscore means: not a tool."""
    return [m.name for m in pkgutil.iter_modules(path) if not (m.ispkg or m.name.startswith("_"))]
