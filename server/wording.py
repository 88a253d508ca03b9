"""Words for refusals: pydantic's complaints made plain (where, what is allowed, never what was given), and names."""

from collections.abc import Mapping, Sequence
from typing import Any

PLAIN = {
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


MOST = 10


def complaints(details: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences for `ValidationError.errors()`, the first few of them."""
    more = len(details) - MOST
    return [f"{complaint(each)}." for each in details[:MOST]] + ([f"And {more} more."] if more > 0 else [])


def complaint(details: Mapping[str, Any]) -> str:
    """One entry of `ValidationError.errors()` as a sentence without its full stop."""
    return f"{place(details)} {_what(details)}".strip()


def place(details: Mapping[str, Any]) -> str:
    parts = details["loc"]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{shown(str(part))}" for part in parts).lstrip(".")


def shown(name: str) -> str:
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
    return PLAIN.get(kind) or said[:1].lower() + said[1:]
