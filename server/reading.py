"""JSON out of what a model wrote: whole, in a fence, among prose, with comments. Never guessed, never completed."""

import json
import re
from collections.abc import Iterator
from typing import Any

FENCE = re.compile(r"```[a-zA-Z0-9]*\s*\n(.*?)```", re.DOTALL)
STRING = r'"(?:[^"\\]|\\.)*"'
COMMENTS = re.compile(rf"{STRING}|//[^\n]*|/\*.*?\*/", re.DOTALL)
TRAILING_COMMAS = re.compile(rf"{STRING}|,(?=\s*[}}\]])", re.DOTALL)
DEEPEST = 200


class NoJson(ValueError):
    """There is no whole JSON value; the text says why."""


def json_of(text: str) -> Any:
    """The JSON value a text holds.

    Raises:
        NoJson: none, or one that is cut off. What is missing is not made up.
    """
    why = "it holds no JSON"
    for piece in _pieces(text):
        try:
            return _parsed(piece)
        except ValueError as error:
            why = f"its JSON is broken: {error}"
        except RecursionError:
            why = f"its JSON is nested deeper than {DEEPEST} levels"
    raise NoJson(f"The answer cannot be read: {why}.")


def _pieces(text: str) -> Iterator[str]:
    """From the most literal reading to the most tolerant; the last one that looks like JSON says what is wrong."""
    stripped = text.strip()
    candidates = [stripped, *(match.strip() for match in FENCE.findall(text)), *_among_prose(stripped)]
    for candidate in dict.fromkeys(candidates):
        if candidate[:1] in ("{", "["):
            yield candidate
            yield _without(TRAILING_COMMAS, _without(COMMENTS, candidate))
        elif candidate is stripped:
            yield candidate


def _among_prose(text: str) -> Iterator[str]:
    """From the first brace on; before it, a bracket such as [1] may be a reference."""
    starts = [place for place in (text.find("{"), text.find("[")) if place > 0]
    yield from (text[start:] for start in sorted(starts, key=lambda place: text[place] != "{"))


def _without(extras: re.Pattern[str], text: str) -> str:
    return extras.sub(lambda match: match[0] if match[0].startswith('"') else " ", text)


def _parsed(piece: str) -> Any:
    """The value at the start; only prose may follow."""
    value, end = json.JSONDecoder(parse_constant=_no_number, object_pairs_hook=_once).raw_decode(piece)
    rest = piece[end:].strip().strip("`").strip()
    if rest[:1] in ("{", "[", ",", "]", "}") or (rest and not isinstance(value, dict | list)):
        raise ValueError("more follows after its end")
    return value


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found
