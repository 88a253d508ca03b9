"""JSON and text: a value out of what a model wrote (whole, in a fence, among prose, with comments; never guessed, never
completed), its depth, its pointers."""

import json
from collections.abc import Sequence
from math import isfinite
from typing import Any

from pydantic_core import from_json

from .text import HALF_A_PAIR, clip, is_sendable, printable, thoughts_apart

MAX_DEPTH = 100
MAX_VALUES = 20  # looked at among prose


class NoJson(ValueError):
    """There is no whole JSON value; the text says why."""


def json_of(text: str) -> Any:
    """The JSON value a text holds.

    Raises:
        NoJson: none, or one that is cut off. What is missing is not made up.
    """
    stripped = text.strip()
    answer = thoughts_apart(stripped)[1].strip()  # a draft among the thoughts is no answer
    why = "it holds no JSON" if answer else "it is empty"
    for reading, read in ((_parsed, stripped), (_parsed, answer), (_fenced, answer), (_among_prose, answer)):
        try:
            value = reading(read)
        except RecursionError:
            why = f"its JSON is nested deeper than {MAX_DEPTH} levels"
        except ValueError as error:
            why = str(error) or why
        else:
            _require_sendable(value)
            return value
    raise NoJson(f"The answer cannot be read: {why}.")


def _fenced(text: str) -> Any:
    """What stands in the one code fence there is."""
    pieces = text.split("```")
    if len(pieces) != 3:
        raise ValueError("")
    head, newline, body = pieces[1].partition("\n")
    return _parsed((body if (newline and head.strip().isalnum()) or not head.strip() else pieces[1]).strip())


def _among_prose(text: str) -> Any:
    """The one object (else the one list) that stands among words; two are one too many to choose from."""
    found: list[Any] = []
    place = _next(text, 0)
    while place >= 0 and len(found) < MAX_VALUES:
        value, place = _decoded(text, place)
        found.append(value)
        place = _next(text, place)
    objects = [value for value in found if isinstance(value, dict)]
    chosen = objects or found
    if len(chosen) != 1:
        raise ValueError("it holds several JSON values" if chosen else "it holds no JSON")
    return chosen[0]


def _next(text: str, start: int) -> int:
    """Where the next value may begin: a brace, or a bracket that holds more than a reference."""
    starts = [at for at in (text.find("{", start), text.find("[", start)) if at >= 0]
    while starts:
        at = min(starts)
        after = text[at + 1 : at + 2]
        if text[at] == "{" or after in ' \n\t"[{]-0123456789tfn':
            return at
        starts = [a for a in (text.find("{", at + 1), text.find("[", at + 1)) if a >= 0]
    return -1


def _parsed(text: str) -> Any:
    """The text as one value, and nothing behind it."""
    value, end = _decoded(text, 0)
    if text[end:].strip():
        raise ValueError("its JSON is broken: more follows after its end")
    return value


def _decoded(text: str, start: int) -> tuple[Any, int]:
    """The value that begins there and where it ends; read once more without comments and trailing commas."""
    try:
        value, length = DECODER.raw_decode(text[start:])
        return value, start + length
    except ValueError as error:
        plain, places = _without_extras(text[start:])
        try:
            value, length = DECODER.raw_decode(plain)
        except ValueError:
            raise ValueError(f"its JSON is broken: {error}") from None
        return value, start + places[length]


def _without_extras(text: str) -> tuple[str, list[int]]:
    """JSON without comments and trailing commas, in one pass, and where each kept character stood."""
    kept: list[str] = []
    places: list[int] = []
    at = 0
    while at < len(text):
        end = _end_of_extra(text, at)
        if end > at:
            at = end
            continue
        end = _end_of_string(text, at) if text[at] == '"' else at + 1
        if text[at] in "}]":
            _drop_comma(kept, places)
        kept.extend(text[at:end])
        places.extend(range(at, end))
        at = end
    return "".join(kept), [*places, len(text)]


def _end_of_extra(text: str, at: int) -> int:
    """Behind the comment that begins there; where none does, the place itself."""
    if text.startswith("//", at):
        end = text.find("\n", at)
        return len(text) if end < 0 else end
    if text.startswith("/*", at):
        end = text.find("*/", at + 2)
        return len(text) if end < 0 else end + 2
    return at


def _end_of_string(text: str, at: int) -> int:
    end = at + 1
    while end < len(text) and text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    return min(end + 1, len(text))


def _drop_comma(kept: list[str], places: list[int]) -> None:
    last = len(kept) - 1
    while last >= 0 and kept[last].isspace():
        last -= 1
    if last >= 0 and kept[last] == ",":
        del kept[last], places[last]


def _require_sendable(value: Any) -> None:
    """Raises NoJson where a host could not be sent the value."""
    if depth_of(value) > MAX_DEPTH:
        raise NoJson(f"The answer cannot be read: its JSON is nested deeper than {MAX_DEPTH} levels.")
    if not is_sendable(json.dumps(value, ensure_ascii=False)):
        raise NoJson(f"The answer cannot be read: it holds {HALF_A_PAIR}.")


def _number(text: str) -> float:
    if not isfinite(value := float(text)):
        raise ValueError(f"{text[:20]} is larger than JSON numbers are read")
    return value


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names stand once: the second of two would win without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{printable(twice)} stands twice in one object")
    return found


# not strict: models write raw line ends into strings
DECODER = json.JSONDecoder(strict=False, parse_constant=_no_number, parse_float=_number, object_pairs_hook=unique_names)


# --- JSON as data ---


def json_or_text(text: str) -> Any:
    """The value of a whole JSON text; of any other text, the text."""
    try:
        return from_json(text)
    except (ValueError, TypeError):  # or half a pair, which no text of Rust's holds
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def dict_of(value: Any) -> dict[str, Any]:
    """Of what others sent: an object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def dicts_of(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def short_json(value: Any, max_chars: int = 80) -> str:
    return clip(json.dumps(value, ensure_ascii=False), max_chars)


def pointer(path: Sequence[Any]) -> str:
    """A JSON pointer: https://www.rfc-editor.org/rfc/rfc6901"""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def depth_of(value: Any) -> int:
    """Levels of lists and objects; what is far too deep is not counted to its end."""
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH + 1:
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
        depth += 1
    return depth
