"""Loading what a server stands on in less time, by switches that Python and pydantic document."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from importlib.util import find_spec, module_from_spec
from inspect import isclass
from typing import Any


@contextmanager
def loaded_lightly() -> Iterator[None]:
    """While modules load, no garbage is looked for, and what pydantic validates by is built only when it is first used.

    https://docs.pydantic.dev/latest/api/config/#pydantic.config.ConfigDict.defer_build: of the SDK's 490 models, and of
    its unions of all of them, a host needs few.
    """
    gc.disable()
    _open_when_asked("mcp")  # which loads the SDK's client, too
    try:
        with _built_when_used():
            yield
    finally:
        gc.freeze()  # modules stay: no later collection need look at them
        gc.enable()


@contextmanager
def _built_when_used() -> Iterator[None]:
    """A class says so by its settings; a union has none but those it is given."""
    from pydantic import BaseModel, TypeAdapter

    init = TypeAdapter.__init__

    @wraps(init)
    def deferred(adapter: Any, type: Any, *, _parent_depth: int = 2, **options: Any) -> None:
        if not isclass(type):
            options.setdefault("config", {"defer_build": True})
        init(adapter, type, _parent_depth=_parent_depth + 1, **options)

    TypeAdapter.__init__ = deferred  # type: ignore[method-assign, assignment]
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        TypeAdapter.__init__ = init  # type: ignore[method-assign]
        del BaseModel.model_config["defer_build"]


@contextmanager
def kept_out(*packages: str) -> Iterator[None]:
    """Meanwhile they count as not installed, for those who can do without: https://docs.python.org/3/reference/import.html"""
    hidden = [package for package in packages if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is the documented sign
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]


def _open_when_asked(package: str) -> None:
    """Let modules of a package be loaded without its `__init__`, which is run when a name of its own is asked for."""
    spec = None if package in sys.modules else find_spec(package)
    if spec is None or spec.loader is None:
        return
    loader, module = spec.loader, module_from_spec(spec)

    def opened(name: str) -> Any:  # https://peps.python.org/pep-0562/
        del vars(module)["__getattr__"]
        loader.exec_module(module)
        return getattr(module, name)

    vars(module)["__getattr__"] = opened
    sys.modules[package] = module
