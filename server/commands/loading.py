"""Loading what a server stands on in less time, by two switches that Python and pydantic document."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loaded_lightly() -> Iterator[None]:
    """While modules load, no garbage is looked for, and a pydantic model is built only when it is first used.

    https://docs.pydantic.dev/latest/api/config/#pydantic.config.ConfigDict.defer_build: of the SDK's 490 models a host
    needs few.
    """
    from pydantic import BaseModel

    gc.disable()
    BaseModel.model_config["defer_build"] = True
    try:
        yield
    finally:
        del BaseModel.model_config["defer_build"]
        gc.freeze()  # modules stay: no later collection need look at them
        gc.enable()
