"""What the prompts say: texts.toml, read at the first prompt that is asked for, in the language of the call."""

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from ...calls.language import language_now

PROMPT_TEXTS = Path(__file__).parent / "texts.toml"


def words(name: str, **values: Any) -> str:
    """A text with its gaps filled. What fills them is not looked at again."""
    return _texts()[name][language_now()].strip("\n").format_map(values)


def sentences(told: Iterable[str]) -> str:
    """One after another: Chinese leaves no space between them."""
    return ("" if language_now() == "zh" else " ").join(told)


@cache
def _texts() -> dict[str, dict[str, str]]:
    return tomllib.loads(PROMPT_TEXTS.read_text("utf-8"))
