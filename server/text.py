"""Words for refusals: pydantic's complaints made plain (where, what is allowed, never what was given), and names."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

PLAIN_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not an argument",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "model_attributes_type": "must be an object",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
}


MAX_COMPLAINTS = 10


def complaints(details: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences for `ValidationError.errors()`, the first few of them."""
    more = len(details) - MAX_COMPLAINTS
    return [f"{complaint(each)}." for each in details[:MAX_COMPLAINTS]] + ([f"And {more} more."] if more > 0 else [])


def complaint(details: Mapping[str, Any]) -> str:
    """One entry of `ValidationError.errors()` as a sentence without its full stop."""
    return f"{place(details)} {_what(details)}".strip()


def place(details: Mapping[str, Any]) -> str:
    parts = details["loc"]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{printable(str(part))}" for part in parts).lstrip(".")


def printable(name: str) -> str:
    """A name from outside, fit for a sentence: short, and without what could hide or reorder text."""
    return "".join(c if c.isprintable() else "?" for c in name[:80])


def _what(details: Mapping[str, Any]) -> str:
    kind, limits = details["type"], details.get("ctx") or {}
    if kind == "string_pattern_mismatch":
        return "must not be empty" if limits.get("pattern") == r"\S" else "holds characters that it cannot have"
    if kind == "too_long":
        return f"must have at most {limits.get('max_length')} items"
    if kind == "string_too_long":
        return f"must have at most {limits.get('max_length')} characters"
    if kind == "value_error":
        return str(details["msg"]).removeprefix("Value error, ")
    said = str(details["msg"]).replace("Input should be", "must be")
    return PLAIN_WORDS.get(kind) or said[:1].lower() + said[1:]


# White space, control characters, what reorders or hides text, halves of surrogate pairs
HIDDEN = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ud800-\\udfff"
    "\\ufe00-\\ufe0f\\ufeff\\U000e0000-\\U000e0fff"
)
UNSEEN = re.compile(rf"[\s{HIDDEN}]+")


def clip(text: str, characters: int) -> str:
    """Upstream text on one line, without control characters, and not longer than that."""
    line = UNSEEN.sub(" ", text).strip()
    return line if len(line) <= characters else line[: characters - 1] + "…"
