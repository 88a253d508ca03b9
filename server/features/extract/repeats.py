"""Rows that several parts tell: parts do not overlap, so each is kept; but that they look the same is said."""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from ...json_text import pointer

MAX_FIELDS = 50  # of an object that is compared


def told_twice(results: Sequence[Any]) -> list[str]:
    """A sentence for each array in which parts tell objects that are the same, or differ in what one leaves out."""
    return [
        f"Rows of {where or 'the whole'} that look like one of an earlier part: {count}. "
        "Parts do not overlap, so all are kept: compare them with the sources."
        for where, lists in _arrays([result for result in results if result not in (None, "", [], {})], "")
        if (count := _repeats(lists))
    ]


def _arrays(values: Sequence[Any], where: str) -> Iterator[tuple[str, list[list[Any]]]]:
    """The arrays of all parts, by their pointer."""
    lists = [value for value in values if isinstance(value, list)]
    if len(lists) > 1:
        yield where, lists
    objects = [value for value in values if isinstance(value, dict)]
    for name in dict.fromkeys(name for value in objects for name in value):
        yield from _arrays([value[name] for value in objects if name in value], where + pointer([name]))


def _repeats(lists: Sequence[Sequence[Any]]) -> int:
    count = 0
    told: set[frozenset[str]] = set()
    told_in_part: set[frozenset[str]] = set()  # or with one field less
    for items in lists:
        rows = [_fields(item) for item in items if isinstance(item, dict) and 0 < len(item) <= MAX_FIELDS]
        count += sum(row in told_in_part or any(less in told for less in _one_less(row)) for row in rows)
        told.update(rows)
        told_in_part.update(each for row in rows for each in (row, *_one_less(row)))
    return count


def _fields(item: dict[str, Any]) -> frozenset[str]:
    """What an object says, however it is written: width, spaces and large letters make no difference."""
    said = ((name, json.dumps(value, sort_keys=True, ensure_ascii=False)) for name, value in item.items())
    plain = ((name, unicodedata.normalize("NFKC", "".join(value.split())).casefold()) for name, value in said)
    return frozenset(f"{name}={value}" for name, value in plain if value not in ("null", '""', "[]", "{}"))


def _one_less(row: frozenset[str]) -> list[frozenset[str]]:
    return [row - {field} for field in row] if len(row) > 2 else []
